"""Lakehouses that a repository holds and a notebook names: read as data, whatever stands in the files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.notebooks.lakehouses import (
    MOST_LAKEHOUSES,
    NamedLakehouse,
    NamedLakehouses,
    default_lakehouses_below,
    find_lakehouses,
    lakehouses_of,
    named_lakehouse,
    read_named,
    write_named,
)
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support.repositories import commit_lakehouse, commit_notebook

WORKSPACE, BRONZE, SILVER = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
DEFAULT = {
    "default_lakehouse": BRONZE,
    "default_lakehouse_name": "Bronze",
    "default_lakehouse_workspace_id": WORKSPACE,
    "known_lakehouses": [{"id": BRONZE}, {"id": SILVER}],
}


def test_committed_lakehouses_have_the_name_of_their_platform_file_and_schemas_where_they_name_one(
    tmp_path: Path,
) -> None:
    commit_lakehouse(tmp_path / "data", "Bronze", folder="renamed", defaultSchema="dbo")
    commit_lakehouse(tmp_path, "Plain")
    commit_lakehouse(tmp_path / ".hidden", "Hidden")
    commit_lakehouse(tmp_path / "node_modules", "Packed")
    found = {(one.name, one.default_schema) for one in find_lakehouses(tmp_path)}
    assert found == {("Bronze", "dbo"), ("Plain", None)}


def test_a_lakehouse_folder_alone_is_a_lakehouse(tmp_path: Path) -> None:
    (tmp_path / "R&#32;D.Lakehouse").mkdir()
    assert [(one.name, one.default_schema) for one in find_lakehouses(tmp_path)] == [("R D", None)]


@pytest.mark.parametrize(
    ("platform", "metadata"),
    [
        ("not json", "not json"),
        ("[]", "[]"),
        ("[" * 100_000, "[" * 100_000),
        (json.dumps({"metadata": {"displayName": 7}}), json.dumps({"defaultSchema": ["dbo"]})),
        (json.dumps({"metadata": {"displayName": "x\ny"}}), json.dumps({"defaultSchema": "../../x"})),
        (json.dumps({"metadata": {"displayName": "\ud800"}}), json.dumps({"defaultSchema": "a`b"})),
        (json.dumps({"metadata": []}), " " * 1_000_001),
    ],
)
def test_broken_and_hostile_files_name_no_schema_and_harm_nothing(tmp_path: Path, platform: str, metadata: str) -> None:
    folder = tmp_path / "House.Lakehouse"
    folder.mkdir()
    (folder / ".platform").write_text(platform, encoding="utf-8")
    (folder / "lakehouse.metadata.json").write_text(metadata, encoding="utf-8")
    assert {(one.name, one.default_schema) for one in find_lakehouses(tmp_path)} <= {("House", None)}


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
def test_links_are_not_followed_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    commit_lakehouse(elsewhere, "Secret", defaultSchema="dbo")
    root = tmp_path / "repository"
    root.mkdir()
    (root / "Link.Lakehouse").symlink_to(elsewhere / "Secret.Lakehouse")
    (root / "folder").symlink_to(elsewhere)
    (root / "Piped.Lakehouse").mkdir()
    os.mkfifo(root / "Piped.Lakehouse" / ".platform")
    assert [one.name for one in find_lakehouses(root)] == ["Piped"]


def test_no_repository_makes_a_session_look_at_thousands(tmp_path: Path) -> None:
    for number in range(MOST_LAKEHOUSES + 20):
        (tmp_path / f"L{number}.Lakehouse").mkdir()
    assert len(find_lakehouses(tmp_path)) == MOST_LAKEHOUSES


def test_a_notebook_names_its_default_lakehouse_and_those_it_knows() -> None:
    notebook = Notebook(metadata={"dependencies": {"lakehouse": DEFAULT}})
    bronze = NamedLakehouse("Bronze", BRONZE, WORKSPACE)
    assert lakehouses_of(notebook) == NamedLakehouses(bronze, (NamedLakehouse("", SILVER, WORKSPACE),))
    assert lakehouses_of(Notebook()) == NamedLakehouses()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("Bronze", BRONZE.upper(), WORKSPACE), NamedLakehouse("Bronze", BRONZE, WORKSPACE)),
        (("Bronze", "../..", "https://evil"), NamedLakehouse("Bronze")),
        (("Bronze", "", "0" * 8 + "-0000-0000-0000-" + "0" * 12), NamedLakehouse("Bronze")),
        (("a\x00b", BRONZE, ""), NamedLakehouse("", BRONZE)),
        (("x" * 300, "", ""), None),
        (("  ", "no guid", ""), None),
        (("", "", WORKSPACE), None),
    ],
)
def test_only_names_and_guids_count(words: tuple[str, str, str], expected: NamedLakehouse | None) -> None:
    assert named_lakehouse(*words) == expected


def test_the_default_lakehouses_of_both_formats_are_found_by_their_text(tmp_path: Path) -> None:
    metadata = {"dependencies": {"lakehouse": {**DEFAULT, "default_lakehouse_name": 'größte "1"'}}}
    commit_notebook(tmp_path, "Git", Notebook(cells=(Cell(source="1"),), metadata=metadata))
    metadata = {"dependencies": {"lakehouse": {"default_lakehouse": SILVER, "default_lakehouse_name": "Silver"}}}
    commit_notebook(
        tmp_path, "exported.ipynb", Notebook(cells=(Cell(source='"default_lakehouse"'),), metadata=metadata)
    )
    (tmp_path / "broken.ipynb").write_text('{"default_lakehouse": "\\x"}')
    found = set(default_lakehouses_below(tmp_path))
    assert found == {NamedLakehouse('größte "1"', BRONZE, WORKSPACE), NamedLakehouse("Silver", SILVER, "")}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text() | json_values.map(json.dumps))
def test_a_conf_of_any_text_is_read(text: str) -> None:
    assert isinstance(read_named(text), NamedLakehouses)


names = st.text().filter(lambda text: named_lakehouse(text) is not None)
ids = st.uuids().map(str)


@given(st.builds(NamedLakehouse, names, ids, ids) | st.none(), st.lists(st.builds(NamedLakehouse, names, ids, ids)))
def test_what_is_written_into_the_conf_is_read_again(default: NamedLakehouse | None, known: list[Any]) -> None:
    named = NamedLakehouses(default, tuple(known))
    assert read_named(write_named(named)) == named
