"""What `fabric-livy check` finds in a notebook, and `%run` in a repository."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks, notebook_file, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.needs import AVAILABLE, FABRIC_ONLY, PROBLEM, Checker, Need, Report
from fabric_livy_magic.notebooks.python_code import PREDEFINED, read_python
from fabric_livy_magic.notebooks.repository import Repository, repository_root
from fabric_livy_magic.notebooks.run_magic import RunLine, read_run_line

FILES = Path(__file__).parents[1] / "notebook_files"
SPARK = {"kernel_info": {"name": "synapse_pyspark"}}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The sample notebooks, in a repository of their own."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(FILES / "committed", tmp_path / "notebooks")
    return tmp_path


def check(path: Path) -> Report:
    return Checker().check(notebook_file(path))


def check_code(folder: Path, *sources: str, **of_notebook: Any) -> list[Need]:
    """The needs of a notebook with these code cells."""
    cells = tuple(Cell(source=source) for source in sources)
    write_notebook(folder / "it.Notebook", Notebook(cells=cells, **{"metadata": SPARK, **of_notebook}))
    return list(check(folder / "it.Notebook").needs)


def found(needs: list[Need], what: str) -> dict[str, str]:
    """Name → verdict."""
    return {need.name: need.verdict for need in needs if need.what == what}


# --- the sample files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("plain", AVAILABLE),
        ("parameters", AVAILABLE),
        ("line_magics", AVAILABLE),
        ("renamed_since", AVAILABLE),
        ("frozen", AVAILABLE),
        ("attachments", AVAILABLE),
        ("spark_sql", AVAILABLE),
        ("scala", AVAILABLE),
        ("sql_cells", FABRIC_ONLY),
        ("sparkr", FABRIC_ONLY),
        ("configure", FABRIC_ONLY),
        ("utilities", FABRIC_ONLY),
        ("warehouse", PROBLEM),
        ("python_only", PROBLEM),
    ],
)
def test_the_verdict_of_a_sample_is_the_same_in_both_formats(repository: Path, name: str, verdict: str) -> None:
    shutil.copytree(FILES / "exported", repository / "exported")
    assert check(repository / "notebooks" / f"{name}.Notebook").verdict == verdict
    assert check(repository / "exported" / f"{name}.ipynb").verdict == verdict


def test_what_a_notebook_uses_is_told_with_its_cells(repository: Path) -> None:
    needs = check(repository / "notebooks/utilities.Notebook").needs
    assert [(need.name, need.verdict, need.cells) for need in needs if need.what == "notebookutils"] == [
        ("fs.ls", AVAILABLE, (1,)),
        ("runtime.context", AVAILABLE, (1,)),
        ("credentials.getSecret", AVAILABLE, (2,)),
        ("notebook.list", FABRIC_ONLY, (2,)),
        ("notebook.run", AVAILABLE, (4,)),
        ("notebook.exit", AVAILABLE, (5,)),
    ]
    assert found(list(needs), "package") == {"sempy": FABRIC_ONLY}
    assert found(list(needs), "notebook.run") == {"parameters": AVAILABLE, "elsewhere": FABRIC_ONLY}
    assert found(list(needs), "lakehouse") == {"sales": AVAILABLE}


def test_frozen_cells_need_nothing(repository: Path) -> None:
    needs = check(repository / "notebooks/frozen.Notebook").needs
    assert [need for need in needs if need.what == "skipped cell"] == [
        Need("skipped cell", "frozen", cells=(1, 3)),
        Need("skipped cell", "tagged", cells=(4,)),
    ]
    assert found(list(needs), "language") == {"PySpark": AVAILABLE}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("warehouse", "a notebook in T-SQL: it runs on a warehouse"),
        ("python_only", "a notebook in Python without Spark: it runs in a container of its own"),
    ],
)
def test_a_notebook_of_another_engine_is_told_what_it_is_and_why_not_here(
    repository: Path, name: str, says: str
) -> None:
    needs = check(repository / f"notebooks/{name}.Notebook").needs
    assert any(need.what == "notebook" and need.verdict == PROBLEM and need.text.startswith(says) for need in needs)


# --- magics, code and names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "verdict", "says"),
    [
        ("%%sql\nSELECT 1", "%%sql", AVAILABLE, ""),
        ("\t%%sql\nSELECT 1", "%%sql", AVAILABLE, ""),
        ("# why\n%%configure -f\n{}", "%%configure", AVAILABLE, ""),
        ("files = !ls", "!", AVAILABLE, ""),
        ("%livy use local", "%livy", AVAILABLE, ""),
        ("%%livy_sql -o x\nSELECT 1", "%%livy_sql", AVAILABLE, ""),
        ("%load_ext autoreload", "%load_ext", AVAILABLE, ""),
        ("%md\n# A title\nand text", "%md", PROBLEM, "a Markdown cell"),
        ("%md # A title", "%md", PROBLEM, "a Markdown cell"),
        ("%fs ls /mnt", "%fs", PROBLEM, "notebookutils.fs"),
        ("%sql SELECT 1", "%sql", PROBLEM, "%%sql, with two signs"),
        ("%scala\nval a = 1", "%scala", PROBLEM, "%%spark"),
        ("%%md\n# A title", "%%md", PROBLEM, "a Markdown cell"),
        ("%%time\nx = 1", "%%time", FABRIC_ONLY, "a magic of IPython"),
        ("x = %time 1", "%time", FABRIC_ONLY, "a magic of IPython"),
        ("%%html\n<b>", "%%html", FABRIC_ONLY, "a magic of IPython"),
        ("%%sq\nSELECT 1", "%%sq", PROBLEM, "unknown: did you mean %%sql?"),
        ("%nosuch 1", "%nosuch", PROBLEM, "unknown"),
        ("%chat hello", "%chat", PROBLEM, "the portal answers it"),
    ],
)
def test_a_magic_is_there_or_on_fabric_only_or_another_product_s(
    tmp_path: Path, source: str, name: str, verdict: str, says: str
) -> None:
    needs = check_code(tmp_path, source)
    magics = {need.name: need for need in needs if need.what == "magic"}
    assert magics[name].verdict == verdict
    assert says in magics[name].text
    assert "syntax" not in {need.what for need in needs}


@pytest.mark.parametrize(
    ("source", "language"),
    [("%%tsql -artifact x\nSELECT 1", "T-SQL"), ("%%kql\nx | take 1", "KQL"), ("%%csharp\nvar a = 1;", "C#")],
)
def test_a_cell_of_another_engine_is_a_problem(tmp_path: Path, source: str, language: str) -> None:
    assert found(check_code(tmp_path, source), "language") == {language: PROBLEM}


def test_a_magic_that_the_notebook_registers_is_known(tmp_path: Path) -> None:
    code = "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef hello(line): pass"
    assert found(check_code(tmp_path, code, "%hello you"), "magic") == {"%hello": AVAILABLE}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\n\ny = = 2", "line 3: invalid syntax"),
        ("\n\n%%pyspark\nx = (", "line 4: "),
        ("SELECT * FROM t", "It looks like SQL, which begins with %%sql"),
        ("pip install x", "as in !pip"),
        ("x = '\x00'", "line 1: "),
        ("%pip list\ny = = 2", "line 2: "),
    ],
)
def test_a_syntax_error_is_told_with_its_line(tmp_path: Path, source: str, says: str) -> None:
    needs = [need for need in check_code(tmp_path, source) if need.what == "syntax"]
    assert [need.verdict for need in needs] == [PROBLEM]
    assert says in needs[0].text


@pytest.mark.parametrize(
    "source",
    [
        "await spark.x()",
        "%pip install x\nimport os",
        "a = !ls\nobj?",
        "if True:\n    %matplotlib inline",
        "  x = 1\n  y = 2",
        "pattern = '\\d'",
        "",
        "# only a comment",
        "%%time\nfor x in range(3):\n    print(x)",
    ],
)
def test_what_a_notebook_may_say_is_no_syntax_error(tmp_path: Path, source: str) -> None:
    assert found(check_code(tmp_path, source), "syntax") == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("mssparkutils.fs.ls('x')", {"fs.ls": AVAILABLE}),
        ("from notebookutils import mssparkutils as fs\nfs.fs.put('x', '')", {"fs.put": AVAILABLE}),
        ("from notebookutils import notebook as nb\nnb.runMultiple([])", {"notebook.runMultiple": AVAILABLE}),
        ("from notebookutils.mssparkutils.credentials import getSecret\ngetSecret('a', 'b')", {"credentials.getSecret": AVAILABLE}),
        ("notebookutils.data.connect_to_artifact('x')", {"data.connect_to_artifact": FABRIC_ONLY}),
        ("notebookutils.notebook.create('x')", {"notebook.create": FABRIC_ONLY}),
        ("from notebookutils.fs import *", {}),
        ("def f():\n    return notebookutils.runtime.context.get('x')", {"runtime.context": AVAILABLE}),
    ],
)  # fmt: skip
def test_calls_of_notebookutils_are_found_whatever_their_name(
    tmp_path: Path, source: str, names: dict[str, str]
) -> None:
    assert found(check_code(tmp_path, source), "notebookutils") == names


def test_an_alias_holds_in_the_cells_below(tmp_path: Path) -> None:
    needs = check_code(tmp_path, "from notebookutils import fs as files", "files.rm('x')")
    assert found(needs, "notebookutils") == {"fs.rm": AVAILABLE}


@pytest.mark.parametrize(
    ("source", "what", "name", "verdict"),
    [
        ("import sempy_labs as labs", "package", "sempy_labs", FABRIC_ONLY),
        ("from synapse.ml.predict import MLFlowTransformer", "package", "synapse", FABRIC_ONLY),
        ("import com.microsoft.spark.fabric", "package", "com.microsoft", FABRIC_ONLY),
        ("import nobody_has_this.part", "package", "nobody_has_this", FABRIC_ONLY),
        ("%pip install -q nobody-has-this\nimport nobody_has_this", "package", "nobody_has_this", AVAILABLE),
        ("import pandas as pd", "package", "pandas", AVAILABLE),
        ("df = spark.read.synapsesql('a.b.c')", "name", "synapsesql", FABRIC_ONLY),
        ("df.write.mode('append').synapsesql('a.b.c')", "name", "synapsesql", FABRIC_ONLY),
        ("f = 'com.microsoft.kusto.spark.synapse.datasource'", "name", "com.microsoft.kusto.spark", FABRIC_ONLY),
        ("TokenLibrary.getSecret('a')", "name", "TokenLibrary", FABRIC_ONLY),
        ("dbutils.fs.ls('x')", "name", "dbutils.fs", PROBLEM),
        ("x = dbutils.widgets.get('x')", "name", "dbutils.widgets", PROBLEM),
    ],
)
def test_what_has_no_embedded_form_is_told(tmp_path: Path, source: str, what: str, name: str, verdict: str) -> None:
    assert found(check_code(tmp_path, source), what) == {name: verdict}


def test_a_name_of_databricks_that_the_notebook_defines_is_its_own(tmp_path: Path) -> None:
    assert found(check_code(tmp_path, "dbutils = make()\ndbutils.fs.ls('x')"), "name") == {}


def test_modules_of_python_need_no_word(tmp_path: Path) -> None:
    assert found(check_code(tmp_path, "import os, json.decoder\nfrom . import x"), "package") == {}


def test_broken_metadata_and_files_are_problems(tmp_path: Path) -> None:
    stars = "*" * 20
    (tmp_path / "a.py").write_text(
        f"# Fabric notebook source\n\n# METADATA {stars}\n\n<<<<<<< HEAD\n# META {{\n", encoding="utf-8"
    )
    (tmp_path / "b.ipynb").write_text("{", encoding="utf-8")
    assert [need.text for need in check(tmp_path / "a.py").needs if need.verdict == PROBLEM] == [
        "an unresolved merge conflict: <<<<<<< HEAD"
    ]
    report = check(tmp_path / "b.ipynb")
    assert [(need.name, need.verdict) for need in report.needs] == [("b.ipynb", PROBLEM)]
    assert report.needs[0].text.startswith("This is no notebook: its JSON is broken")


def test_a_notebook_that_names_no_kernel_is_told_and_fine(tmp_path: Path) -> None:
    needs = check_code(tmp_path, "1", metadata={})
    assert [(need.name, need.verdict) for need in needs if need.what == "notebook"] == [("no kernel", AVAILABLE)]


def test_the_names_of_the_parameters_are_told(repository: Path) -> None:
    needs = check(repository / "notebooks/parameters.Notebook").needs
    assert found(list(needs), "parameters") == {"day, floor, limit, names, strict": AVAILABLE}


# --- %run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("name", RunLine("name")),
        ("  name  ", RunLine("name")),
        ("a name with blanks", RunLine("a name with blanks")),
        ('"a name"', RunLine("a name")),
        ("'a name'", RunLine("a name")),
        ("/folder/name", RunLine("/folder/name")),
        ('name {"a": 1, "b": "x"}', RunLine("name", {"a": 1, "b": "x"})),
        ('"a name" { "a": {"b": true} }', RunLine("a name", {"a": {"b": True}})),
        ("-b script.py", RunLine("script.py", is_script=True)),
        ("-c -b script", RunLine("script", is_script=True)),
        ("helpers.py", RunLine("helpers.py", is_script=True)),
    ],
)
def test_what_run_takes(line: str, target: RunLine) -> None:
    assert read_run_line(line) == target


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "takes a notebook"),
        ('{"a": 1}', "takes a notebook"),
        ('""', "takes a notebook"),
        ('"open', "takes a notebook"),
        ("name {a: 1}", "no JSON"),
        ("name {} more", "takes a notebook"),
    ],
)
def test_a_wrong_run_is_told(line: str, says: str) -> None:
    with pytest.raises(NotebookError, match=says):
        read_run_line(line)


@given(st.text() | st.lists(st.sampled_from(["-b ", '"', "'", "{", "}", " ", "name", "\n"])).map("".join))
@example("a " * 2000 + "'")
def test_any_line_is_a_target_or_an_error_of_ours(line: str) -> None:
    with suppress(NotebookError):
        assert read_run_line(line).name


def repository_of(folder: Path, **runs: list[str]) -> Path:
    """A repository of notebooks by their names, each with the `%run` lines that it has."""
    (folder / ".git").mkdir()
    for name, lines in runs.items():
        cells = tuple(Cell(source=f"%run {line}") for line in lines)
        write_notebook(folder / f"{name}.Notebook", Notebook(cells=cells, metadata=SPARK))
    return folder


def runs_of(path: Path) -> list[tuple[str, str, str]]:
    return [(need.name, need.verdict, need.text) for need in check(path).needs if need.what == "%run"]


def test_a_target_is_found_by_its_display_name_exact_or_in_another_case(repository: Path) -> None:
    assert runs_of(repository / "notebooks/line_magics.Notebook") == [
        ("parameters", AVAILABLE, ""),
        ("Load orders", AVAILABLE, ""),
        ("/Plain", AVAILABLE, "it is called plain"),
    ]


def test_a_missing_target_is_a_problem_with_what_it_may_have_meant(tmp_path: Path) -> None:
    repository_of(tmp_path, main=["loadorders", "quite another"], load_orders=[])
    assert runs_of(tmp_path / "main.Notebook") == [
        ("loadorders", PROBLEM, "no notebook of the repository has this name. Did you mean load_orders?"),
        ("quite another", PROBLEM, "no notebook of the repository has this name."),
    ]


def test_a_circle_is_a_problem_of_each_notebook_that_meets_it(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["b"], b=["C"], c=["b"], d=["d"], e=["c", "nosuch"], f=[])
    told = {
        name: [text for _, _, text in runs_of(tmp_path / f"{name}.Notebook") if "circle" in text] for name in "abcdef"
    }
    assert told == {
        "a": ["a circle: b → c → b"],
        "b": ["a circle: b → c → b"],
        "c": ["a circle: c → b → c"],
        "d": ["a circle: d → d"],
        "e": ["a circle: c → b → c"],
        "f": [],
    }


def test_a_notebook_that_two_others_run_is_no_circle(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["b", "c"], b=["d"], c=["d"], d=[])
    assert check(tmp_path / "a.Notebook").verdict == AVAILABLE


def test_a_notebook_that_is_run_in_a_million_ways_is_read_once(tmp_path: Path) -> None:
    layers = {f"{side}{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(20) for side in "ab"}
    repository_of(tmp_path, **layers, a20=[], b20=[])
    assert check(tmp_path / "a0.Notebook").verdict == AVAILABLE


def test_a_wrong_line_does_not_hide_a_circle_below_it(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["{}", "b"], b=["a"])
    assert "a circle: b → a → b" in [text for _, _, text in runs_of(tmp_path / "b.Notebook")]


def test_a_script_of_the_resources_is_in_no_repository(tmp_path: Path) -> None:
    repository_of(tmp_path, a=["-b helpers.py"])
    assert [(name, verdict) for name, verdict, _ in runs_of(tmp_path / "a.Notebook")] == [("helpers.py", FABRIC_ONLY)]


def test_of_several_copies_the_nearest_runs(tmp_path: Path) -> None:
    for stage in ("dev", "prod"):
        for name in ("main", "lib"):
            write_notebook(tmp_path / stage / f"{name}.Notebook", Notebook())
    files = Repository(tmp_path)
    for stage in ("dev", "prod"):
        target = files.find("lib", tmp_path / stage / "main.Notebook" / "notebook-content.py").file
        assert target is not None
        assert target.path.is_relative_to(tmp_path / stage)


def test_the_root_is_the_git_repository_else_the_notebook_s_own_folder(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "x.Notebook" / "notebook-content.py"
    file.parent.mkdir(parents=True)
    file.touch()
    assert repository_root(file) == tmp_path / "a" / "b"
    (tmp_path / "a" / ".git").touch()  # a worktree has a file there
    assert repository_root(file) == tmp_path / "a"


# --- any code -------------------------------------------------------------------------------------------------------

PIECES = [
    "%",
    "%%",
    "!",
    "?",
    "x",
    "=",
    "(",
    "'",
    '"""',
    "\\",
    "\n",
    "\n  ",
    "import a.b as c",
    "@f\n",
    "lambda",
    "#",
    "\t",
]


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
@example("(" * 3000)
@example('=%"""')
@example("a" + ".a" * 3000)
@example("-" * 5000 + "1")
@example("x = %time " * 300)
def test_any_code_is_read_or_has_a_syntax_error(source: str) -> None:
    facts = read_python(source, dict(PREDEFINED))
    assert facts.error_line >= bool(facts.error)


def test_all_samples_are_found_and_checked(repository: Path) -> None:
    checker = Checker()
    reports = [checker.check(file) for file in find_notebooks(repository)]
    assert len(reports) == 14
    assert all(isinstance(report.file, NotebookFile) for report in reports)
