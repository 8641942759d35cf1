"""`notebookutils` outside of a session, with a session context of the test."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.local.sessions.notebook_context import PACKAGES

WORKSPACE, OTHER_WORKSPACE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
BRONZE, SILVER, GOLD = (f"{number * 8}-3333-4333-8333-333333333333" for number in "abc")


def facts(folder: Path, **more: Any) -> dict[str, Any]:
    def lakehouse(lakehouse_id: str, name: str, schema: str | None = None) -> dict[str, Any]:
        home = folder / name
        for below in ("Files", "Tables"):
            (home / below).mkdir(parents=True, exist_ok=True)
        return {
            "id": lakehouse_id,
            "name": name,
            "description": "",
            "folder": str(home),
            "default_schema": schema,
            "missing_shortcuts": {},
        }

    (folder / "private").mkdir(exist_ok=True)
    return {
        "workspaces": [
            {
                "id": WORKSPACE,
                "name": "Sales",
                "lakehouses": [lakehouse(BRONZE, "Bronze"), lakehouse(SILVER, "Silver", "dbo")],
            },
            {"id": OTHER_WORKSPACE, "name": "Other", "lakehouses": [lakehouse(GOLD, "Gold")]},
        ],
        "workspace_id": WORKSPACE,
        "lakehouse_id": BRONZE,
        "private": str(folder / "private"),
        "session_id": "a-session",
        "user": "somebody",
        "children": {"port": 1, "secret": "x"},
        "notebooks": None,
        "notebook": None,
        "value_set": None,
        **more,
    }


@contextmanager
def importable() -> Iterator[Any]:
    """The package, importable only inside the `with` block."""
    assert "notebookutils" not in sys.modules, sys.modules["notebookutils"]  # left by a test
    sys.path.append(str(PACKAGES))
    try:
        yield importlib.import_module("notebookutils")
    finally:
        sys.path.remove(str(PACKAGES))
        forget_notebookutils()


def forget_notebookutils() -> None:
    """The next import of it takes what it finds then."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("notebookutils", "mssparkutils", "sempy")]:
        del sys.modules[name]


@contextmanager
def utilities(folder: Path, **more: Any) -> Iterator[Any]:
    with importable() as package, pytest.MonkeyPatch.context() as patch:
        kept = importlib.import_module("notebookutils._context")
        patch.setattr(kept.Cache, "session_context", kept.read(facts(folder, **more)))
        yield package
