"""Notebooks in Fabric's Git format that are not as the portal writes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.git_format import read_git, write_git
from fabric_livy_magic.notebooks.model import MARKDOWN, Cell, Notebook
from tests.support.notebook_samples import STARS, code_part, git_text, meta_part

STRANGE = {
    "words after the first line": git_text(code_part("1"), first="# Fabric notebook source - of nobody\n# by hand"),
    "no metadata": git_text(code_part("1"), code_part("%%sql")),
    "the JSON in the marker": git_text(
        '# METADATA **{"language":"markdown"}**\n',
        '# CELL **{"language":"python"}**\n\nx = 1\n',
        '# METADATA **{"language":"python","tags":["parameters"]}**\n',
    ),
    "the tag of parameters": git_text(code_part("x = 1"), meta_part('{\n  "tags": [ "parameters" ]\n}')),
    "no empty lines": f"# Fabric notebook source\n# CELL {STARS}\n1\n# MARKDOWN {STARS}\n# a\n#\n# b\n# CELL {STARS}\n2",
    "many empty lines": f"# Fabric notebook source\n\n\n\n# CELL {STARS}\n\n\n\n1\n\n\n\n# CELL {STARS}\n\n\n\n\n\n",
    "line ends of Windows": git_text(code_part("%%sql"), meta_part('{\n  "language": "sparksql"\n}')).replace(
        "\n", "\r\n"
    ),
    "some line ends of Windows": git_text(code_part("a\r\nb"), code_part("c")),
    "a byte order mark": "\ufeff" + git_text(code_part("1")),
    "magic marks without a blank": git_text(code_part("# MAGIC %%sql\n# MAGIC\n# MAGIC SELECT 1")),
    "an empty line without its magic mark": git_text(code_part("# MAGIC %%sql\n\n# MAGIC SELECT 1")),
    "a line magic behind the mark": git_text(code_part("# MAGIC %run x")),
    "metadata of Markdown": git_text(code_part("# a", "MARKDOWN"), meta_part('{"language": "x"}')),
    "metadata twice": git_text(meta_part('{"a": 1}'), meta_part('{"b": 2}'), code_part("1")),
    "a merge conflict in the metadata": git_text(
        meta_part('{\n  "kernel_info": {}').replace("# META   ", "<<<<<<< HEAD\n# META   ") + "=======\n>>>>>>> x\n",
        code_part("1"),
    ),
    "a merge conflict before all": "<<<<<<< HEAD\n" + git_text(code_part("1")),
    "broken JSON": git_text(meta_part('{\n  "kernel_info": {,\n}'), code_part("1")),
    "JSON that is no object": git_text(meta_part("[1]"), code_part("1"), meta_part("3"), meta_part("null")),
    "a number without an end": git_text(meta_part('{"a": ' + "9" * 5000 + "}"), code_part("1")),
    "code below metadata": git_text(code_part("1"), meta_part("{}") + "\nlost = True\n"),
    "images before any cell": git_text(meta_part("{}", "ATTACHMENTS", "ATTA")),
    "nothing else": "# Fabric notebook source",
    "NaN": git_text(meta_part('{"a": NaN, "b": [Infinity]}'), code_part("1")),
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_a_strange_file_is_read_and_written_byte_by_byte(text: str) -> None:
    assert write_git(read_git(text)) == text


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("words after the first line", ["1"]),
        ("no metadata", ["1", "%%sql"]),
        ("the JSON in the marker", ["x = 1"]),
        ("no empty lines", ["1", "a\n\nb", "2"]),
        ("many empty lines", ["\n\n1\n\n", "\n\n\n"]),
        ("line ends of Windows", ["%%sql"]),
        ("some line ends of Windows", ["a\r\nb", "c"]),
        ("a byte order mark", ["1"]),
        ("magic marks without a blank", ["%%sql\n\nSELECT 1"]),
        ("an empty line without its magic mark", ["%%sql\n\nSELECT 1"]),
        ("a line magic behind the mark", ["%run x"]),
    ],
)
def test_the_cells_of_a_strange_file(name: str, sources: list[str]) -> None:
    notebook = read_git(STRANGE[name])
    assert [cell.source for cell in notebook.cells] == sources
    assert notebook.problems == ()


@pytest.mark.parametrize("name", ["the JSON in the marker", "the tag of parameters"])
def test_the_tag_makes_a_parameters_cell(name: str) -> None:
    notebook = read_git(STRANGE[name])
    assert notebook.parameters_index == 0
    assert "tags" not in notebook.cells[0].metadata
    assert f"# PARAMETERS CELL {STARS}" in write_git(replace(notebook, original=None))


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("a merge conflict in the metadata", 6, "an unresolved merge conflict: <<<<<<< HEAD"),
        ("a merge conflict before all", 1, "an unresolved merge conflict"),
        ("broken JSON", 3, "the JSON of METADATA is broken"),
        ("JSON that is no object", 3, "the JSON of METADATA is no object"),
        ("a number without an end", 3, "the JSON of METADATA is broken"),
        ("code below metadata", 7, "text below METADATA that belongs to no cell: lost = True"),
        ("images before any cell", 3, "ATTACHMENTS stands before any cell"),
    ],
)
def test_broken_parts_are_reported_with_their_line_and_the_rest_is_read(name: str, line: int, message: str) -> None:
    notebook = read_git(STRANGE[name])
    assert any(problem.line == line and problem.text.startswith(message) for problem in notebook.problems)
    assert [cell.source for cell in notebook.cells] == ([] if name == "images before any cell" else ["1"])


@pytest.mark.parametrize("text", ["", "import os\n", "#Fabric notebook source", f"#CELL {STARS}"])
def test_other_text_is_no_notebook(text: str) -> None:
    with pytest.raises(NotebookError, match="no Fabric notebook"):
        read_git(text)


def test_text_like_marks_of_the_format_comes_back_as_it_was() -> None:
    cells = (
        Cell(source=f"x = 1\n# CELL {STARS}\ny = 2"),
        Cell(source="# MAGIC %%sql\n# MAGIC SELECT 1"),
        Cell(source="# MAGIC one\ntwo"),
        Cell(kind=MARKDOWN, source=f"CELL {STARS}\n# CELL {STARS}\n\nMETADATA {STARS}\n"),
    )
    notebook = Notebook(cells=cells)
    assert read_git(write_git(notebook)) == notebook
