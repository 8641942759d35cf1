"""The sample notebooks of tests/notebook_files: both formats are read and written, and say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fabric_livy_magic.notebooks.files import (
    read_notebook,
)
from fabric_livy_magic.notebooks.git_format import as_git, write_git
from fabric_livy_magic.notebooks.ipynb import as_json, read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import CODE, Item, Notebook, with_portal_metadata
from tests.support.notebook_samples import COMMITTED, EXPORTED, FILES, committed, content_ids, exported, text_of


@pytest.mark.parametrize("path", COMMITTED, ids=content_ids)
def test_a_committed_notebook_is_written_byte_by_byte_also_from_its_content_alone(path: Path) -> None:
    notebook = read_notebook(path)
    assert notebook.problems == ()
    assert write_git(notebook) == text_of(path)
    assert write_git(replace(notebook, original=None)) == text_of(path)


@pytest.mark.parametrize("path", EXPORTED, ids=lambda path: path.stem)
def test_an_exported_notebook_is_written_byte_by_byte(path: Path) -> None:
    assert write_ipynb(read_notebook(path)) == text_of(path)


@pytest.mark.parametrize("path", EXPORTED, ids=lambda path: path.stem)
def test_an_exported_notebook_that_was_changed_keeps_all_that_was_not(path: Path) -> None:
    before = json.loads(text_of(path))
    after = as_json(replace(read_notebook(path), original=None))
    for cell in before["cells"]:
        cell["source"] = "".join(cell["source"])
    for cell in after["cells"]:
        cell["source"] = "".join(cell["source"])
    assert after == before
    nbformat.validate(nbformat.from_dict(after))


@pytest.mark.parametrize("path", COMMITTED, ids=content_ids)
def test_the_two_formats_of_a_notebook_say_the_same(path: Path) -> None:
    assert with_portal_metadata(as_git(read_notebook(exported(path)))) == read_notebook(path)


@pytest.mark.parametrize("path", COMMITTED, ids=content_ids)
def test_a_committed_notebook_survives_the_way_through_an_ipynb(path: Path) -> None:
    text = write_ipynb(with_portal_metadata(read_notebook(path)))
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert write_git(read_ipynb(text)) == text_of(path)


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("plain", ["pyspark"] * 4),
        ("sql_cells", ["sql", "sql", "sql", "sql", "pyspark", "spark", "sparkr"]),
        ("spark_sql", ["sql", "sql", "pyspark", "sql", "sql"]),
        ("scala", ["spark", "sql", "pyspark"]),
        ("sparkr", ["sparkr", "sql"]),
        ("warehouse", ["tsql"]),
        ("python_only", ["configure", "python", "tsql"]),
        ("configure", ["configure", "pyspark"]),
    ],
)
def test_the_language_of_each_code_cell(name: str, languages: list[str]) -> None:
    for notebook in (committed(name), read_notebook(FILES / "exported" / f"{name}.ipynb")):
        assert [notebook.language_of(cell) for cell in notebook.cells if cell.kind == CODE] == languages


def test_the_code_of_a_kernel_has_its_magic_first_and_each_line_at_its_number() -> None:
    notebook = committed("sql_cells")
    codes = [notebook.kernel_code(cell) for cell in notebook.cells]
    assert codes[0] == notebook.cells[0].source
    assert codes[1] == "%%sql \nSELECT 1\n"
    assert codes[2] == "%%sql\nSELECT 2 AS after_a_tab"
    assert codes[3] == "%%sql\n\nSELECT 3 AS after_a_comment"


@pytest.mark.parametrize(
    ("name", "bare", "codes"),
    [
        ("scala", "pyspark", ['%%spark\nval words = Seq("a", "b")\nwords.size // two', "%%sql\nSELECT 1"]),
        ("scala", "spark", ['val words = Seq("a", "b")\nwords.size // two', "%%sql\nSELECT 1"]),
        ("sparkr", "pyspark", ['%%sparkr\nframe <- sql("SELECT 1 AS a")\nhead(frame)', "%%sql\nSELECT 1"]),
    ],
)
def test_a_kernel_gets_the_magic_that_a_cell_of_another_language_lacks(name: str, bare: str, codes: list[str]) -> None:
    notebook = committed(name)
    assert [notebook.kernel_code(cell, bare) for cell in notebook.cells if cell.kind == CODE][:2] == codes


def test_a_line_magic_stays_bare_in_a_notebook_of_another_language() -> None:
    notebook = committed("spark_sql")
    assert "%run plain" in [notebook.kernel_code(cell) for cell in notebook.cells]


def test_line_magics_and_shell_commands_stand_bare_and_cell_magics_behind_the_mark() -> None:
    text = text_of(FILES / "committed/line_magics.Notebook/notebook-content.py")
    assert "\n%run parameters\n" in text
    assert "\n!echo installed\n" in text
    assert "MAGIC" not in text
    assert "# MAGIC %%sql\n# MAGIC \n# MAGIC -- a ;" in text_of(
        FILES / "committed/sql_cells.Notebook/notebook-content.py"
    )


def test_the_parameters_cell_need_not_be_the_first() -> None:
    notebook = committed("parameters")
    assert notebook.parameters_index == 1
    assert committed("plain").parameters_index is None
    assert "parameters" in as_json(notebook)["cells"][1]["metadata"]["tags"]


def test_frozen_and_tagged_cells_are_skipped() -> None:
    for notebook in (committed("frozen"), read_notebook(FILES / "exported/frozen.ipynb")):
        assert [cell.is_skipped for cell in notebook.cells] == [True, False, True, True]
        assert [cell.is_frozen for cell in notebook.cells] == [True, False, True, False]


def test_images_belong_to_the_markdown_above_them() -> None:
    cells = committed("attachments").cells
    assert list(cells[0].attachments) == ["dot.png"]
    assert cells[0].source == "![dot.png](attachment:dot.png)\n"
    assert [cell.source for cell in cells[1:]] == ["", "print(1)"]


def test_what_a_notebook_depends_on() -> None:
    plain = committed("plain")
    sales, other = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000003"
    assert plain.default_lakehouse == Item(sales, "sales", "22222222-0000-4000-8000-000000000002")
    assert plain.known_lakehouse_ids == [sales, other]
    assert plain.environment is None
    environment = committed("configure").environment
    assert environment is not None
    assert environment.id.startswith("33333333")


@pytest.mark.parametrize(
    "dependencies",
    [
        None,
        {},
        {"lakehouse": None},
        {"lakehouse": {}},
        {"lakehouse": {"default_lakehouse_name": "", "default_lakehouse_workspace_id": ""}},
        {"lakehouse": {"default_lakehouse": 3, "known_lakehouses": [None, {"id": ""}, {}]}, "environment": {}},
        {"lakehouse": {"known_lakehouses": {"id": "x"}}, "environment": "none"},
    ],
)
def test_an_empty_dependency_is_none(dependencies: Any) -> None:
    notebook = Notebook(metadata={"dependencies": dependencies})
    assert (notebook.default_lakehouse, notebook.environment, notebook.known_lakehouse_ids) == (None, None, [])
