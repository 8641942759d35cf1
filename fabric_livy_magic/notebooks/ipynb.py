"""`.ipynb` as Fabric's portal exports it: nbformat 4, with the portal's own keys in the metadata. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.json_text import read_json, write_json
from fabric_livy_magic.notebooks.languages import (
    JUPYTER_KERNEL,
    SPARK_KERNEL,
    WAREHOUSE_KERNEL,
    language_metadata,
    primary_language,
)
from fabric_livy_magic.notebooks.model import (
    CODE,
    MARKDOWN,
    RAW,
    Cell,
    Json,
    Notebook,
    OriginalFile,
    without_parameters_tag,
)

SUFFIX = ".ipynb"
_FABRIC_METADATA = ("kernel_info", "dependencies")  # the notebook metadata that Git files have, too
_KERNEL_NAMES = {SPARK_KERNEL: "Synapse PySpark", JUPYTER_KERNEL: "Jupyter", WAREHOUSE_KERNEL: "T-SQL"}


def read_ipynb(text: str) -> Notebook:
    """Raises NotebookError for what is no notebook of nbformat 4."""
    try:
        value = read_json(text.removeprefix("\ufeff"))
    except ValueError as error:
        conflict = next((n for n, line in enumerate(text.split("\n"), 1) if line.startswith("<<<<<<< ")), None)
        if conflict:
            raise NotebookError(f"An unresolved merge conflict in line {conflict}: resolve it first.") from None
        raise NotebookError(f"This is no notebook: its JSON is broken ({error}).") from None
    version = value.get("nbformat") if isinstance(value, dict) else None
    if isinstance(version, int) and version < 4:
        raise NotebookError(
            f"A notebook of the old format {version}: `jupyter nbconvert --to notebook` brings it up to date."
        )
    if not isinstance(value, dict) or not isinstance(value.get("cells"), list):
        raise NotebookError("This is no notebook: it has no list of cells.")
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    primary = _primary(metadata)
    fabric_metadata = {key: metadata[key] for key in _FABRIC_METADATA if key in metadata}
    others = {key: one for key, one in metadata.items() if key not in fabric_metadata}
    notebook = Notebook(
        cells=tuple(_cell(number, cell) for number, cell in enumerate(value["cells"], start=1)),
        primary=primary,
        metadata=fabric_metadata,
        jupyter=others,
        original=OriginalFile(text, SUFFIX),
    )
    derived = _language_metadata(replace(notebook, jupyter={}))
    if "kernel_info" not in fabric_metadata:
        del derived["kernelspec"]  # nothing else names the kernel
    kept = {key: one for key, one in others.items() if key not in derived or derived[key] != one}
    return replace(notebook, jupyter=kept)


def _primary(metadata: Json) -> str:
    """Scala, SQL and R notebooks of the portal have the same kernel as Python ones."""
    keys = [("microsoft", "language"), ("language_info", "name"), ("kernelspec", "language")]
    languages = [metadata[outer].get(inner) for outer, inner in keys if isinstance(metadata.get(outer), dict)]
    kernel = metadata.get("kernel_info")
    if isinstance(kernel, dict) and kernel.get("name") == WAREHOUSE_KERNEL:
        return "sql"
    return next((primary for primary in map(primary_language, languages) if primary), "python")


def _cell(number: int, value: Any) -> Cell:
    if not isinstance(value, dict):
        raise NotebookError(f"Cell {number} is no JSON object.")
    source = value.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError(f"Cell {number} has no text as its source.")
    kind = value.get("cell_type")
    if kind not in {CODE, MARKDOWN, RAW}:
        raise NotebookError(f"Cell {number} is of the type {kind!r}, which no notebook has.")
    metadata, jupyter = _split_metadata(value.get("metadata"))
    is_parameters, metadata = without_parameters_tag(metadata)
    outputs, count, cell_id = value.get("outputs"), value.get("execution_count"), value.get("id")
    attachments = value.get("attachments")
    return Cell(
        source=source,
        kind=kind,
        is_parameters=is_parameters,
        metadata=metadata,
        attachments=attachments if isinstance(attachments, dict) else {},
        outputs=tuple(one for one in outputs if isinstance(one, dict)) if isinstance(outputs, list) else (),
        execution_count=count if isinstance(count, int) else None,
        id=cell_id if isinstance(cell_id, str) else None,
        jupyter=jupyter,
    )


def _split_metadata(metadata: Any) -> tuple[Json, Json]:
    """(with the keys of the Git format, the rest)."""
    jupyter = dict(metadata) if isinstance(metadata, dict) else {}
    fabric_metadata: dict[str, Any] = {}
    if isinstance(jupyter.get("microsoft"), dict):
        fabric_metadata.update(jupyter.pop("microsoft"))
    control = jupyter.get("run_control")
    if isinstance(control, dict) and isinstance(control.get("frozen"), bool):
        fabric_metadata["frozen"] = control["frozen"]
        jupyter["run_control"] = {key: value for key, value in control.items() if key != "frozen"}
        if not jupyter["run_control"]:
            del jupyter["run_control"]
    if isinstance(jupyter.get("editable"), bool):
        fabric_metadata["editable"] = jupyter.pop("editable")
    if isinstance(jupyter.get("tags"), list):
        fabric_metadata["tags"] = jupyter.pop("tags")
    return fabric_metadata, jupyter


def write_ipynb(notebook: Notebook) -> str:
    """A notebook that is unchanged since it was read from an `.ipynb` is written with the same bytes.

    Raises NotebookError for JSON that nests too deeply.
    """
    original = notebook.original
    try:
        if original and original.suffix == SUFFIX and read_ipynb(original.text) == notebook:
            return original.text
        return write_json(as_json(notebook), indent=1) + "\n"
    except RecursionError:
        raise NotebookError("The notebook's metadata nests too deeply to be written.") from None


def as_json(notebook: Notebook) -> dict[str, Any]:
    """The notebook in nbformat 4.5; 4.4 where a cell has no id."""
    fabric_metadata = {key: value for key, value in notebook.metadata.items() if key in _FABRIC_METADATA}
    return {
        "cells": [_cell_json(cell) for cell in notebook.cells],
        "metadata": {**notebook.metadata, **_language_metadata(notebook), **notebook.jupyter, **fabric_metadata},
        "nbformat": 4,
        "nbformat_minor": 5 if all(cell.id for cell in notebook.cells) else 4,
    }


def _language_metadata(notebook: Notebook) -> dict[str, Any]:
    """The metadata that follow from language and kernel: an `.ipynb` repeats them, a Git file has each once."""
    kernel = notebook.kernel if notebook.kernel in _KERNEL_NAMES else SPARK_KERNEL
    primary = notebook.primary
    return {
        "kernelspec": {"display_name": _KERNEL_NAMES[kernel], "language": primary, "name": kernel},
        "language_info": {"name": primary},
        "microsoft": language_metadata(notebook.language, primary, kernel),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    value: dict[str, Any] = {"cell_type": cell.kind}
    if cell.id:
        value["id"] = cell.id
    value["metadata"] = _joined_metadata(cell)
    if cell.attachments and cell.kind != CODE:
        value["attachments"] = dict(cell.attachments)
    value["source"] = _lines(cell.source)
    if cell.kind == CODE:
        value["execution_count"] = cell.execution_count
        value["outputs"] = list(cell.outputs)
    return value


def _joined_metadata(cell: Cell) -> dict[str, Any]:
    outside_microsoft = {"frozen", "editable", "tags"}
    microsoft = {key: value for key, value in cell.metadata.items() if key not in outside_microsoft}
    metadata: dict[str, Any] = {"microsoft": microsoft} if microsoft else {}
    metadata.update(cell.jupyter)
    if "frozen" in cell.metadata:
        metadata["run_control"] = {**cell.jupyter.get("run_control", {}), "frozen": cell.metadata["frozen"]}
    if "editable" in cell.metadata:
        metadata["editable"] = cell.metadata["editable"]
    tags = [*(["parameters"] if cell.is_parameters else []), *cell.tags]
    if tags:
        metadata["tags"] = tags
    return metadata


def _lines(source: str) -> list[str]:
    """Each with its line break, as nbformat has it; only `\\n` ends a line."""
    lines = [f"{line}\n" for line in source.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
