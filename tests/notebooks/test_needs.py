"""What `fabric-livy check` finds in a notebook."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.need import AVAILABLE, FABRIC_ONLY, PROBLEM, TO_PROVIDE, Need
from fabric_livy_magic.notebooks.needs import Checker
from tests.support.notebook_samples import FILES, check, check_code, verdicts
from tests.support.repositories import commit_lakehouse, commit_notebook


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
        ("configure", AVAILABLE),
        ("utilities", FABRIC_ONLY),
        ("warehouse", PROBLEM),
        ("python_only", PROBLEM),
    ],
)
def test_the_verdict_of_a_sample_is_the_same_in_both_formats(repository: Path, name: str, verdict: str) -> None:
    shutil.copytree(FILES / "exported", repository / "exported")
    assert check(repository / "notebooks" / f"{name}.Notebook").verdict == verdict
    assert check(repository / "exported" / f"{name}.ipynb").verdict == verdict


def test_what_a_notebook_uses_is_listed_with_its_cells(repository: Path) -> None:
    needs = check(repository / "notebooks/utilities.Notebook").needs
    assert [(need.name, need.verdict, need.cells) for need in needs if need.what == "notebookutils"] == [
        ("fs.ls", AVAILABLE, (1,)),
        ("runtime.context", AVAILABLE, (1,)),
        ("credentials.getSecret", AVAILABLE, (2,)),
        ("notebook.list", FABRIC_ONLY, (2,)),
        ("notebook.run", AVAILABLE, (4,)),
        ("notebook.exit", AVAILABLE, (5,)),
    ]
    assert verdicts(list(needs), "package") == {"sempy": AVAILABLE}
    assert verdicts(list(needs), "notebook.run") == {"parameters": AVAILABLE, "elsewhere": FABRIC_ONLY}
    assert verdicts(list(needs), "lakehouse") == {"sales": AVAILABLE}


def test_frozen_cells_need_nothing(repository: Path) -> None:
    needs = check(repository / "notebooks/frozen.Notebook").needs
    assert [need for need in needs if need.what == "skipped cell"] == [
        Need("skipped cell", "frozen", cells=(1, 3)),
        Need("skipped cell", "tagged", cells=(4,)),
    ]
    assert verdicts(list(needs), "language") == {"PySpark": AVAILABLE}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("warehouse", "a notebook in T-SQL: it runs on a warehouse"),
        ("python_only", "a notebook in Python without Spark: it runs in a container of its own"),
    ],
)
def test_a_notebook_of_another_engine_is_a_problem_with_the_reason(repository: Path, name: str, message: str) -> None:
    needs = check(repository / f"notebooks/{name}.Notebook").needs
    assert any(need.what == "notebook" and need.verdict == PROBLEM and need.text.startswith(message) for need in needs)


@pytest.mark.parametrize(
    ("source", "name", "verdict", "message"),
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
        ("%%time\nx = 1", "%%time", AVAILABLE, ""),
        ("x = %time 1", "%time", AVAILABLE, ""),
        ("%%html\n<b>", "%%html", AVAILABLE, ""),
        ("%autoreload 2", "%autoreload", AVAILABLE, ""),
        ("%store data", "%store", FABRIC_ONLY, "a magic of IPython on names"),
        ("%%sq\nSELECT 1", "%%sq", PROBLEM, "unknown: did you mean %%sql?"),
        ("%nosuch 1", "%nosuch", PROBLEM, "unknown"),
        ("%chat hello", "%chat", PROBLEM, "the portal answers it"),
    ],
)
def test_a_magic_is_there_or_on_fabric_only_or_another_product_s(
    tmp_path: Path, source: str, name: str, verdict: str, message: str
) -> None:
    needs = check_code(tmp_path, source)
    magics = {need.name: need for need in needs if need.what == "magic"}
    assert magics[name].verdict == verdict
    assert message in magics[name].text
    assert "syntax" not in {need.what for need in needs}


@pytest.mark.parametrize(
    ("source", "language"),
    [("%%tsql -artifact x\nSELECT 1", "T-SQL"), ("%%kql\nx | take 1", "KQL"), ("%%csharp\nvar a = 1;", "C#")],
)
def test_a_cell_of_another_engine_is_a_problem(tmp_path: Path, source: str, language: str) -> None:
    assert verdicts(check_code(tmp_path, source), "language") == {language: PROBLEM}


def test_a_magic_that_the_notebook_registers_is_known(tmp_path: Path) -> None:
    code = "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef hello(line): pass"
    assert verdicts(check_code(tmp_path, code, "%hello you"), "magic") == {"%hello": AVAILABLE}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\ny = = 2", "line 3: invalid syntax"),
        ("\n\n%%pyspark\nx = (", "line 4: "),
        ("SELECT * FROM t", "It looks like SQL, which begins with %%sql"),
        ("wget x", "as in !wget"),
        ("x = '\x00'", "line 1: "),
        ("%pip list\ny = = 2", "line 2: "),
    ],
)
def test_a_syntax_error_is_reported_with_its_line(tmp_path: Path, source: str, message: str) -> None:
    needs = [need for need in check_code(tmp_path, source) if need.what == "syntax"]
    assert [need.verdict for need in needs] == [PROBLEM]
    assert message in needs[0].text


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
    assert verdicts(check_code(tmp_path, source), "syntax") == {}


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
    assert verdicts(check_code(tmp_path, source), "notebookutils") == names


def test_an_alias_holds_in_the_cells_below(tmp_path: Path) -> None:
    needs = check_code(tmp_path, "from notebookutils import fs as files", "files.rm('x')")
    assert verdicts(needs, "notebookutils") == {"fs.rm": AVAILABLE}


@pytest.mark.parametrize(
    ("source", "what", "name", "verdict"),
    [
        ("import sempy_labs as labs", "package", "sempy_labs", FABRIC_ONLY),
        ("from synapse.ml.predict import MLFlowTransformer", "package", "synapse", FABRIC_ONLY),
        ("import com.microsoft.spark.fabric", "package", "com.microsoft", TO_PROVIDE),
        ("import nobody_has_this.part", "package", "nobody_has_this", TO_PROVIDE),
        ("%pip install -q nobody-has-this\nimport nobody_has_this", "package", "nobody_has_this", AVAILABLE),
        ("import pandas as pd", "package", "pandas", AVAILABLE),
        ("df = spark.read.synapsesql('a.b.c')", "name", "synapsesql", TO_PROVIDE),
        ("df.write.mode('append').synapsesql('a.b.c')", "name", "synapsesql", TO_PROVIDE),
        ("f = 'com.microsoft.kusto.spark.synapse.datasource'", "name", "com.microsoft.kusto.spark", TO_PROVIDE),
        ("TokenLibrary.getSecret('a')", "name", "TokenLibrary", FABRIC_ONLY),
        ("dbutils.fs.ls('x')", "name", "dbutils.fs", PROBLEM),
        ("x = dbutils.widgets.get('x')", "name", "dbutils.widgets", PROBLEM),
    ],
)
def test_what_the_embedded_fabric_lacks_is_reported(
    tmp_path: Path, source: str, what: str, name: str, verdict: str
) -> None:
    assert verdicts(check_code(tmp_path, source), what) == {name: verdict}


@pytest.mark.parametrize(
    ("source", "packages"),
    [
        ("import sempy.fabric as fabric\nfabric.get_notebook_workspace_id()", {"sempy": AVAILABLE}),
        ("import sempy\nsempy.fabric.resolve_item_id('a').lower()", {"sempy": AVAILABLE}),
        ("from sempy.fabric import list_items\nlist_items()", {"sempy": AVAILABLE}),
        (
            "from sempy import fabric as f\nf.evaluate_dax('a', 'b')",
            {"sempy": AVAILABLE, "sempy.fabric.evaluate_dax": TO_PROVIDE},
        ),
        ("import sempy.relationships", {"sempy.relationships": FABRIC_ONLY}),
    ],
)
def test_of_semantic_link_the_ids_and_names_are_there(tmp_path: Path, source: str, packages: dict[str, str]) -> None:
    assert verdicts(check_code(tmp_path, source), "package") == packages


def test_a_name_of_databricks_that_the_notebook_defines_is_its_own(tmp_path: Path) -> None:
    assert verdicts(check_code(tmp_path, "dbutils = make()\ndbutils.fs.ls('x')"), "name") == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("%%sql\nCREATE OR REPLACE MATERIALIZED LAKE VIEW a AS SELECT 1", True),
        ("spark.sql('refresh materialized lake view a full')", True),
        ("%%sql\nCREATE VIEW a AS SELECT 1", False),
    ],
)
def test_a_materialized_lake_view_is_told_to_be_a_table_offline(tmp_path: Path, source: str, found: bool) -> None:
    needs = [need for need in check_code(tmp_path, source) if need.what == "statement"]
    assert [(need.verdict, "no schedule does" in need.text) for need in needs] == [(AVAILABLE, True)] * found


def test_modules_of_python_need_no_word(tmp_path: Path) -> None:
    assert verdicts(check_code(tmp_path, "import os, json.decoder\nfrom . import x"), "package") == {}


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


def test_a_notebook_without_a_kernel_is_reported_and_no_problem(tmp_path: Path) -> None:
    needs = check_code(tmp_path, "1", metadata={})
    assert [(need.name, need.verdict) for need in needs if need.what == "notebook"] == [("no kernel", AVAILABLE)]


def test_the_names_of_the_parameters_are_listed(repository: Path) -> None:
    needs = check(repository / "notebooks/parameters.Notebook").needs
    assert verdicts(list(needs), "parameters") == {"day, floor, limit, names, strict": AVAILABLE}


def test_all_samples_are_found_and_checked(repository: Path) -> None:
    checker = Checker()
    reports = [checker.check(file) for file in find_notebooks(repository)]
    assert len(reports) == 14
    assert all(isinstance(report.file, NotebookFile) for report in reports)


# ------------------------------------------------------------------------------------------------ what is outside
@pytest.mark.parametrize(
    ("source", "what", "found"),
    [
        ("import requests\nrequests.get(url)", "HTTP", {"requests": TO_PROVIDE}),
        ("from urllib.request import urlopen", "HTTP", {"urllib.request": TO_PROVIDE}),
        ("from urllib.parse import quote", "HTTP", {}),
        ("import pandas as pd\npd.read_csv('https://example.com/a.csv')", "HTTP", {"example.com": TO_PROVIDE}),
        ("u = f'https://example.com/{name}.csv'", "HTTP", {"example.com": TO_PROVIDE}),
        ("!wget -q https://example.com/a.csv", "HTTP", {"a download by the shell": TO_PROVIDE}),
        (
            "u = 'https://api.fabric.microsoft.com/v1/workspaces'",
            "Fabric REST",
            {"api.fabric.microsoft.com": TO_PROVIDE},
        ),
        ("u = f'https://api.powerbi.com/v1.0/{x}'", "Fabric REST", {"api.powerbi.com": TO_PROVIDE}),
        ("mssparkutils.credentials.getSecret(v, 'a')", "secret", {"getSecret": TO_PROVIDE}),
        ("from notebookutils.credentials import getToken\ngetToken('pbi')", "secret", {"getToken": TO_PROVIDE}),
        ("t = notebookutils.credentials.getToken('https://storage.azure.com')", "HTTP", {}),
        ("p = 'wasbs://box@account.blob.core.windows.net/a'", "storage", {"wasbs://": TO_PROVIDE}),
        ("p = f'abfss://{box}@account.dfs.core.windows.net/a'", "storage", {"abfss://": TO_PROVIDE}),
        ("p = 's3a://bucket/a'", "storage", {"s3a://": TO_PROVIDE}),
        ("p = 'abfss://w@onelake.dfs.fabric.microsoft.com/l.Lakehouse/Files'", "storage", {}),
        ("p = f'abfss://{workspace}@{host}/Files'", "storage", {}),
        ("%%sql\nSELECT * FROM csv.`wasbs://b@a.blob.core.windows.net/x`", "storage", {"wasbs://": TO_PROVIDE}),
        ("%%sql\nCREATE TABLE t USING jdbc OPTIONS (url 'x')", "database", {"jdbc": TO_PROVIDE}),
        ("spark.read.format('jdbc').load()", "database", {"jdbc": TO_PROVIDE}),
        ("spark.read.jdbc(u, 't')", "database", {"jdbc": TO_PROVIDE}),
        ("u = 'jdbc:sqlserver://host'", "database", {"jdbc:sqlserver": TO_PROVIDE}),
        ('%%spark\nval u = "jdbc:postgresql://host"', "database", {"jdbc:postgresql": TO_PROVIDE}),
        ("import pyodbc", "database", {"pyodbc": TO_PROVIDE}),
        ("from azure.kusto.data import KustoClient", "Kusto", {"azure.kusto": TO_PROVIDE}),
        ("c = notebookutils.data.connect_to_artifact('w')", "notebookutils", {"data.connect_to_artifact": FABRIC_ONLY}),
        ("print('see https://example.com')  # a text", "HTTP", {}),
    ],
)
def test_what_a_notebook_reaches_outside_is_named(
    tmp_path: Path, source: str, what: str, found: dict[str, str]
) -> None:
    assert verdicts(check_code(tmp_path, source), what) == found


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import cv2", "pip install opencv-python"),
        ("from docx import Document", "pip install python-docx"),
        ("import nobody_has_this", "pip install nobody-has-this"),
        ("import azure.eventhub", "pip install azure-eventhub"),
        ("import catboost", "pip install catboost"),
    ],
)
def test_a_package_that_is_not_installed_is_told_with_the_name_that_pip_has(
    tmp_path: Path, source: str, says: str
) -> None:
    (need,) = [one for one in check_code(tmp_path, source) if one.what == "package"]
    assert (need.verdict, need.text.startswith("not installed in this Python. ")) == (TO_PROVIDE, True)
    assert need.text.endswith(says)
    assert ("Fabric's runtime brings 1.2." in need.text) == ("catboost" in source)


@pytest.mark.parametrize(
    "source",
    [
        "%pip install -q opencv-python\nimport cv2",
        "!pip install python-docx==1.1\nimport docx",
        "%%writefile here.py\nx = 1",
    ],
)
def test_what_the_notebook_installs_or_writes_is_there(tmp_path: Path, source: str) -> None:
    assert {one.verdict for one in check_code(tmp_path, source) if one.what == "package"} <= {AVAILABLE}
    after = check_code(tmp_path, source, "import here") if "writefile" in source else []
    assert verdicts(after, "package") == ({"here": AVAILABLE} if after else {})


# ------------------------------------------------------------------------------------------------ what it runs
def repository_of(folder: Path, **sources: str) -> dict[str, NotebookFile]:
    for name, source in sources.items():
        cells = tuple(Cell(source=one) for one in source.split("\n\n"))
        metadata = {"kernel_info": {"name": "synapse_pyspark"}}
        write_notebook(folder / f"{name}.Notebook", Notebook(cells=cells, metadata=metadata))
    return {one.name: one for one in find_notebooks(folder)}


DAG = "dag = {'activities': [{'name': 'x', 'path': 'child'}, {'name': 'child', 'path': 'other'}]}\n"


@pytest.mark.parametrize(
    ("calls", "what"),
    [
        ("%run child", "%run"),
        ("mssparkutils.notebook.run('child', 90)", "notebook.run"),
        ("notebookutils.notebook.run(path='child')", "notebook.run"),
        ("notebookutils.notebook.runMultiple(['child'])", "notebook.run"),
        (f"{DAG}mssparkutils.notebook.runMultiple(dag)", "notebook.run"),
        (f"{DAG}\nmssparkutils.notebook.runMultiple(dag, {{'displayDAGViaGraphviz': False}})", "notebook.run"),
    ],
)
def test_a_notebook_needs_what_those_need_that_it_runs(tmp_path: Path, calls: str, what: str) -> None:
    sources = {"child": "%run grandchild", "grandchild": "%%sparkr\nx", "other": "1"}
    files = repository_of(tmp_path, caller=calls, **sources)
    report = Checker().check(files["caller"])
    assert report.verdict == FABRIC_ONLY
    (need,) = [one for one in report.needs if (one.what, one.name) == (what, "child")]
    assert (need.verdict, need.text) == (FABRIC_ONLY, "needs language SparkR in grandchild")
    assert verdicts(list(report.needs), what).get("other", AVAILABLE) == AVAILABLE


def test_the_verdict_of_a_caller_is_that_of_the_worst_and_says_how_many_more(tmp_path: Path) -> None:
    files = repository_of(
        tmp_path, caller="%run child", child="import requests\n\nx ===\n\n%md a\n\n%md b\n\n%fs c\n\n%sh d"
    )
    (need,) = [one for one in Checker().check(files["caller"]).needs if one.what == "%run"]
    assert need.verdict == PROBLEM
    assert need.text == "needs syntax cell 2 in child, magic %md in child, magic %fs in child and 1 more"
    assert [one.name for one, _ in Checker().blockers(files["caller"])] == ["child"] * 3


def test_notebooks_that_run_each_other_are_checked_once(tmp_path: Path) -> None:
    one = "notebookutils.notebook.run('two')\n\nimport requests"
    files = repository_of(
        tmp_path, one=one, two="notebookutils.notebook.run('three')", three="notebookutils.notebook.run('one')"
    )
    reports = {name: Checker().check(file) for name, file in files.items()}
    assert {report.verdict for report in reports.values()} == {TO_PROVIDE}
    (need,) = [need for need in reports["two"].needs if need.what == "notebook.run"]
    assert need.text == "needs HTTP requests in one"


def test_a_shortcut_out_of_the_repository_is_named_for_notebooks_that_mention_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    adls = {"type": "AdlsGen2", "adlsGen2": {"location": "https://a.dfs.core.windows.net", "subpath": "/raw"}}
    item = {"type": "OneLake", "oneLake": {"itemId": f"{'9' * 8}-0000-4000-8000-000000000000", "path": "Tables/far"}}
    own = {"type": "OneLake", "oneLake": {"itemId": "00000000-0000-0000-0000-000000000000", "path": "Tables/near"}}
    shortcuts = [
        {"name": name, "path": "/Tables/dbo", "target": target}
        for name, target in (("prices", adls), ("far", item), ("own", own))
    ]
    bronze = commit_lakehouse(tmp_path, "Bronze", defaultSchema="dbo")
    (bronze / "shortcuts.metadata.json").write_text(json.dumps(shortcuts), encoding="utf-8")
    commit_lakehouse(tmp_path, "Silver")
    cells = (
        "spark.table('prices')",
        "spark.table('Bronze.dbo.prices'), spark.table('bronze.dbo.far')",
        "spark.table('Bronze.own')",
    )
    for name in ("Bronze", "Silver"):
        metadata = {"dependencies": {"lakehouse": {"default_lakehouse_name": name}}}
        notebook = Notebook(cells=tuple(Cell(source=one) for one in cells), metadata=metadata)
        commit_notebook(tmp_path, f"In {name}", notebook)
    found = {
        name: [
            (need.name, need.cells) for need in check(tmp_path / f"In {name}.Notebook").needs if need.what == "shortcut"
        ]
        for name in ("Bronze", "Silver")
    }
    assert found == {
        "Bronze": [("Bronze/Tables/dbo/prices", (1, 2)), ("Bronze/Tables/dbo/far", (2,))],
        "Silver": [("Bronze/Tables/dbo/prices", (2,)), ("Bronze/Tables/dbo/far", (2,))],
    }
    (need,) = (one for one in check(tmp_path / "In Silver.Notebook").needs if one.name.endswith("prices"))
    assert need.verdict == TO_PROVIDE
    assert "ADLS Gen2 https://a.dfs.core.windows.net/raw" in need.text


def test_a_module_of_the_resources_is_no_package(tmp_path: Path) -> None:
    commit_notebook(tmp_path, "Uses", Notebook(cells=(Cell(source="from builtin.tools import f\nimport env.more"),)))
    (tmp_path / "Uses.Notebook" / "builtin").mkdir()
    needs = check(tmp_path / "Uses.Notebook").needs
    assert verdicts(list(needs), "resources") == {"builtin": AVAILABLE, "env": TO_PROVIDE}
    assert verdicts(list(needs), "package") == {}
