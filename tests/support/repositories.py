"""A Git repository of a Fabric workspace, as Fabric commits its items."""

from __future__ import annotations

import json
from pathlib import Path

from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.model import Notebook


def commit_lakehouse(parent: Path, name: str, folder: str = "", **metadata: object) -> Path:
    """`metadata` is that of the lakehouse: `defaultSchema="dbo"` for one with schemas."""
    made = parent / f"{folder or name}.Lakehouse"
    made.mkdir(parents=True)
    platform = {"metadata": {"type": "Lakehouse", "displayName": name}, "config": {"version": "2.0"}}
    for file, content in (
        (".platform", platform),
        ("lakehouse.metadata.json", metadata),
        ("shortcuts.metadata.json", []),
    ):
        (made / file).write_text(json.dumps(content), encoding="utf-8")
    return made


def commit_notebook(parent: Path, name: str, notebook: Notebook) -> Path:
    """In Git's format, or as an `.ipynb` where the name says so."""
    path = parent / (name if name.endswith(".ipynb") else f"{name}.Notebook")
    write_notebook(path, notebook)
    return path
