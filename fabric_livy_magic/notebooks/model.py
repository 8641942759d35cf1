"""A Fabric notebook, whichever file it came from. Pure.

`metadata` is what Fabric itself says, in the words of the Git format. `jupyter` is the rest of what an `.ipynb` holds,
for which the Git format has no place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fabric_livy_magic.notebooks.languages import (
    ABOUT_CODE,
    COMMENT_MARKS,
    JUPYTER_KERNEL,
    SPARK_KERNEL,
    WAREHOUSE_KERNEL,
    cell_magic,
    declared_language,
    is_line_command,
    notebook_language,
    with_magic_first,
    words_of,
)

CODE, MARKDOWN, RAW = "code", "markdown", "raw"
SKIPPED_TAG = "fabric_skip_execution"

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`source` is what the portal shows, with its `%%` magic where it has one."""

    source: str = field(default="", repr=False)
    kind: str = CODE
    is_parameters: bool = False
    metadata: Json = field(default_factory=dict)
    """`language`, `language_group`, `frozen`, `editable`, `tags`; any of them may be missing."""
    attachments: Json = field(default_factory=dict, repr=False)
    outputs: tuple[Json, ...] = field(default=(), repr=False)
    execution_count: int | None = None
    id: str | None = None
    jupyter: Json = field(default_factory=dict)

    @property
    def tags(self) -> list[str]:
        tags = self.metadata.get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    @property
    def is_frozen(self) -> bool:
        return self.metadata.get("frozen") is True

    @property
    def is_skipped(self) -> bool:
        """Fabric does not run it with the others."""
        return self.is_frozen or SKIPPED_TAG in self.tags


@dataclass(frozen=True)
class Item:
    """Something of a workspace that a notebook names. What it does not say is empty."""

    id: str
    name: str = ""
    workspace_id: str = ""


@dataclass(frozen=True)
class Problem:
    """What could not be understood in a file that was read all the same; `line` counts from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class AsRead:
    """The file's own text, so that an unchanged notebook is written with the same bytes. `suffix` is the file's ending."""

    text: str = field(repr=False)
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Notebook:
    cells: tuple[Cell, ...] = ()
    primary: str = "python"
    """python, sql, scala or r."""
    metadata: Json = field(default_factory=dict)
    """`kernel_info` and `dependencies`; in broken files none."""
    jupyter: Json = field(default_factory=dict)
    preamble: str = ""
    """What a Git file has on and below its first line beyond the words that belong there."""
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    as_read: AsRead | None = field(default=None, compare=False, repr=False)

    @property
    def kernel(self) -> str:
        """Such as synapse_pyspark; empty where the notebook names none."""
        return _text(self.metadata, "kernel_info", "name") or _text(self.jupyter, "kernelspec", "name")

    @property
    def language(self) -> str:
        """Of a cell that says nothing else: pyspark, sql, spark, sparkr, tsql, kql or python."""
        return notebook_language(self.primary, self.kernel)

    @property
    def comment(self) -> str:
        return COMMENT_MARKS[self.primary]

    def language_of(self, cell: Cell) -> str:
        """By its magic, else by its metadata, else the notebook's. For a magic that no session knows, its name."""
        magic = cell_magic(cell.source, self.comment)
        if magic and magic.name not in ABOUT_CODE:
            return magic.name
        metadata, own = cell.metadata, self.language
        return declared_language(metadata.get("language"), metadata.get("language_group"), own) or own

    def kernel_code(self, cell: Cell, bare: str = "pyspark") -> str:
        """The cell as a kernel takes it whose bare cells are of the language `bare`: magic first, added where it lacks."""
        magic = cell_magic(cell.source, self.comment)
        if magic:
            return with_magic_first(cell.source, magic)
        language = self.language_of(cell)
        is_bare = language in {bare, "python"} or not cell.source.strip() or is_line_command(cell.source, self.comment)
        return cell.source if is_bare else f"%%{language}\n{cell.source}"

    @property
    def parameters_index(self) -> int | None:
        """Of the parameters cell in `cells`; given values go in below it."""
        return next((number for number, cell in enumerate(self.cells) if cell.is_parameters), None)

    @property
    def default_lakehouse(self) -> Item | None:
        found = _mapping(self._dependencies, "lakehouse")
        item = Item(
            _text(found, "default_lakehouse"),
            _text(found, "default_lakehouse_name"),
            _text(found, "default_lakehouse_workspace_id"),
        )
        return item if item.id or item.name else None

    @property
    def known_lakehouse_ids(self) -> list[str]:
        known = _mapping(self._dependencies, "lakehouse").get("known_lakehouses")
        ids = [_text(one, "id") for one in known if isinstance(one, Mapping)] if isinstance(known, list) else []
        return [one for one in ids if one]

    @property
    def environment(self) -> Item | None:
        """Its workspace is all zeros where it is the notebook's own."""
        found = _mapping(self._dependencies, "environment")
        item = Item(_text(found, "environmentId"), workspace_id=_text(found, "workspaceId"))
        return item if item.id else None

    @property
    def _dependencies(self) -> Json:
        """Old exports say `trident` instead."""
        return _mapping(self.metadata, "dependencies") or _mapping(self.jupyter, "trident")


def declared(notebook: Notebook) -> Notebook:
    """With all that the portal would say in its Git format: the kernel, the dependencies, each code cell's language."""
    kernel = notebook.kernel if notebook.kernel in {WAREHOUSE_KERNEL, JUPYTER_KERNEL} else SPARK_KERNEL
    said = dict(notebook.metadata)
    if not said.get("kernel_info"):
        said = {"kernel_info": {"name": kernel}, **said}
    if "dependencies" not in said and notebook._dependencies:
        said["dependencies"] = dict(notebook._dependencies)
    cells = []
    for cell in notebook.cells:
        if cell.kind == CODE and "language" not in cell.metadata:
            words = words_of(notebook.language_of(cell), notebook.primary, kernel)
            cells.append(replace(cell, metadata={**words, **cell.metadata}))
        else:
            cells.append(cell)
    return replace(notebook, metadata=said, cells=tuple(cells))


def without_parameters_tag(metadata: Json) -> tuple[bool, Json]:
    """Written by hand and by generators; the portal itself has a marker for it in Git files, and the tag in `.ipynb`."""
    tags = metadata.get("tags")
    if not isinstance(tags, list) or "parameters" not in tags:
        return False, metadata
    others = [tag for tag in tags if tag != "parameters"]
    return True, {key: others if key == "tags" else value for key, value in metadata.items() if key != "tags" or others}


def _mapping(value: object, key: str) -> Json:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(value: object, *keys: str) -> str:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
