"""Which notebooks are tests, and where their cells stand in their files. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.git_format import committed_lines
from fabric_livy_magic.notebooks.ipynb import SUFFIX
from fabric_livy_magic.notebooks.model import CODE, Notebook

WORDS = frozenset({"test", "tests"})
TAG = "test"
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # of TestOrders


def is_test(file: NotebookFile) -> bool:
    """Its name begins or ends with the word `test` or `tests`, in any case (`Test Orders`, `orders_test`, `TestOrders`, but not
    `Latest`), or the notebook or one of its cells has the tag `test`. A file that cannot be read goes by its name."""
    if has_name_of_test(file.name):
        return True
    try:
        return has_tag_of_test(file.read())
    except NotebookError:
        return False


def has_name_of_test(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(_HUMP.sub(" ", name))]
    return bool(words) and not WORDS.isdisjoint({words[0], words[-1]})


def has_tag_of_test(notebook: Notebook) -> bool:
    of_notebook = [_tags(notebook.metadata), _tags(notebook.jupyter)]
    return any(TAG in tags for tags in [*of_notebook, *(cell.tags for cell in notebook.cells)])


def _tags(metadata: Mapping[str, Any]) -> list[Any]:
    tags = metadata.get("tags")
    return tags if isinstance(tags, list) else []


def cell_lines(path: Path, notebook: Notebook) -> list[int]:
    """The line in the file on which the text of each cell begins, 1 for the first; 0 of an `.ipynb`, in which it has none."""
    if path.suffix.lower() == SUFFIX or notebook.original is None:
        return [0] * len(notebook.cells)
    committed = committed_lines(notebook.original.text)
    found, line = [], len(committed.header) + 1
    for cell in committed.cells:
        text_begins = 2 if len(cell) > 1 and not cell[1].strip() else 1  # below the marker and an empty line
        found.append(line + text_begins)
        line += len(cell)
    return found


def code_numbers(notebook: Notebook) -> dict[int, int]:
    """Index of a cell → its number among the code cells, from 1."""
    codes = [index for index, cell in enumerate(notebook.cells) if cell.kind == CODE]
    return {index: number for number, index in enumerate(codes, start=1)}
