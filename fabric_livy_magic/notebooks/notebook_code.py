"""A notebook's code cells and what they use, read without running them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from fabric_livy_magic.notebooks import portal_features
from fabric_livy_magic.notebooks.fabric_notebooks import OWN_KERNEL_MAGICS, names_own_kernel
from fabric_livy_magic.notebooks.languages import cell_magic, is_line_command
from fabric_livy_magic.notebooks.model import CODE, Cell, Notebook
from fabric_livy_magic.notebooks.python_code import PREDEFINED, PythonFacts, read_python


@dataclass
class NotebookCode:
    """A notebook's code cells and, by cell number, what they use."""

    notebook: Notebook
    cells: dict[int, Cell] = field(default_factory=dict)
    facts: dict[int, PythonFacts] = field(default_factory=dict)
    other_products_magics: dict[int, str] = field(default_factory=dict)
    """Of cells that begin with another product's magic: what follows is no Python."""

    written_modules: set[str] = field(default_factory=set)
    """That a cell writes by `%%writefile`."""

    def magics(self, name: str) -> Iterator[tuple[int, str]]:
        """(cell number, what follows the magic)."""
        for number, facts in self.facts.items():
            for magic, rest in facts.magics:
                if magic == name:
                    yield number, rest


def read_code(notebook: Notebook) -> NotebookCode:
    code = NotebookCode(notebook)
    aliases = dict(PREDEFINED)
    for number, cell in enumerate((cell for cell in notebook.cells if cell.kind == CODE), start=1):
        code.cells[number] = cell
        source = cell.source
        magic = cell_magic(source, notebook.comment)
        if magic:
            lines = source.split("\n")
            source = "\n" * (magic.line + 1) + "\n".join(lines[magic.line + 1 :])
            if magic.name == "writefile":
                code.written_modules.add(PurePosixPath(magic.arguments.split(" ")[-1]).stem)
        is_python = notebook.language_of(cell) in {"pyspark", "python"}
        if cell.is_skipped or not (is_python or is_line_command(source, notebook.comment)):
            continue
        first = next(iter(source.split(maxsplit=1)), "")
        is_own = first.lstrip("%") in OWN_KERNEL_MAGICS and names_own_kernel(notebook)
        if first in portal_features.FABRIC_EQUIVALENT_OF_MAGIC and not is_own:
            code.other_products_magics[number] = first
        else:
            code.facts[number] = read_python(source, aliases)
    return code
