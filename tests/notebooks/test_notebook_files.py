"""Both formats of Fabric notebooks: the files in tests/notebook_files, and texts that are broken or strange."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FabricLivyError, NotebookError, SettingsError
from fabric_livy_magic.notebooks.files import (
    display_name,
    find_notebooks,
    notebook_file,
    read_notebook,
    write_notebook,
)
from fabric_livy_magic.notebooks.git_format import SUFFIXES, as_git, git_losses, read_git, write_git
from fabric_livy_magic.notebooks.ipynb import as_json, read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import CODE, MARKDOWN, RAW, Cell, Item, Notebook, with_portal_metadata

FILES = Path(__file__).parents[1] / "notebook_files"
COMMITTED = sorted((FILES / "committed").glob("*/notebook-content.*"))
EXPORTED = sorted((FILES / "exported").glob("*.ipynb"))
STARS = "*" * 20


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def committed(name: str) -> Notebook:
    return read_notebook(FILES / "committed" / f"{name}.Notebook")


def exported(path: Path) -> Path:
    return FILES / "exported" / f"{path.parent.stem}.ipynb"


def content_ids(path: Path) -> str:
    return path.parent.stem


# --- the sample files ---------------------------------------------------------------------------------------------


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


# --- Git files that are not as the portal writes them -------------------------------------------------------------


def git_text(*parts: str, first: str = "# Fabric notebook source") -> str:
    return "\n".join([first, "", *parts])


def code_part(source: str, word: str = "CELL", mark: str = "#") -> str:
    return f"{mark} {word} {STARS}\n\n{source}\n"


def meta_part(json_text: str, word: str = "METADATA", prefix: str = "META", mark: str = "#") -> str:
    lines = "".join(f"{mark} {prefix} {line}\n" for line in json_text.split("\n"))
    return f"{mark} {word} {STARS}\n\n{lines}"


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
    ("name", "line", "says"),
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
def test_what_is_broken_is_told_with_its_line_and_the_rest_is_read(name: str, line: int, says: str) -> None:
    notebook = read_git(STRANGE[name])
    assert any(problem.line == line and problem.text.startswith(says) for problem in notebook.problems)
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


# --- .ipynb files ---------------------------------------------------------------------------------------------------


def ipynb_text(cells: list[dict[str, Any]] | None = None, **metadata: Any) -> str:
    return json.dumps({"cells": cells or [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 2})


def code_cell(source: Any = "1", **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "pyspark"),
        ({"language_info": {"name": "python"}}, "pyspark"),
        ({"kernelspec": {"name": "python3", "language": "python"}}, "pyspark"),
        ({"kernel_info": {"name": "synapse_pyspark"}, "microsoft": {"language": "scala"}}, "spark"),
        ({"microsoft": {"language": "sparksql"}, "language_info": {"name": "python"}}, "sql"),
        ({"language_info": {"name": "sql"}}, "sql"),
        ({"language_info": {"name": "r"}}, "sparkr"),
        ({"language_info": {"name": "pyspark"}}, "pyspark"),
        ({"kernel_info": {"name": "sqldatawarehouse"}}, "tsql"),
        ({"kernel_info": {"name": "jupyter", "jupyter_kernel_name": "python3.12"}}, "python"),
        ({"kernelspec": None, "microsoft": [], "language_info": {"name": 3}}, "pyspark"),
    ],
)
def test_the_primary_language_of_an_exported_notebook(metadata: dict[str, Any], language: str) -> None:
    assert read_ipynb(ipynb_text(**metadata)).language == language


def test_only_metadata_says_the_language_of_a_cell_without_magic() -> None:
    cells = [code_cell(microsoft={"language": "scala"}), code_cell(microsoft={"language": "sparksql"}), code_cell()]
    notebook = read_ipynb(ipynb_text(cells, microsoft={"language": "scala"}))
    assert [notebook.language_of(cell) for cell in notebook.cells] == ["spark", "sql", "spark"]


def test_the_group_of_a_kernel_that_a_notebook_once_had_does_not_count() -> None:
    cells = [code_cell(microsoft={"language": "python", "language_group": "jupyter_python"})]
    notebook = read_ipynb(ipynb_text(cells, kernel_info={"name": "synapse_pyspark"}))
    assert notebook.language_of(notebook.cells[0]) == "pyspark"


def test_an_old_export_names_its_lakehouse_and_environment_otherwise() -> None:
    trident = {"lakehouse": {"default_lakehouse_name": "old"}, "environment": {"environmentId": "e"}}
    notebook = read_ipynb(ipynb_text(trident=trident))
    assert notebook.default_lakehouse == Item("", "old")
    assert notebook.environment == Item("e")
    assert read_git(write_git(with_portal_metadata(notebook))).default_lakehouse == Item("", "old")


def test_a_notebook_without_ids_of_cells_is_written_as_format_4_4() -> None:
    notebook = replace(read_ipynb(ipynb_text([code_cell()])), original=None)
    assert json.loads(write_ipynb(notebook))["nbformat_minor"] == 4


def test_outputs_and_ids_can_be_put_in_and_are_read_again() -> None:
    notebook = committed("plain")
    output = {"output_type": "stream", "name": "stdout", "text": "45"}
    ran = tuple(
        replace(cell, id=f"cell-{number}", **({"outputs": (output,), "execution_count": 1} if number == 1 else {}))
        for number, cell in enumerate(notebook.cells)
    )
    text = write_ipynb(replace(notebook, cells=ran))
    nbformat.validate(nbformat.reads(text, as_version=4))
    again = read_ipynb(text)
    assert again.cells == ran
    assert again.cells[1].outputs == (output,)


def test_the_git_format_leaves_out_what_it_has_no_place_for_and_says_what() -> None:
    raw = {"cell_type": "raw", "metadata": {}, "source": "text"}
    shown = {**code_cell(collapsed=True), "outputs": [{"output_type": "stream", "name": "stdout", "text": ""}]}
    notebook = read_ipynb(ipynb_text([shown, raw], widgets={}, nteract={}, kernelspec={"name": "python3"}))
    assert notebook.cells[1].kind == RAW
    assert git_losses(notebook) == [
        "the outputs of 1 cell",
        "metadata of the .ipynb (collapsed, widgets)",
        "that 1 cell is raw text, which becomes Markdown",
    ]
    assert read_git(write_git(notebook)) == as_git(notebook)
    assert git_losses(committed("plain")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "broken"),
        ("{", "broken"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "no list of cells"),
        ("{}", "no list of cells"),
        ('{"cells": 3}', "no list of cells"),
        ('{"nbformat": 3, "worksheets": []}', "old format 3"),
        ('{"cells": [3]}', "Cell 1 is no JSON object"),
        ('{"cells": [{"cell_type": "code", "source": [3]}]}', "Cell 1 has no text"),
        ('{"cells": [{"cell_type": "code", "source": 3}]}', "Cell 1 has no text"),
        ('{"cells": [{"cell_type": "heading", "source": ""}]}', "of the type 'heading'"),
        ('{\n<<<<<<< HEAD\n"cells": []}', "merge conflict in line 2"),
    ],
)
def test_what_is_no_ipynb_is_told(text: str, says: str) -> None:
    with pytest.raises(NotebookError, match=says):
        read_ipynb(text)


def test_a_cell_with_nothing_but_its_type_is_an_empty_cell() -> None:
    assert read_ipynb('{"cells": [{"cell_type": "code"}]}').cells == (Cell(),)


# --- any notebook, any text -----------------------------------------------------------------------------------------

# Words of the format, so that random text meets its edges.
WORDS = st.sampled_from(
    [
        "# ",
        "#",
        "-- ",
        "// ",
        "MAGIC",
        "MAGIC ",
        "META",
        "META {",
        "ATTA {}",
        "%%sql",
        "%run x",
        "!ls",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        " ",
        f"CELL {STARS}",
        f"# CELL {STARS}",
        f"METADATA {STARS}",
        f"# METADATA {STARS}",
        f"-- MARKDOWN {STARS}",
        f"PARAMETERS CELL {STARS}",
        f"ATTACHMENTS {STARS}",
        "MARKDOWN **{}**",
        "# MAGIC %%sql",
        "<<<<<<< HEAD",
        "# Fabric notebook source",
    ]
)
TEXT = st.lists(WORDS | st.text(max_size=5), max_size=12).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "tags"), JSON, max_size=3)
CELL = st.builds(
    Cell, source=TEXT, kind=st.just(CODE), is_parameters=st.booleans(), metadata=OBJECT, attachments=OBJECT
) | st.builds(Cell, source=TEXT, kind=st.just(MARKDOWN), attachments=OBJECT)
NOTEBOOK = st.builds(
    Notebook,
    cells=st.lists(CELL, max_size=5).map(tuple),
    primary=st.sampled_from(sorted(SUFFIXES)),
    metadata=OBJECT,
)


@given(NOTEBOOK)
def test_any_notebook_comes_back_from_the_git_format_equal(notebook: Notebook) -> None:
    text = write_git(notebook)
    again = read_git(text, SUFFIXES[notebook.primary])
    assert again == notebook
    assert write_git(again) == text
    assert write_git(replace(again, original=None)) == text


@given(NOTEBOOK)
def test_any_notebook_comes_back_from_an_ipynb_equal(notebook: Notebook) -> None:
    # What an .ipynb has no place for: attachments of code, and metadata of a notebook that is not the portal's.
    cells = tuple(replace(cell, attachments={}) if cell.kind == CODE else cell for cell in notebook.cells)
    own = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": notebook.metadata}
    cells = tuple(replace(cell, metadata=without_words_of_jupyter(cell.metadata)) for cell in cells)
    notebook = replace(notebook, cells=cells, metadata=own)
    assert read_ipynb(write_ipynb(notebook)) == notebook


def without_words_of_jupyter(metadata: Any) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in {"frozen", "editable", "tags"}}


@given(st.booleans().flatmap(lambda fabric: TEXT.map(lambda text: "# Fabric notebook source\n" * fabric + text)))
@example("# Fabric notebook source\n\n# METADATA " + STARS + "\n\n# META " + '{"a":' * 50_000)
@example("# Fabric notebook source\n\n# METADATA " + STARS + "\n\n# META " + '{"a":' * 900 + "1" + "}" * 900)
@example("# Fabric notebook source\n\n# METADATA " + STARS + '\n\n# META {"\\ud800": "\\ud800"}')
def test_reading_any_text_raises_nothing_of_its_own_and_writing_it_gives_it_back(text: str) -> None:
    with suppress(FabricLivyError):
        notebook = read_git(text)
        assert write_git(notebook) == text
        assert len(with_portal_metadata(notebook).cells) == len([notebook.kernel_code(cell) for cell in notebook.cells])


@given(st.text() | TEXT | JSON.map(json.dumps) | st.lists(OBJECT).map(lambda cells: json.dumps({"cells": cells})))
@example('{"cells": [], "metadata": ' + '{"a":' * 900 + "1" + "}" * 901)
@example('{"cells": [], "metadata": {"a": NaN}}')
def test_reading_any_ipynb_raises_nothing_of_its_own_and_writing_it_gives_it_back(text: str) -> None:
    with suppress(FabricLivyError):
        assert write_ipynb(read_ipynb(text)) == text


@given(
    st.lists(
        st.fixed_dictionaries(
            {"cell_type": st.sampled_from(["code", "markdown", "raw"])},
            optional={
                "source": TEXT | st.lists(TEXT, max_size=3),
                "metadata": JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "microsoft": OBJECT | JSON,
                        "tags": JSON | st.lists(st.sampled_from(["parameters", "a"])),
                        "run_control": JSON | st.fixed_dictionaries({"frozen": JSON}),
                        "editable": JSON,
                    },
                ),
                "outputs": JSON,
                "attachments": JSON,
                "id": JSON,
                "execution_count": JSON,
            },
        ),
        max_size=3,
    ),
    JSON | st.fixed_dictionaries({}, optional={"kernel_info": JSON, "microsoft": JSON, "trident": JSON}),
)
def test_any_ipynb_goes_into_the_git_format(cells: list[dict[str, Any]], metadata: Any) -> None:
    text = json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})
    notebook = read_ipynb(text)
    assert write_ipynb(notebook) == text
    for one in (notebook, with_portal_metadata(notebook)):
        assert read_git(write_git(one), SUFFIXES[notebook.primary]) == as_git(one)
        read_ipynb(write_ipynb(replace(one, original=None)))


# --- files and folders ------------------------------------------------------------------------------------------------


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
    ("make", "error", "says"),
    [
        (lambda path: None, SettingsError, "There is no notebook"),
        (lambda path: path.mkdir(), SettingsError, "no folder of a notebook"),
        (lambda path: path.write_text("x"), SettingsError, "is no notebook: one is an .ipynb"),
        (lambda path: path.with_suffix(".py").write_text("x"), NotebookError, "x.py: This is no Fabric notebook"),
        (lambda path: path.with_suffix(".py").write_bytes(b"\xff\xfe"), NotebookError, "x.py: a notebook is UTF-8"),
    ],
)
def test_a_path_that_leads_to_no_notebook_is_told(tmp_path: Path, make: Any, error: type, says: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(error, match=says):
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
