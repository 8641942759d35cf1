"""Shortcuts of committed lakehouses: links to other lakehouses, and what says where the others lead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home, home_of
from fabric_livy_magic.local.lakehouse.onelake_paths import find_lakehouse, find_workspace
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces, one_lakehouse
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse, NamedLakehouses
from fabric_livy_magic.notebooks.shortcuts import Shortcut, path_of, read_shortcuts
from tests.support.repositories import commit_lakehouse

WORKSPACE, BRONZE, SILVER, LOGICAL = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "1234")
SELF = "00000000-0000-0000-0000-000000000000"
IN_BRONZE = NamedLakehouses(NamedLakehouse("Bronze", BRONZE, WORKSPACE))


def onelake(path: str, item_id: str, target: str) -> dict[str, Any]:
    parent, _, name = path.rpartition("/")
    address = {"itemId": item_id, "workspaceId": WORKSPACE, "path": target, "artifactType": "Lakehouse"}
    return {"name": name, "path": f"/{parent}", "target": {"type": "OneLake", "oneLake": address}}


def outside(path: str, kind: str, **address: str) -> dict[str, Any]:
    parent, _, name = path.rpartition("/")
    return {"name": name, "path": parent, "target": {"type": kind[0].upper() + kind[1:], kind: address}}


class Repository:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        (self.root / ".git").mkdir(parents=True)
        (folder / "house").mkdir()
        self.server: Workspaces = one_lakehouse(folder / "house", schemas=True)
        for name in ("Bronze", "Silver"):
            commit_lakehouse(self.root, name, defaultSchema="dbo")
        platform = {"metadata": {"type": "Lakehouse", "displayName": "Silver"}, "config": {"logicalId": LOGICAL}}
        (self.root / "Silver.Lakehouse" / ".platform").write_text(json.dumps(platform), encoding="utf-8")

    def shortcuts(self, lakehouse: str, *shortcuts: Any) -> None:
        file = self.root / f"{lakehouse}.Lakehouse" / "shortcuts.metadata.json"
        file.write_text(json.dumps(shortcuts), encoding="utf-8")

    def home(self) -> Home:
        return home_of(self.server, self.server.first_lakehouse, IN_BRONZE, self.root)

    def lakehouse(self, name: str) -> Lakehouse:
        home = self.home()
        return find_lakehouse(find_workspace(home.workspaces, WORKSPACE), name)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_shortcut_is_a_link_to_the_folder_of_another_lakehouse_by_either_id(repository: Repository) -> None:
    repository.shortcuts("Silver", onelake("Tables/dbo/orders", BRONZE, "Tables/sales/orders"))
    repository.shortcuts(
        "Bronze", onelake("Files/in", LOGICAL, "Files/out"), onelake("Tables/silver", LOGICAL, "Tables/dbo")
    )
    bronze, silver = repository.lakehouse("Bronze"), repository.lakehouse("Silver")
    assert (silver.folder / "Tables/dbo/orders").samefile(bronze.folder / "Tables/sales/orders")
    (bronze.folder / "Files/in/x.csv").write_text("1", encoding="utf-8")
    assert (silver.folder / "Files/out/x.csv").read_text(encoding="utf-8") == "1"
    assert (bronze.folder / "Tables/silver/orders").samefile(bronze.folder / "Tables/sales/orders")
    assert bronze.missing_shortcuts == silver.missing_shortcuts == ()


def test_a_chain_of_shortcuts_leads_to_its_end_and_zeros_to_the_lakehouse_itself(repository: Repository) -> None:
    repository.shortcuts("Silver", onelake("Tables/dbo/orders", SELF, "Tables/raw/orders"))
    repository.shortcuts("Bronze", onelake("Tables/dbo/orders", LOGICAL, "Tables/dbo/orders"))
    bronze, silver = repository.lakehouse("Bronze"), repository.lakehouse("Silver")
    assert (bronze.folder / "Tables/dbo/orders").readlink() == silver.folder / "Tables/raw/orders"


def test_a_table_of_before_the_target_had_schemas_is_in_its_default_one(repository: Repository) -> None:
    repository.shortcuts("Silver", onelake("Tables/dbo/orders", BRONZE, "Tables/orders"))
    bronze, silver = repository.lakehouse("Bronze"), repository.lakehouse("Silver")
    assert (silver.folder / "Tables/dbo/orders").readlink() == bronze.folder / "Tables/dbo/orders"


def test_what_leads_out_of_the_repository_is_noted_with_where_it_leads(repository: Repository) -> None:
    repository.shortcuts(
        "Bronze",
        outside(
            "Tables/dbo/ext",
            "adlsGen2",
            location="https://a.dfs.core.windows.net",
            subpath="/box/raw",
            connectionId="hidden",
        ),
        outside("Files/s3", "amazonS3", location="https://b.s3.amazonaws.com"),
        onelake("Files/far", SILVER, "Files/x"),
        onelake("Tables/dbo/round", SELF, "Tables/dbo/round_2"),
        onelake("Tables/dbo/round_2", SELF, "Tables/dbo/round"),
        onelake("Files/own", SELF, "Files"),
    )
    repository.shortcuts("Silver", onelake("Tables/dbo/ext", BRONZE, "Tables/dbo/ext"))
    missing = dict(repository.lakehouse("Bronze").missing_shortcuts)
    assert "ADLS Gen2 https://a.dfs.core.windows.net/box/raw, which" in missing["Tables/dbo/ext"]
    assert "Amazon S3 https://b.s3.amazonaws.com" in missing["Files/s3"]
    assert f"the item {SILVER}, Files/x" in missing["Files/far"]
    assert "without an end" in missing["Tables/dbo/round"]
    assert "hidden" not in str(missing)
    silver = repository.lakehouse("Silver")
    assert "ADLS Gen2" in dict(silver.missing_shortcuts)["Tables/dbo/ext"]
    assert not (silver.folder / "Tables/dbo/ext").exists()
    assert not (repository.lakehouse("Bronze").folder / "Files/own").is_symlink()  # it would hold itself


def test_a_link_follows_the_repository_and_other_content_stays(repository: Repository) -> None:
    repository.shortcuts("Bronze", onelake("Files/a", LOGICAL, "Files/a"), onelake("Files/kept", LOGICAL, "Files/a"))
    folder = repository.lakehouse("Bronze").folder
    (folder / "Files/kept").unlink()
    (folder / "Files/kept").mkdir()
    (folder / "Files/kept/x").touch()
    (folder / "Files/own").symlink_to(folder)
    repository.shortcuts("Bronze", onelake("Files/b", LOGICAL, "Files/b"), onelake("Files/kept", LOGICAL, "Files/a"))
    assert sorted(one.name for one in (repository.lakehouse("Bronze").folder / "Files").iterdir()) == [
        "b",
        "kept",
        "own",
    ]
    repository.shortcuts("Bronze", onelake("Files/b", LOGICAL, "Files/c"))
    assert (repository.lakehouse("Bronze").folder / "Files/b").readlink().name == "c"
    assert (folder / "Files/kept/x").exists()


@pytest.mark.parametrize(
    "content",
    [{}, [1], [{"name": "x"}], [{"name": "x", "path": "/Tables", "target": []}], [onelake("../x", SELF, "Files")]],
)
def test_what_is_no_shortcut_is_left_out(tmp_path: Path, content: Any) -> None:
    (tmp_path / "shortcuts.metadata.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_shortcuts(tmp_path) == ()


def test_a_target_that_is_no_path_of_a_lakehouse_is_outside(tmp_path: Path) -> None:
    content = [onelake("Files/x", SELF, "../secret\n"), {"name": "y", "path": "Files", "target": {"type": "New"}}]
    (tmp_path / "shortcuts.metadata.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_shortcuts(tmp_path) == (
        Shortcut("Files/x", outside="OneLake, ../secret?"),
        Shortcut("Files/y", outside="New"),
    )


@given(st.lists(st.sampled_from(["Files", "Tables", "..", ".", "", "a", "é", "x\\y", "n\n"]) | st.text(), max_size=6))
def test_no_path_of_a_shortcut_leads_out_of_its_lakehouse(parts: list[str]) -> None:
    found = path_of("/".join(parts))
    assert found is None or (found.split("/")[0] in ("Files", "Tables") and not {"..", "."} & set(found.split("/")))
