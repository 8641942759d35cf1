"""Which lakehouses a session has, by its notebook and the repository of that."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home, folder_name, home_of
from fabric_livy_magic.local.lakehouse.onelake_paths import find_lakehouse, find_workspace
from fabric_livy_magic.local.lakehouse.served_workspaces import NameTaken, ServedWorkspaces
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces, one_lakehouse, read_workspaces
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse, NamedLakehouses, named_lakehouse
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support.repositories import commit_lakehouse, commit_notebook

WORKSPACE, BRONZE, SILVER, OTHER = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "1234")
IN_BRONZE = NamedLakehouses(NamedLakehouse("Bronze", BRONZE, WORKSPACE))
IN_SILVER = NamedLakehouses(NamedLakehouse("Silver", SILVER, WORKSPACE))


@pytest.fixture
def server(tmp_path: Path) -> Workspaces:
    (tmp_path / "house").mkdir()
    return one_lakehouse(tmp_path / "house", schemas=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    return root


def home(server: Workspaces, named: NamedLakehouses, repository: Path | None = None) -> Home:
    return home_of(server, server.first_lakehouse, named, repository)


def folder_of(found: Home, name: str, workspace: str = "") -> Path:
    return find_lakehouse(find_workspace(found.workspaces, workspace or found.lakehouse.workspace_id), name).folder


def test_a_notebook_that_names_none_has_the_lakehouse_of_the_server(server: Workspaces, repository: Path) -> None:
    assert home(server, NamedLakehouses(), repository) == Home(server.first_lakehouse, server)


def test_of_two_committed_lakehouses_with_one_name_the_nearest_to_the_notebook_counts(
    server: Workspaces, repository: Path
) -> None:
    commit_lakehouse(repository / "dev", "Bronze")
    commit_lakehouse(repository / "prod", "Bronze", defaultSchema="gold")
    for stage, schema in (("dev", None), ("prod", "gold")):
        notebook = repository / stage / "Load.Notebook" / "notebook-content.py"
        found = home_of(server, server.first_lakehouse, IN_BRONZE, repository, notebook)
        assert found.lakehouse.default_schema == schema


def test_a_default_lakehouse_exists_by_its_name_and_its_ids(server: Workspaces) -> None:
    found = home(server, IN_BRONZE)
    assert (found.lakehouse.name, found.lakehouse.id, found.lakehouse.workspace_id) == ("Bronze", BRONZE, WORKSPACE)
    assert found.lakehouse.default_schema == "dbo"
    assert folder_of(found, "bronze") == folder_of(found, f"{BRONZE}.Lakehouse", WORKSPACE) == found.lakehouse.folder


def test_the_folder_is_that_of_the_lakehouse_named_first_and_every_other_has_its_own(
    server: Workspaces, repository: Path
) -> None:
    """Files and tables that were there before are found."""
    first, second = home(server, IN_BRONZE, repository), home(server, IN_SILVER, repository)
    assert first.lakehouse.folder == server.first_lakehouse.folder
    assert second.lakehouse.folder.is_relative_to(server.first_lakehouse.folder / "lakehouses")
    commit_lakehouse(repository, "Bronze")
    commit_lakehouse(repository, "Silver", defaultSchema="dbo")
    assert folder_of(home(server, IN_SILVER, repository), "Bronze") == first.lakehouse.folder
    assert folder_of(home(server, IN_BRONZE, repository), "Silver") == second.lakehouse.folder


def test_committed_lakehouses_exist_beside_the_notebook_s_with_schemas_where_they_have_them(
    server: Workspaces, repository: Path
) -> None:
    commit_lakehouse(repository / "data", "Gold", defaultSchema="dbo")
    commit_lakehouse(repository / "data", "Bronze")
    for named in (NamedLakehouses(), IN_BRONZE, IN_SILVER):
        found = home(server, named, repository)
        own = find_workspace(found.workspaces, found.lakehouse.workspace_id)
        assert find_lakehouse(own, "gold").default_schema == "dbo"
        assert find_lakehouse(own, "BRONZE").default_schema is None


def test_what_other_notebooks_of_the_repository_name_exists_too(server: Workspaces, repository: Path) -> None:
    metadata = {
        "default_lakehouse": SILVER,
        "default_lakehouse_name": "Silver",
        "default_lakehouse_workspace_id": OTHER,
    }
    notebook = Notebook(cells=(Cell(source="1"),), metadata={"dependencies": {"lakehouse": metadata}})
    commit_notebook(repository, "Other", notebook)
    named = NamedLakehouses(IN_BRONZE.default, (NamedLakehouse("", SILVER, WORKSPACE),))
    found = home(server, named, repository)
    assert folder_of(found, "Silver") == folder_of(found, SILVER) == folder_of(found, SILVER, OTHER)


def test_repositories_and_workspaces_do_not_share_lakehouses_of_one_name(server: Workspaces, tmp_path: Path) -> None:
    folders = []
    for name in ("a", "b"):
        root = tmp_path / name / "repository"
        (root / ".git").mkdir(parents=True)
        commit_lakehouse(root, "Gold", defaultSchema="dbo")
        folders.append(folder_of(home(server, IN_BRONZE, root), "Gold"))
        folders.append(folder_of(home(server, IN_BRONZE, root), "Bronze"))
    for workspace_id in (WORKSPACE, OTHER):
        folders.append(
            home(server, NamedLakehouses(NamedLakehouse("Bronze", "", workspace_id)), tmp_path).lakehouse.folder
        )
    assert len(set(folders)) == 6


def test_exports_in_different_folders_share_the_lakehouses_of_their_workspace(
    server: Workspaces, tmp_path: Path
) -> None:
    home(server, IN_SILVER, tmp_path)
    first, second = (home(server, IN_BRONZE, tmp_path / name).lakehouse for name in ("a", "b"))
    assert first == second


def test_the_server_s_own_lakehouse_is_found_by_its_ids_whatever_the_notebook_names(server: Workspaces) -> None:
    own = server.first_lakehouse
    assert folder_of(home(server, IN_BRONZE), own.id, own.workspace_id) == own.folder


def test_with_a_workspace_file_the_requested_lakehouse_stands_for_one_that_it_does_not_name(tmp_path: Path) -> None:
    lakehouses = [{"name": "House", "folder": "house"}, {"name": "Silver", "folder": "silver", "schemas": True}]
    file = tmp_path / "workspaces.json"
    file.write_text(json.dumps({"workspaces": [{"name": "Sales", "lakehouses": lakehouses}]}), encoding="utf-8")
    server = read_workspaces(file)
    for named, folder in ((IN_BRONZE, "house"), (IN_SILVER, "silver")):
        found = home(server, named)
        assert named.default is not None
        assert found.lakehouse.name == "House"
        assert folder_of(found, named.default.name) == tmp_path / folder
        assert folder_of(found, named.default.id, WORKSPACE) == tmp_path / folder
    assert not (tmp_path / "house").exists()


hostile = st.text() | st.sampled_from(
    ["..", "../x", "/etc", "C:\\x", "a/b", ".catalog", "Tables", "CON", "a`b", "é" * 200]
)


@given(hostile, hostile)
def test_no_name_leads_out_of_the_store_and_two_names_are_two_folders(one: str, other: str) -> None:
    for name in (one, other):
        assert folder_name(name) == Path(folder_name(name)).name
        assert folder_name(name) not in {"", ".", ".."}
        assert len(folder_name(name)) < 100
    assert (folder_name(one) == folder_name(other)) == (one.casefold() == other.casefold())


@given(st.lists(hostile, min_size=1, max_size=4))
def test_hostile_names_of_metadata_stay_in_the_store(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("store") / "house"
    root.mkdir()
    server = one_lakehouse(root, schemas=True)
    for name in names:
        default = named_lakehouse(name, str(uuid.uuid4()), name)
        found = home(server, NamedLakehouses(default))
        for workspace in found.workspaces.all:
            assert all(one.folder.is_relative_to(root) for one in workspace.lakehouses)


# ------------------------------------------------------------------------------------------------ created by requests
@pytest.mark.parametrize("committed", [False, True])
def test_a_created_lakehouse_is_the_one_that_notebooks_of_the_repository_name(
    server: Workspaces, repository: Path, committed: bool
) -> None:
    if committed:
        metadata = {
            "default_lakehouse": SILVER,
            "default_lakehouse_name": "Silver",
            "default_lakehouse_workspace_id": WORKSPACE,
        }
        commit_notebook(
            repository, "Load", Notebook(cells=(Cell(source="1"),), metadata={"dependencies": {"lakehouse": metadata}})
        )
    served = ServedWorkspaces(server, repository)
    made = served.create(server.all[0], "Silver", "", schemas=False)
    assert made.id == SILVER or not committed
    found = home_of(served.now, server.first_lakehouse, IN_BRONZE, repository)
    assert folder_of(found, "silver") == made.folder
    known = find_lakehouse(find_workspace(found.workspaces, WORKSPACE), "Silver")
    assert known.default_schema is None
    assert ServedWorkspaces(server, repository).now == served.now


def test_a_session_of_a_created_lakehouse_names_that_of_the_server_and_the_notebooks_default_goes_there(
    server: Workspaces, repository: Path
) -> None:
    served = ServedWorkspaces(server, repository)
    made = served.create(server.all[0], "Silver", "", schemas=True)
    found = home_of(served.now, made, NamedLakehouses(), repository)
    assert found.lakehouse == made
    assert folder_of(found, server.first_lakehouse.name) == server.first_lakehouse.folder
    assert home_of(served.now, made, IN_BRONZE, repository).lakehouse.folder == server.first_lakehouse.folder


def test_the_name_of_the_lakehouse_that_has_the_servers_folder_is_taken(server: Workspaces, repository: Path) -> None:
    home(server, IN_BRONZE, repository)
    with pytest.raises(NameTaken, match="Bronze"):
        ServedWorkspaces(server, repository).create(server.all[0], "Bronze", "", schemas=True)
