"""`sempy.fabric` in a session: the ids and names that the embedded Fabric knows."""

from __future__ import annotations

import importlib
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fabric_livy_magic.local.sessions.notebook_context import notebook_id
from tests.support.notebookutils import BRONZE, GOLD, OTHER_WORKSPACE, SILVER, WORKSPACE, utilities

ITEM_COLUMNS = ["Id", "Display Name", "Description", "Type", "Workspace Id", "Folder Id"]


@contextmanager
def session_modules(folder: Path, **more: Any) -> Iterator[Any]:
    """`notebookutils` with the finders that a session's Python has."""
    with utilities(folder, **more) as utils:
        before = [*sys.meta_path]
        importlib.import_module("notebookutils._service_modules").install()
        try:
            yield utils
        finally:
            sys.meta_path[:] = before


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[Any]:
    with session_modules(tmp_path, notebook={"name": "Load", "id": "a-notebook", "above": []}):
        yield importlib.import_module("sempy.fabric")


def item(root: Path, name: str, display_name: str | None = None) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    if display_name is not None:
        metadata = {"type": folder.suffix[1:], "displayName": display_name, "description": "kept"}
        (folder / ".platform").write_text(json.dumps({"metadata": metadata}), encoding="utf-8")
    return folder


def test_the_ids_of_the_session_are_those_of_runtime_context(fabric: Any) -> None:
    assert fabric.get_workspace_id() == fabric.get_notebook_workspace_id() == WORKSPACE
    assert (fabric.get_lakehouse_id(), fabric.get_artifact_id()) == (BRONZE, "a-notebook")


@pytest.mark.parametrize("given", [None, "Sales", WORKSPACE, WORKSPACE.upper(), uuid.UUID(WORKSPACE)])
def test_a_workspace_is_resolved_by_name_or_id(fabric: Any, given: Any) -> None:
    assert fabric.resolve_workspace_id(given) == WORKSPACE
    assert fabric.resolve_workspace_name(workspace=given) == "Sales"
    assert fabric.resolve_workspace_name_and_id(given) == ("Sales", WORKSPACE)


def test_what_is_not_there_raises_semantic_link_s_exceptions(fabric: Any) -> None:
    with pytest.raises(
        fabric.exceptions.WorkspaceNotFoundException, match=r"Workspace 'Nowhere' not found. .*'Sales', 'Other'"
    ):
        fabric.resolve_workspace_id("Nowhere")
    with pytest.raises(
        fabric.exceptions.ItemNotFoundException, match=r"no item of type 'Lakehouse' .*'Gold' in workspace 'Sales'"
    ):
        fabric.resolve_item_id("Gold", "Lakehouse")


@pytest.mark.parametrize(
    ("arguments", "named", "found"),
    [
        (("Silver",), {}, SILVER),
        ((), {"item_name": "Silver", "type": "Lakehouse"}, SILVER),
        ((SILVER,), {"item_type": "Lakehouse"}, SILVER),
        (("Gold", "Lakehouse", "Other"), {}, GOLD),
        ((uuid.UUID(GOLD),), {"workspace": uuid.UUID(OTHER_WORKSPACE)}, GOLD),
    ],
)
def test_an_item_is_resolved_as_the_real_signature_says(fabric: Any, arguments: Any, named: Any, found: str) -> None:
    assert fabric.resolve_item_id(*arguments, **named) == found
    if "item_name" not in named:
        assert fabric.resolve_item_name(*arguments, **named) == {SILVER: "Silver", GOLD: "Gold"}[found]


def test_frames_have_the_columns_of_the_service(fabric: Any) -> None:
    workspaces = fabric.list_workspaces()
    assert workspaces["Name"].tolist() == ["Sales", "Other"]
    assert workspaces.set_index("Name").loc["Other", "Id"] == OTHER_WORKSPACE
    assert fabric.list_workspaces(top=1, skip=1)["Name"].tolist() == ["Other"]
    items = fabric.list_items(workspace="Sales")
    assert items.columns.tolist() == ITEM_COLUMNS
    assert items[["Display Name", "Id", "Type"]].to_numpy().tolist() == [
        ["Bronze", BRONZE, "Lakehouse"],
        ["Silver", SILVER, "Lakehouse"],
    ]
    empty = fabric.list_items("Report")
    assert (len(empty), empty.columns.tolist()) == (0, ITEM_COLUMNS)
    (one,) = fabric.get_item("Silver", "Lakehouse").to_dict("records")
    assert one == {
        "Id": SILVER, "Display Name": "Silver", "Description": "", "Type": "Lakehouse", "Workspace Id": WORKSPACE,
    }  # fmt: skip
    assert fabric.get_item("Silver", return_dataframe=False)["displayName"] == "Silver"
    assert fabric.lakehouse.resolve_lakehouse_id("Silver") == SILVER


def test_the_repository_s_items_are_the_workspace_s(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    load = item(root / "etl", "load.Notebook", "Load daily") / "notebook-content.py"
    load.write_text("# Fabric notebook source\n", encoding="utf-8")
    item(root, "Sales.SemanticModel", "Sales")
    item(root, "plain.Report")
    item(root, "Elsewhere.Lakehouse", "Elsewhere")  # which lakehouses there are, the server says
    item(root, ".git/hidden.Report", "hidden")
    item(root, "no.item", "no item")
    (root / "explore.ipynb").write_text("{}", encoding="utf-8")
    with session_modules(tmp_path, notebooks=str(root)):
        fabric = importlib.import_module("sempy.fabric")
        found = fabric.list_items()
        names = found[found["Type"] != "Lakehouse"][["Type", "Display Name"]].to_numpy().tolist()
        assert names == [
            ["Notebook", "explore"], ["Notebook", "Load daily"], ["Report", "plain"], ["SemanticModel", "Sales"],
        ]  # fmt: skip
        assert fabric.resolve_item_id("Load daily", "Notebook") == notebook_id(load)
        assert fabric.resolve_item_id("explore", "Notebook") == notebook_id(root / "explore.ipynb")
        assert fabric.get_item("Load daily")["Description"].tolist() == ["kept"]
        assert "Notebook" not in fabric.list_items(workspace="Other")["Type"].tolist()


@pytest.mark.parametrize(
    "name", ["evaluate_dax", "FabricRestClient", "read_table", "list_datasets", "create_workspace"]
)
def test_what_needs_the_service_is_importable_and_says_so_in_one_line(fabric: Any, name: str) -> None:
    with pytest.raises(RuntimeError, match=rf"^sempy\.fabric\.{name} needs Fabric's service: [^\n]*$"):
        getattr(fabric, name)("Sales", "EVALUATE x")


def test_a_filter_that_only_the_service_reads_is_refused(fabric: Any) -> None:
    with pytest.raises(RuntimeError, match="Filter the frame"):
        fabric.list_workspaces("name eq 'Sales'")
    with pytest.raises(TypeError, match="'item' or 'item_name', not both"):
        fabric.resolve_item_id("a", item_name="a")


@pytest.mark.parametrize("module", ["sempy.relationships", "sempy.functions", "sempy_labs", "fmlv"])
def test_other_parts_of_the_runtime_say_what_they_need(fabric: Any, module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="The embedded Fabric does not have it"):
        importlib.import_module(module)


def test_an_installed_semantic_link_is_imported_and_answers_for_other_workspaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site" / "sempy" / "fabric"
    installed.mkdir(parents=True)
    (installed.parent / "__init__.py").write_text("", encoding="utf-8")
    (installed / "exceptions.py").write_text(
        "class WorkspaceNotFoundException(Exception):\n"
        "    def __init__(self, workspace, message=None): super().__init__(message)\n",
        encoding="utf-8",
    )
    (installed / "__init__.py").write_text(
        "from sempy.fabric import exceptions\n"
        "def evaluate_dax(dataset, dax): return 'a real answer'\n"
        "def get_workspace_id(): return ''\n"
        "def resolve_workspace_id(workspace=None, credential=None): return f'the service says {workspace}'\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with session_modules(tmp_path):
        fabric = importlib.import_module("sempy.fabric")
        assert fabric.evaluate_dax("model", "EVALUATE x") == "a real answer"
        assert fabric.get_workspace_id() == fabric.resolve_workspace_id("Sales") == WORKSPACE
        assert fabric.resolve_workspace_id("In the cloud") == "the service says In the cloud"
        assert not hasattr(fabric, "list_items")  # of an older release: it stays as it is


def test_frames_are_pandas_frames(fabric: Any) -> None:
    assert type(fabric.list_items()) is type(fabric.list_workspaces()) is pd.DataFrame
