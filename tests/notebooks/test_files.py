"""Notebooks on disk: names, folders, what is found, and paths that lead to none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.notebooks.files import (
    display_name,
    find_notebooks,
    notebook_file,
    read_notebook,
    write_notebook,
)
from fabric_livy_magic.notebooks.ipynb import read_ipynb
from tests.support.notebook_samples import COMMITTED, FILES, code_cell, committed, content_ids, ipynb_text


def test_a_notebook_goes_by_its_display_name_not_by_its_folder() -> None:
    assert display_name(FILES / "committed/renamed_since.Notebook/notebook-content.py") == "Load orders"


@pytest.mark.parametrize(
    ("folder", "platform", "name"),
    [
        ("a.Notebook", None, "a"),
        ("a b&#32;.Notebook", None, "a b "),
        ("a.Notebook", "{broken", "a"),
        ("a.Notebook", '{"metadata": null}', "a"),
        ("a.Notebook", '{"metadata": {"displayName": 3}}', "a"),
        ("0a1b.Notebook", '\ufeff{"metadata": {"displayName": "Load "}}', "Load "),
        ("plain folder", None, "plain folder"),
    ],
)
def test_the_display_name_without_or_with_a_platform_file(
    tmp_path: Path, folder: str, platform: str | None, name: str
) -> None:
    content = tmp_path / folder / "notebook-content.py"
    content.parent.mkdir()
    if platform is not None:
        (content.parent / ".platform").write_text(platform, encoding="utf-8")
    assert display_name(content) == name


@pytest.mark.parametrize("path", COMMITTED, ids=content_ids)
def test_a_notebook_is_read_by_its_folder_and_written_into_one(path: Path, tmp_path: Path) -> None:
    notebook = read_notebook(path.parent)
    write_notebook(tmp_path / "New one.Notebook", notebook)
    written = tmp_path / "New one.Notebook" / path.name
    assert written.read_bytes() == path.read_bytes()
    platform = json.loads((written.parent / ".platform").read_text(encoding="utf-8"))
    assert platform["metadata"] == {"type": "Notebook", "displayName": "New one"}
    assert len(platform["config"]["logicalId"]) == 36


def test_a_platform_file_that_is_there_stays_and_another_language_replaces_the_content(tmp_path: Path) -> None:
    folder = tmp_path / "x.Notebook"
    write_notebook(folder, committed("plain"))
    before = (folder / ".platform").read_bytes()
    write_notebook(folder, committed("scala"))
    assert sorted(path.name for path in folder.iterdir()) == [".platform", "notebook-content.scala"]
    assert (folder / ".platform").read_bytes() == before


def test_a_folder_may_hold_its_notebook_as_ipynb(tmp_path: Path) -> None:
    folder = tmp_path / "x.Notebook"
    folder.mkdir()
    (folder / "notebook-content.ipynb").write_text(ipynb_text([code_cell()]), encoding="utf-8")
    assert notebook_file(folder).name == "x"
    assert read_notebook(folder).cells[0].source == "1"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: None, SettingsError, "There is no notebook"),
        (lambda path: path.mkdir(), SettingsError, "no folder of a notebook"),
        (lambda path: path.write_text("x"), SettingsError, "is no notebook: one is an .ipynb"),
        (lambda path: path.with_suffix(".py").write_text("x"), NotebookError, "x.py: This is no Fabric notebook"),
        (lambda path: path.with_suffix(".py").write_bytes(b"\xff\xfe"), NotebookError, "x.py: a notebook is UTF-8"),
    ],
)
def test_a_path_without_a_notebook_is_refused(tmp_path: Path, make: Any, error: type, message: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(error, match=message):
        read_notebook(next(tmp_path.glob("*.py"), tmp_path / "x"))


def test_half_a_character_cannot_be_written(tmp_path: Path) -> None:
    notebook = read_ipynb('{"cells": [{"cell_type": "code", "source": "\\ud800"}]}')
    with pytest.raises(NotebookError, match="half a character"):
        write_notebook(tmp_path / "x.Notebook", notebook)
    write_notebook(tmp_path / "x.ipynb", notebook)  # its own text has an escape there


def test_notebooks_are_found_in_both_formats_and_not_in_hidden_folders(tmp_path: Path) -> None:
    write_notebook(tmp_path / "b" / "x.Notebook", committed("plain"))
    write_notebook(tmp_path / "a.ipynb", committed("plain"))
    write_notebook(tmp_path / ".ipynb_checkpoints" / "a.ipynb", committed("plain"))
    write_notebook(tmp_path / "node_modules" / "a.ipynb", committed("plain"))
    (tmp_path / "script.py").write_text("1", encoding="utf-8")
    assert [file.name for file in find_notebooks(tmp_path)] == ["a", "x"]
