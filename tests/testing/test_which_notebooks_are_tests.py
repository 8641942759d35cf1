"""Which notebooks are tests, and where their cells stand in their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.testing.notebook_reports import CellLines
from fabric_livy_magic.testing.test_notebooks import cell_lines, has_name_of_test, is_test
from fabric_livy_magic.testing.watching import Watching, WhatRan
from tests.support.repositories import commit_notebook

REPOSITORIES = [
    Path(__file__).parents[1] / name for name in ("example_repository", "fabric_repository", "failing_repository")
]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Test Orders", True),
        ("test_orders", True),
        ("orders-test", True),
        ("Orders Tests", True),
        ("TestOrders", True),
        ("ORDERS TEST", True),
        ("2 test", True),
        ("test", True),
        ("Latest Orders", False),
        ("Orders Latest", False),
        ("Testament", False),
        ("A test of orders", False),
        ("T1", False),
        ("", False),
        ("…", False),
        ("Größen test", True),
    ],
)
def test_a_name_that_begins_or_ends_with_the_word_makes_a_test(name: str, is_one: bool) -> None:
    assert has_name_of_test(name) is is_one


@pytest.mark.parametrize("name", ["Quality", "quality.ipynb"])
def test_a_tag_of_a_cell_or_of_the_notebook_makes_a_test(tmp_path: Path, name: str) -> None:
    tagged = Notebook(cells=(Cell(source="1"), Cell(source="2", metadata={"tags": ["x", "test"]})))
    commit_notebook(tmp_path / "tagged", name, tagged)
    commit_notebook(tmp_path / "plain", name, Notebook(cells=(Cell(source="1", metadata={"tags": ["latest"]}),)))
    commit_notebook(tmp_path / "whole", name, Notebook(cells=(Cell(source="1"),), metadata={"tags": ["test"]}))
    found = [is_test(file) for folder in ("tagged", "plain", "whole") for file in find_notebooks(tmp_path / folder)]
    assert found[:2] == [True, False]
    assert found[2] or name.endswith("ipynb")


def test_a_file_that_cannot_be_read_goes_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text("no json")
    assert is_test(NotebookFile(path, "Test Broken"))
    assert not is_test(NotebookFile(path, "Broken"))


@pytest.mark.parametrize("repository", REPOSITORIES, ids=lambda path: path.name)
def test_the_line_of_a_cell_is_where_its_text_begins(repository: Path) -> None:
    for file in find_notebooks(repository):
        if "Unreadable" in file.name:
            continue
        notebook = file.read()
        lines = file.path.read_text(encoding="utf-8").split("\n")
        for cell, line in zip(notebook.cells, cell_lines(file.path, notebook), strict=True):
            assert line == 0 or cell.source.split("\n")[0] in lines[line - 1]
            assert (line == 0) == (file.path.suffix == ".ipynb")


@pytest.mark.parametrize(
    ("source", "code", "moved"),
    [
        ("a\nb", "a\nb", 0),
        ("%%pyspark\na\nb", "a\nb", 1),
        ("\n\na\nb\n", "a\nb", 2),
        ("a\nb", "\na\nb", -1),
        ("# x\na\nb", "a\nb", None),
        ("aa\nb", "a\nb", None),
    ],
)
def test_lines_are_those_of_the_cells_own_text(source: str, code: str, moved: int | None) -> None:
    found = WhatRan({code: CellLines((1, 2), (2,))}).lines_of(source)
    assert found == (None if moved is None else CellLines((1 + moved, 2 + moved), (2 + moved,)))


def test_a_session_that_said_nothing_ran_nothing_that_is_known(tmp_path: Path) -> None:
    assert Watching(tmp_path / "never.json").what_ran() == WhatRan()
    assert Watching().what_ran() == WhatRan()
