"""notebookutils in sessions of a real embedded Fabric: names, files, and notebooks that run notebooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support import service

pytestmark = pytest.mark.spark


def write(folder: Path, name: str, *cells: str, parameters: str = "") -> None:
    first = (Cell(source=parameters, is_parameters=True),) if parameters else ()
    made = Notebook(cells=(*first, *(Cell(source=textwrap.dedent(one).strip()) for one in cells)))
    write_notebook(folder / name, made)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    write(
        folder,
        "child.Notebook",
        "notebookutils.notebook.exit(f'{day} {count + 1}')",
        "raise AssertionError('a notebook goes on behind its exit')",
        parameters="day, count = 'Monday', 1",
    )
    write(folder, "failing.ipynb", "before = 1", "1 / 0")
    write(folder, "sleeping.Notebook", "import time\ntime.sleep(60)")
    write(folder, "included.Notebook", "def twice(x):\n    return 2 * x")
    write(folder, "broken.Notebook", "x = 1", "!rm -r /")
    write(
        folder,
        "mixed.Notebook",
        "%run included",
        "%%sql\n-- two; statements\nCREATE OR REPLACE TEMP VIEW numbers AS SELECT 1 AS n, ';' AS s;\nSELECT * FROM numbers;",
        "%matplotlib inline\ndisplay(spark.table('numbers'))",
        "notebookutils.notebook.exit(json.dumps([twice(21), spark.table('numbers').count(),"
        " notebookutils.runtime.context['currentNotebookName'], notebookutils.runtime.context['isReferenceRun']]))",
        parameters="import json",
    )
    write(folder, "parent.Notebook", "mssparkutils.notebook.exit(mssparkutils.notebook.run('child', 60, {'count': 4}))")
    return folder


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[service.Session]:
    folder = tmp_path_factory.mktemp("utilities")
    workspaces = folder / "workspaces.toml"
    workspaces.write_text(
        """
        [[workspaces]]
        name = "Sales"
        [[workspaces.lakehouses]]
        name = "Bronze"
        folder = "bronze"
        [[workspaces.lakehouses]]
        name = "Silver"
        folder = "silver"
        """
    )
    secrets = folder / "secrets.json"
    secrets.write_text(json.dumps({"vaults": {"v": {"s": "hidden"}}}))
    secrets.chmod(0o600)
    process, api = service.start(
        None,
        *("--token", service.TOKEN, "--workspaces", str(workspaces)),
        extra_env={"FABRIC_LIVY_SECRETS": str(secrets), "FABRIC_LIVY_TOKEN_STORAGE": "a-token"},
    )
    try:
        started = api.start_session(conf={"spark.fabric_livy.notebooks": str(repository)})
        started.wait_for("idle")
        yield started
    finally:
        api.http.close()
        assert service.close(process) == 0


def value(session: service.Session, expression: str) -> Any:
    return json.loads(session.text(f"import json\nprint(json.dumps({expression}))"))


@pytest.mark.parametrize(
    "code",
    [
        "mssparkutils.fs is notebookutils.fs",
        "__import__('notebookutils') is notebookutils",
        "exec('from notebookutils import mssparkutils as m') or m.fs is notebookutils.fs",
        "exec('from notebookutils import notebook as nb') or nb is notebookutils.notebook",
        "exec('from notebookutils.mssparkutils.credentials import getSecret') or getSecret('v', 's') == 'hidden'",
        "exec('from notebookutils.common.exceptions import RunMultipleFailedException as e') or"
        " notebookutils.mssparkutils.handlers.notebookHandler.RunMultipleFailedException is e",
        "notebookutils.credentials.getToken('https://storage.azure.com/') == 'a-token'",
        "'Bronze' == notebookutils.lakehouse.get().displayName == notebookutils.runtime.context['defaultLakehouseName']",
    ],
)
def test_each_way_to_the_names_leads_to_the_same(session: service.Session, code: str) -> None:
    assert value(session, code) is True


def test_files_of_the_default_lakehouse_and_of_another_one(session: service.Session) -> None:
    session.text("notebookutils.fs.put('Files/in/a.txt', 'one')")
    session.text("silver = notebookutils.lakehouse.get('Silver').properties['abfsPath']")
    session.text("notebookutils.fs.cp('Files/in/a.txt', silver + '/Files/a.txt')")
    found = value(
        session,
        "[[f.name, f.size, f.isDir, f.isFile, f.path == silver + '/Files/a.txt'] for f in notebookutils.fs.ls(silver + '/Files')]",
    )
    assert found == [["a.txt", 3, False, True, True]]
    assert value(session, "spark.read.text('Files/in/a.txt').first()[0]") == "one"


def test_exit_is_an_error_of_its_own_name_with_the_value_as_its_message(session: service.Session) -> None:
    output = session.error("notebookutils.notebook.exit({'a': 1})")
    assert (output["ename"], output["evalue"]) == ("NotebookExit", "{'a': 1}")


def test_a_child_gets_its_parameters_and_gives_its_exit_value(session: service.Session) -> None:
    assert value(session, "notebookutils.notebook.run('child', 60, {'count': 41})") == "Monday 42"


def test_a_child_runs_sql_and_other_notebooks_by_percent_run_and_knows_its_name(session: service.Session) -> None:
    assert json.loads(value(session, "notebookutils.notebook.run('mixed')")) == [42, 1, "mixed", True]


def test_a_child_that_fails_reports_the_cell_and_the_error(session: service.Session) -> None:
    output = session.error("notebookutils.notebook.run('failing')")
    assert output["ename"] == "NotebookRunFailed"
    assert output["evalue"] == "Notebook 'failing' failed in cell 2 of failing: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("run('chidl')", "There is no notebook 'chidl'"),
        ("run('child', 60, {'not a name': 1})", "is no name of a variable"),
        ("run('broken')", "cell 2 of broken: '!rm -r /' cannot run"),
        ("run('child', 60, {}, 'Elsewhere')", "There is no workspace 'Elsewhere'"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(session: service.Session, call: str, message: str) -> None:
    assert message in session.error(f"notebookutils.notebook.{call}")["evalue"]


def test_a_cell_that_takes_longer_than_its_timeout_ends_its_notebook(session: service.Session) -> None:
    began = time.monotonic()
    output = session.error("notebookutils.notebook.run('sleeping', 1)")
    assert "cell 1 of sleeping took longer than 1 s" in output["evalue"]
    assert time.monotonic() - began < 15


def test_several_run_side_by_side_each_after_those_it_depends_on(session: service.Session) -> None:
    dag = {
        "activities": [
            {
                "name": "last",
                "path": "child",
                "args": {"day": "@activity('first').exitValue()"},
                "dependencies": ["first"],
            },
            {"name": "first", "path": "parent"},
            {"name": "bad", "path": "failing"},
            {"name": "after", "path": "child", "dependencies": ["bad"]},
        ],
        "concurrency": 2,
    }
    code = f"""
    try:
        notebookutils.notebook.runMultiple({dag!r}, {{"displayDAGViaGraphviz": True}})
    except notebookutils.mssparkutils.handlers.notebookHandler.RunMultipleFailedException as error:
        result = {{name: [one["exitVal"], str(one["exception"])] for name, one in error.result.items()}}
    """
    session.text(textwrap.dedent(code))
    assert value(session, "result") == {
        "last": ["Monday 5 2", "None"],
        "first": ["Monday 5", "None"],
        "bad": ["", "Notebook 'failing' failed in cell 2 of failing: ZeroDivisionError: division by zero"],
        "after": ["", "Job after failed due to upstream job bad failed"],
    }


def test_a_cancel_ends_the_notebooks_that_run(session: service.Session) -> None:
    statement = session.submit("notebookutils.notebook.runMultiple(['sleeping', 'sleeping'][:1])")
    time.sleep(3)
    session.cancel(statement)
    session.wait(statement, within_s=15)
    until = time.monotonic() + 10
    while "sleeping: the caller has gone" not in "\n".join(session.view()["log"]):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_python_restarts_and_spark_stays(session: service.Session) -> None:
    session.text("mine = 1\nspark.range(3).createOrReplaceTempView('kept')")
    restart = "try:\n    mssparkutils.session.restartPython()\nexcept Exception:\n    pass\nmine = 2"
    assert session.text(f"print('before')\n{restart}").startswith("before\nPython was restarted")
    assert session.error("mine")["ename"] == "NameError"
    assert session.text("spark.table('kept').count()") == "3"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import sempy.fabric as f; f.evaluate_dax('m', 'EVALUATE x')",
            "sempy.fabric.evaluate_dax needs Fabric's service",
        ),
        ("import sempy_labs", "No module named 'sempy_labs': semantic link labs works on"),
        ("notebookutils.data.connect_to_artifact('x')", "needs the service"),
        ("notebookutils.credentials.getToken('pbi')", "There is no token for 'pbi'"),
        ("notebookutils.fs.ls('abfss://Nowhere@onelake.dfs.fabric.microsoft.com/x/Files')", "There is no workspace"),
        ("notebookutils.fs.ls('Files/../..')", "'..' is no part of a path here"),
    ],
)
def test_what_is_missing_is_reported(session: service.Session, code: str, message: str) -> None:
    assert message in session.error(code)["evalue"]


def test_libraries_that_only_look_for_a_module_of_the_service_find_none(session: service.Session) -> None:
    assert value(session, "__import__('importlib.util').util.find_spec('synapse') is None") is True


def test_a_notebook_run_from_its_file_runs_its_neighbours_and_ends_with_its_value(
    repository: Path, tmp_path: Path
) -> None:
    write(repository, "main.Notebook", "notebookutils.notebook.exit(notebookutils.notebook.run('child'))", "1 / 0")
    done = subprocess.run(
        [sys.executable, "-m", "fabric_livy_magic", "run", str(repository / "main.Notebook")],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(service.ROOT),
            "FABRIC_LIVY_TARGET": "local",
            "FABRIC_LIVY_LAKEHOUSE": str(tmp_path / "lakehouse"),
        },
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The notebook ended with the value 'Monday 2'" in done.stdout
