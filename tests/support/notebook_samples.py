"""The sample notebooks of tests/notebook_files, texts of both file formats, and what `fabric-livy check` finds in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fabric_livy_magic.notebooks.files import notebook_file, read_notebook, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.need import Need
from fabric_livy_magic.notebooks.needs import Checker, Report

FILES = Path(__file__).parents[1] / "notebook_files"
COMMITTED = sorted((FILES / "committed").glob("*/notebook-content.*"))
EXPORTED = sorted((FILES / "exported").glob("*.ipynb"))
STARS = "*" * 20


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def committed(name: str) -> Notebook:
    return read_notebook(FILES / "committed" / f"{name}.Notebook")


def exported(path: Path) -> Path:
    return FILES / "exported" / f"{path.parent.stem}.ipynb"


def content_ids(path: Path) -> str:
    return path.parent.stem


def git_text(*parts: str, first: str = "# Fabric notebook source") -> str:
    return "\n".join([first, "", *parts])


def code_part(source: str, word: str = "CELL", mark: str = "#") -> str:
    return f"{mark} {word} {STARS}\n\n{source}\n"


def meta_part(json_text: str, word: str = "METADATA", prefix: str = "META", mark: str = "#") -> str:
    lines = "".join(f"{mark} {prefix} {line}\n" for line in json_text.split("\n"))
    return f"{mark} {word} {STARS}\n\n{lines}"


def ipynb_text(cells: list[dict[str, Any]] | None = None, **metadata: Any) -> str:
    return json.dumps({"cells": cells or [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 2})


def code_cell(source: Any = "1", **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


SPARK = {"kernel_info": {"name": "synapse_pyspark"}}


def check(path: Path) -> Report:
    return Checker().check(notebook_file(path))


def check_code(folder: Path, *sources: str, **of_notebook: Any) -> list[Need]:
    """The needs of a notebook with these code cells."""
    cells = tuple(Cell(source=source) for source in sources)
    write_notebook(folder / "it.Notebook", Notebook(cells=cells, **{"metadata": SPARK, **of_notebook}))
    return list(check(folder / "it.Notebook").needs)


def verdicts(needs: list[Need], what: str) -> dict[str, str]:
    """Name → verdict."""
    return {need.name: need.verdict for need in needs if need.what == what}


def repository_of(folder: Path, **runs: list[str]) -> Path:
    """A repository of notebooks by their names, each with the `%run` lines that it has."""
    (folder / ".git").mkdir()
    for name, lines in runs.items():
        cells = tuple(Cell(source=f"%run {line}") for line in lines)
        write_notebook(folder / f"{name}.Notebook", Notebook(cells=cells, metadata=SPARK))
    return folder
