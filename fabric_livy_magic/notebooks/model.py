"""A Fabric notebook, from either file format. Pure.

`metadata` is Fabric's own, with the keys of the Git format. `jupyter` is the other metadata of an `.ipynb`, which the Git
format cannot hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from fabric_livy_magic.notebooks.languages import (
    COMMENT_MARKS,
    JUPYTER_KERNEL,
    SPARK_KERNEL,
    WAREHOUSE_KERNEL,
    WRAPPING_MAGICS,
    cell_magic,
    is_line_command,
    language_metadata,
    language_of_metadata,
    notebook_language,
    with_magic_first,
)

CODE, MARKDOWN, RAW = "code", "markdown", "raw"
SKIPPED_TAGS = frozenset({"fabric_skip_execution", "skip-execution"})  # Fabric's, and Jupyter's

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
        """A run of the notebook leaves it out."""
        return self.is_frozen or not SKIPPED_TAGS.isdisjoint(self.tags)


@dataclass(frozen=True)
class Item:
    """An item of a workspace that a notebook refers to. What the notebook does not name is empty."""

    id: str
    name: str = ""
    workspace_id: str = ""


@dataclass(frozen=True)
class Problem:
    """Something in a file that was not understood, though the rest was read; `line` counts from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class OriginalFile:
    """The text that a notebook was read from, so that an unchanged one is written with the same bytes."""

    text: str = field(repr=False)
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Notebook:
    cells: tuple[Cell, ...] = ()
    primary: str = "python"
    """python, sql, scala or r."""
    metadata: Json = field(default_factory=dict)
    """`kernel_info` and `dependencies`; a broken file may have neither."""
    jupyter: Json = field(default_factory=dict)
    preamble: str = ""
    """Extra text of a Git file on its first line and between that and the first part."""
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    original: OriginalFile | None = field(default=None, compare=False, repr=False)

    @cached_property
    def kernel(self) -> str:
        """Such as synapse_pyspark; empty where the notebook names none."""
        return _text(self.metadata, "kernel_info", "name") or _text(self.jupyter, "kernelspec", "name")

    @cached_property
    def language(self) -> str:
        """Of a cell that names no other: pyspark, sql, spark, sparkr, tsql, kql or python."""
        return notebook_language(self.primary, self.kernel)

    @property
    def comment(self) -> str:
        return COMMENT_MARKS[self.primary]

    def language_of(self, cell: Cell) -> str:
        """That of its magic, else of its metadata, else the notebook's. The magic's name where no session runs it."""
        magic = cell_magic(cell.source, self.comment)
        if magic and magic.name not in WRAPPING_MAGICS:
            return magic.name
        metadata, own = cell.metadata, self.language
        return language_of_metadata(metadata.get("language"), metadata.get("language_group"), own) or own

    def kernel_code(self, cell: Cell, kernel_language: str = "pyspark") -> str:
        """The code for a kernel that runs cells without a magic as `kernel_language`: the `%%` magic is on the first line, and is
        added where the cell has none but needs one."""
        magic = cell_magic(cell.source, self.comment)
        if magic:
            return with_magic_first(cell.source, magic)
        language = self.language_of(cell)
        needs_none = (
            language in {kernel_language, "python"}
            or not cell.source.strip()
            or is_line_command(cell.source, self.comment)
        )
        return cell.source if needs_none else f"%%{language}\n{cell.source}"

    @property
    def parameters_index(self) -> int | None:
        """Of the parameters cell in `cells`; a run's parameter values are inserted below it."""
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
        """Its workspace id is all zeros where it is the notebook's own workspace."""
        found = _mapping(self._dependencies, "environment")
        item = Item(_text(found, "environmentId"), workspace_id=_text(found, "workspaceId"))
        return item if item.id else None

    @property
    def _dependencies(self) -> Json:
        """Old exports have `trident` instead."""
        return _mapping(self.metadata, "dependencies") or _mapping(self.jupyter, "trident")


def with_portal_metadata(notebook: Notebook) -> Notebook:
    """With the metadata that the portal writes into its Git format: kernel, dependencies, the language of each code cell."""
    kernel = notebook.kernel if notebook.kernel in {WAREHOUSE_KERNEL, JUPYTER_KERNEL} else SPARK_KERNEL
    metadata = dict(notebook.metadata)
    if not metadata.get("kernel_info"):
        metadata = {"kernel_info": {"name": kernel}, **metadata}
    if "dependencies" not in metadata and notebook._dependencies:
        metadata["dependencies"] = dict(notebook._dependencies)
    cells = []
    for cell in notebook.cells:
        if cell.kind == CODE and "language" not in cell.metadata:
            language = language_metadata(notebook.language_of(cell), notebook.primary, kernel)
            cells.append(replace(cell, metadata={**language, **cell.metadata}))
        else:
            cells.append(cell)
    return replace(notebook, metadata=metadata, cells=tuple(cells))


def without_parameters_tag(metadata: Json) -> tuple[bool, Json]:
    """(whether the tag `parameters` is there, the metadata without it).

    The portal writes the tag in `.ipynb` only, and a marker in Git files; people and generators write the tag there, too.
    """
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
