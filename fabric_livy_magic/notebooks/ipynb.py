"""`.ipynb` as Fabric's portal exports it: nbformat 4, with the portal's own words in the metadata. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.json_text import read_json, write_json
from fabric_livy_magic.notebooks.languages import JUPYTER_KERNEL, SPARK_KERNEL, WAREHOUSE_KERNEL, primary_of, words_of
from fabric_livy_magic.notebooks.model import (
    CODE,
    MARKDOWN,
    RAW,
    AsRead,
    Cell,
    Json,
    Notebook,
    without_parameters_tag,
)

SUFFIX = ".ipynb"
_FABRICS_OWN = ("kernel_info", "dependencies")  # the notebook metadata that Git files have, too
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
    own = {key: metadata[key] for key in _FABRICS_OWN if key in metadata}
    others = {key: one for key, one in metadata.items() if key not in own}
    notebook = Notebook(
        cells=tuple(_cell(number, cell) for number, cell in enumerate(value["cells"], start=1)),
        primary=primary,
        metadata=own,
        jupyter=others,
        as_read=AsRead(text, SUFFIX),
    )
    repeated = _told_by_kernel(replace(notebook, jupyter={}))
    if "kernel_info" not in own:
        del repeated["kernelspec"]  # it alone names the kernel
    kept = {key: one for key, one in others.items() if key not in repeated or repeated[key] != one}
    return replace(notebook, jupyter=kept)


def _primary(metadata: Json) -> str:
    """Scala, SQL and R notebooks of the portal have the same kernel as Python ones."""
    words = [("microsoft", "language"), ("language_info", "name"), ("kernelspec", "language")]
    said = [metadata[outer].get(inner) for outer, inner in words if isinstance(metadata.get(outer), dict)]
    kernel = metadata.get("kernel_info")
    if isinstance(kernel, dict) and kernel.get("name") == WAREHOUSE_KERNEL:
        return "sql"
    return next((primary for primary in map(primary_of, said) if primary), "python")


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
    metadata, jupyter = _split(value.get("metadata"))
    is_parameters, metadata = without_parameters_tag(metadata)
    outputs, count, identity = value.get("outputs"), value.get("execution_count"), value.get("id")
    attachments = value.get("attachments")
    return Cell(
        source=source,
        kind=kind,
        is_parameters=is_parameters,
        metadata=metadata,
        attachments=attachments if isinstance(attachments, dict) else {},
        outputs=tuple(one for one in outputs if isinstance(one, dict)) if isinstance(outputs, list) else (),
        execution_count=count if isinstance(count, int) else None,
        id=identity if isinstance(identity, str) else None,
        jupyter=jupyter,
    )


def _split(metadata: Any) -> tuple[Json, Json]:
    """(in the words of the Git format, the rest)."""
    jupyter = dict(metadata) if isinstance(metadata, dict) else {}
    own: dict[str, Any] = {}
    if isinstance(jupyter.get("microsoft"), dict):
        own.update(jupyter.pop("microsoft"))
    control = jupyter.get("run_control")
    if isinstance(control, dict) and isinstance(control.get("frozen"), bool):
        own["frozen"] = control["frozen"]
        jupyter["run_control"] = {key: value for key, value in control.items() if key != "frozen"}
        if not jupyter["run_control"]:
            del jupyter["run_control"]
    if isinstance(jupyter.get("editable"), bool):
        own["editable"] = jupyter.pop("editable")
    if isinstance(jupyter.get("tags"), list):
        own["tags"] = jupyter.pop("tags")
    return own, jupyter


def write_ipynb(notebook: Notebook) -> str:
    """An unchanged notebook that was read from an `.ipynb` is written byte by byte.

    Raises NotebookError for JSON that nests too deeply.
    """
    before = notebook.as_read
    try:
        if before and before.suffix == SUFFIX and read_ipynb(before.text) == notebook:
            return before.text
        return write_json(as_json(notebook), indent=1) + "\n"
    except RecursionError:
        raise NotebookError("The notebook's metadata nests too deeply to be written.") from None


def as_json(notebook: Notebook) -> dict[str, Any]:
    """As nbformat wants it; 4.4 where a cell has no id."""
    own = {key: value for key, value in notebook.metadata.items() if key in _FABRICS_OWN}
    return {
        "cells": [_cell_json(cell) for cell in notebook.cells],
        "metadata": {**notebook.metadata, **_told_by_kernel(notebook), **notebook.jupyter, **own},
        "nbformat": 4,
        "nbformat_minor": 5 if all(cell.id for cell in notebook.cells) else 4,
    }


def _told_by_kernel(notebook: Notebook) -> dict[str, Any]:
    """What the portal and Jupyter say of a notebook's language and kernel, which Git files have once."""
    kernel = notebook.kernel if notebook.kernel in _KERNEL_NAMES else SPARK_KERNEL
    name = notebook.primary
    return {
        "kernelspec": {"display_name": _KERNEL_NAMES[kernel], "language": name, "name": kernel},
        "language_info": {"name": name},
        "microsoft": words_of(notebook.language, name, kernel),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = {"cell_type": cell.kind}
    if cell.id:
        found["id"] = cell.id
    found["metadata"] = _joined(cell)
    if cell.attachments and cell.kind != CODE:
        found["attachments"] = dict(cell.attachments)
    found["source"] = _lines(cell.source)
    if cell.kind == CODE:
        found["execution_count"] = cell.execution_count
        found["outputs"] = list(cell.outputs)
    return found


def _joined(cell: Cell) -> dict[str, Any]:
    elsewhere = {"frozen", "editable", "tags"}
    microsoft = {key: value for key, value in cell.metadata.items() if key not in elsewhere}
    found: dict[str, Any] = {"microsoft": microsoft} if microsoft else {}
    found.update(cell.jupyter)
    if "frozen" in cell.metadata:
        found["run_control"] = {**cell.jupyter.get("run_control", {}), "frozen": cell.metadata["frozen"]}
    if "editable" in cell.metadata:
        found["editable"] = cell.metadata["editable"]
    tags = [*(["parameters"] if cell.is_parameters else []), *cell.tags]
    if tags:
        found["tags"] = tags
    return found


def _lines(source: str) -> list[str]:
    """Each with its line break, as nbformat has it; only `\\n` breaks a line."""
    lines = [f"{line}\n" for line in source.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
