"""What `fabric-livy check` says of what runs here and will not on Fabric."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.fabric_runtime import RUNTIMES
from fabric_livy_magic.notebooks.files import notebook_file, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.need import HERE_ONLY, Need
from fabric_livy_magic.notebooks.needs import Checker
from fabric_livy_magic.notebooks.notebook_code import read_code
from fabric_livy_magic.notebooks.portability import portability_needs
from fabric_livy_magic.notebooks.runtime_packages import has_package
from tests.support.notebook_samples import SPARK


def warnings_of(
    folder: Path, *sources: str, runtime: str = "1.3", python: tuple[int, int] = (3, 11), **more: object
) -> list[Need]:
    cells = tuple(Cell(source=source) for source in sources)
    notebook = Notebook(cells=cells, metadata={**SPARK, **more})
    return list(portability_needs(read_code(notebook), folder, RUNTIMES[runtime], python))


def told(found: list[Need]) -> list[tuple[str, str, int, str]]:
    """(what, name, cell, line)."""
    return [(need.what, need.name, need.cells[0], need.text.partition(":")[0]) for need in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import requests\n\nrequests.get('http://localhost:8000/x')", ("place", "localhost", 1, "line 3")),
        ("spark.read.jdbc(f'jdbc:postgresql://127.0.0.1:{port}/db', 't')", ("place", "127.0.0.1", 1, "line 1")),
        ("df = pd.read_csv(r'C:\\Users\\ann\\a.csv')", ("place", "C:\\Users\\ann\\a.csv", 1, "line 1")),
        ("df = pd.read_csv('C:/data/a.csv')", ("place", "C:/data/a.csv", 1, "line 1")),
        ("open(f'/home/{user}/a.csv')", ("place", "/home/{}/a.csv", 1, "line 1")),
        ("spark.read.csv('file:///Users/ann/a.csv')", ("place", "file:///Users/ann/a.csv", 1, "line 1")),
        ("open('/mnt/c/data.csv')", ("place", "/mnt/c/data.csv", 1, "line 1")),
        ("%%sql\nCREATE TABLE t USING csv\nLOCATION 'file:/home/ann/t'", ("place", "file:/home/ann/t", 1, "line 3")),
        (
            "for one in ids:\n    requests.get(f'https://api.fabric.microsoft.com/v1/{one}')",
            ("loop", "Fabric REST", 1, "line 2"),
        ),
        (
            "from fabric_livy_magic import connect\nwith connect('Sales/Gold') as there:\n    while True:\n        there.sql('SELECT 1')",
            ("loop", "there.sql", 1, "line 4"),
        ),
    ],
)
def test_a_warning_names_cell_line_what_and_why(tmp_path: Path, source: str, expected: tuple[str, ...]) -> None:
    found = warnings_of(tmp_path, source)
    assert told(found) == [expected]
    assert found[0].verdict == HERE_ONLY


@pytest.mark.parametrize(
    "source",
    [
        "# http://localhost is what it was\n'''see /home/ann/x'''",
        "open('/lakehouse/default/Files/a.csv')",
        "spark.read.csv('file:/lakehouse/default/Files/a.csv')",
        "open('/home/trusted-service-user/work/a.csv')",
        "open('/tmp/a.csv')",
        "url = 'https://example.com/home/ann/x'",
        "url = 'https://localhost.example.com/'",
        "pattern = r'\\d:\\d'; other = r'd:\\d+'",
        "page = '/home'",
        "time = '12:30'; ratio = 'a:b'; drive = 's3://bucket/x'; unit = 'C:'",
        "client.get('https://api.fabric.microsoft.com/v1/workspaces')",
        "for one in ids:\n    requests.get(f'https://api.fabric.microsoft.com/v1/{one}')\n    time.sleep(1)",
        "for one in ids:\n    requests.get(f'https://example.com/{one}')",
        "for name in names:\n    spark.sql(f'OPTIMIZE {name}')",
        "%%sql\n-- file:/home/ann/t\nSELECT 'at home'",
        "import pandas, numpy, requests, yaml, sklearn, pyspark, delta, notebookutils, os",
        "try:\n    import hypothesis\nexcept ImportError:\n    hypothesis = None",
        "%pip install hypothesis\nimport hypothesis",
        "spark.read.load('Tables/dbo/trips'); spark.read.load('Tables/dbo/trips/')",
        "spark.read.load('Files/*.csv'); spark.read.load('Files/*.CSV')",
    ],
)
def test_what_runs_on_fabric_as_well_is_no_warning(tmp_path: Path, source: str) -> None:
    assert warnings_of(tmp_path, source) == []


def test_a_package_that_the_runtime_has_not_is_told_unless_something_brings_it(tmp_path: Path) -> None:
    (need,) = warnings_of(tmp_path, "x = 1\nfrom hypothesis import given")
    assert told([need]) == [("package", "hypothesis", 1, "line 2")]
    assert "not in Fabric's Runtime 1.3. `%pip install hypothesis`" in need.text
    environment = {"environmentId": "11111111-1111-4111-8111-111111111111"}
    assert warnings_of(tmp_path, "import hypothesis", dependencies={"environment": environment}) == []


@pytest.mark.parametrize(
    ("runtime", "distribution", "expected"),
    [
        ("1.3", "PyYAML", True),
        ("1.3", "ruamel.yaml", True),
        ("1.3", "azure-keyvault-secrets", True),
        ("1.3", "torch", True),
        ("1.3", "polars", False),
        ("2.0", "torch", False),
        ("2.0", "importlib_metadata", True),
        ("2.0", "azure-keyvault-keys", False),
    ],
)
def test_which_packages_a_runtime_has(runtime: str, distribution: str, expected: bool) -> None:
    assert has_package(RUNTIMES[runtime], distribution) is expected


def test_every_version_that_is_known_of_a_runtime_is_of_a_package_that_it_has() -> None:
    for runtime in RUNTIMES.values():
        known = [one for one in runtime.versions if one != "delta-spark"]  # comes with Spark's jars
        assert [one for one in known if not has_package(runtime, one)] == []


@pytest.mark.parametrize(
    ("source", "runtime", "python", "expected"),
    [
        ("from itertools import batched", "1.3", (3, 12), ["itertools.batched"]),
        ("from itertools import batched", "2.0", (3, 13), []),
        ("from itertools import batched", "1.3", (3, 11), []),  # fails here, too
        ("import telnetlib", "2.0", (3, 12), ["telnetlib"]),
        ("import telnetlib", "1.3", (3, 11), []),
        ("import cgi\nfrom imp import reload", "2.0", (3, 11), ["cgi", "imp"]),
    ],
)
def test_modules_of_another_python_are_told_for_the_runtime_that_is_asked_for(
    tmp_path: Path, source: str, runtime: str, python: tuple[int, int], expected: list[str]
) -> None:
    found = warnings_of(tmp_path, source, runtime=runtime, python=python)
    assert [need.name for need in found if need.what == "Python"] == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python does not read it")
@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("type Row = dict", "the statement `type X = …`"),
        ("def first[T](all: list[T]) -> T: ...", "type parameters in brackets"),
        ("f'{row['a']}'", "an f-string with its own quotes inside"),
        ("f'''{row['a']}'''", ""),
        ("f'{row[\"a\"]}'", ""),
    ],
)
def test_syntax_that_the_runtime_s_python_does_not_read_is_told(tmp_path: Path, source: str, name: str) -> None:
    found = warnings_of(tmp_path, source, python=sys.version_info[:2])
    assert [need.name for need in found] == [name] * bool(name)


def test_two_spellings_of_one_path_are_told_with_the_cell_of_the_other(tmp_path: Path) -> None:
    found = warnings_of(
        tmp_path, "df.write.save('Tables/dbo/Trips')", "spark.read.load('/lakehouse/default/Tables/dbo/trips')"
    )
    assert told(found) == [("spelling", "Tables/dbo/trips", 2, "line 1")]
    assert "cell 1 writes it Tables/dbo/Trips" in found[0].text


def test_a_resource_by_another_letter_case_is_told(tmp_path: Path) -> None:
    (tmp_path / "builtin" / "Rules").mkdir(parents=True)
    (tmp_path / "builtin" / "Rules" / "first.json").write_text("{}")
    assert warnings_of(tmp_path, "open('./builtin/Rules/first.json'); open('builtin/made_by_a_cell.json')") == []
    (need,) = warnings_of(tmp_path, "open('builtin/rules/First.json')")
    assert told([need]) == [("spelling", "builtin/rules/First.json", 1, "line 1")]
    assert "the file is builtin/Rules/first.json" in need.text


def test_of_a_notebook_for_any_jupyter_only_what_it_sends_to_fabric_is_told(tmp_path: Path) -> None:
    sources = (
        "%load_ext fabric_livy_magic",
        "import hypothesis\nopen('/home/ann/x')\nfor n in range(9):\n    %livy_sql SELECT :n",
    )
    notebook = Notebook(cells=tuple(Cell(source=one) for one in sources), jupyter={"kernelspec": {"name": "python3"}})
    found = list(portability_needs(read_code(notebook), tmp_path, RUNTIMES["1.3"], (3, 11)))
    assert told(found) == [("loop", "%livy_sql", 2, "line 4")]


def test_a_notebook_is_judged_by_its_worst_need(tmp_path: Path) -> None:
    cells = (Cell(source="open('/home/ann/a.csv')"),)
    write_notebook(tmp_path / "it.Notebook", Notebook(cells=cells, metadata=SPARK))
    assert Checker().check(notebook_file(tmp_path / "it.Notebook")).verdict == HERE_ONLY
