"""`fabric-livy run` of a Fabric notebook: its cells, its parameters, `%run`, and what is refused. Whole runs: test_fabric_notebooks.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabric_livy_magic.cells.written_values import read_parameters
from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.fabric.notebook_items import WorkspaceNotebooks, read_definition
from fabric_livy_magic.notebook_runs.execute import NO_LIMITS, Limits, content_of, open_kernel
from fabric_livy_magic.notebook_runs.prepare import (
    plan_cells,
    prepare_run,
    with_parameters,
)
from fabric_livy_magic.notebooks.defaults import default_target
from fabric_livy_magic.notebooks.fabric_notebooks import is_fabric_notebook
from fabric_livy_magic.notebooks.files import read_notebook, write_notebook
from fabric_livy_magic.notebooks.model import MARKDOWN, Cell, Notebook
from fabric_livy_magic.notebooks.run_magic import cells_to_run, resolve_run
from fabric_livy_magic.sessions.runner import Runner
from tests.support import service

SPARK = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": {}}


def of(*cells: Cell | str, **more: object) -> Notebook:
    made = tuple(Cell(source=cell) if isinstance(cell, str) else cell for cell in cells)
    return Notebook(cells=made, metadata=SPARK, **more)  # type: ignore[arg-type]


def write(folder: Path, name: str, notebook: Notebook) -> Path:
    path = folder / f"{name}.Notebook"
    path.mkdir(parents=True)
    write_notebook(path, notebook)
    return path


@pytest.mark.parametrize(
    ("notebook", "expected"),
    [
        (of("x"), True),
        (Notebook(cells=(Cell(source="spark.range(3)"),)), True),
        (Notebook(cells=(Cell(source="%%sql\nSELECT 1"),)), True),
        (Notebook(cells=(Cell(source="print('plain')"),)), True),
        (Notebook(cells=(Cell(source="import math"), Cell(source="%run Common"))), True),
        (Notebook(cells=(Cell(source="%load_ext fabric_livy_magic"), Cell(source="spark.range(3)"))), False),
        (Notebook(cells=(Cell(source="spark.x"),), jupyter={"kernelspec": {"name": "python3"}}), False),
        (Notebook(cells=(Cell(source="x"),), jupyter={"kernelspec": {"name": "fabric-livy"}}), True),
        (Notebook(cells=(Cell(source="x"),), jupyter={"trident": {"lakehouse": {}}}), True),
    ],
)
def test_a_notebook_of_fabric_is_known(notebook: Notebook, expected: bool) -> None:
    assert is_fabric_notebook(notebook) is expected


def test_a_notebook_in_git_format_is_fabric_s_though_it_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.Notebook"
    write_notebook(path, Notebook(cells=(Cell(source="print('plain')"),)))
    assert is_fabric_notebook(read_notebook(path))


def test_cells_that_fabric_skips_are_not_run() -> None:
    frozen = Cell(source="frozen", metadata={"frozen": True})
    skipped = Cell(source="skipped", metadata={"tags": ["fabric_skip_execution"]})
    notebook = of(frozen, "x", Cell(source="# title", kind=MARKDOWN), skipped, "  ", "%%sql\nSELECT 1")
    assert [(one.index, one.text) for one in plan_cells(notebook)] == [(1, "x"), (5, "%%sql\nSELECT 1")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=x y", "x y"),
        ("a=True", True),
        ("a=true", True),
        ("a=[1, 'b']", [1, "b"]),
        ("a=null", None),
        ("a=", ""),
    ],
)
def test_a_parameter_is_typed(text: str, value: object) -> None:
    assert read_parameters([text]) == {"a": value}


def test_parameter_values_go_in_below_the_parameters_cell() -> None:
    notebook = of("first", Cell(source="a = 1\nb: int = 2", is_parameters=True), "last")
    cells = [cell.source for cell in with_parameters(notebook, {"b": "it's"}, Path("x")).cells]
    assert cells == ["first", "a = 1\nb: int = 2", '%%pyspark\nb = "it\'s"', "last"]


def test_a_parameter_that_does_not_exist_is_reported_before_anything_runs() -> None:
    notebook = of(Cell(source="rows = 1", is_parameters=True))
    with pytest.raises(NotebookError, match=r"no parameter 'row'.*Did you mean 'rows'"):
        with_parameters(notebook, {"row": 1}, Path("x"))
    with pytest.raises(NotebookError, match="has no parameters cell"):
        with_parameters(of("x"), {"row": 1}, Path("x"))
    with pytest.raises(SettingsError, match="NAME=VALUE"):
        read_parameters(["1a=2"])


def test_the_default_lakehouse_is_the_target() -> None:
    lakehouse = {"default_lakehouse": "L", "default_lakehouse_workspace_id": "W"}
    notebook = Notebook(metadata={"dependencies": {"lakehouse": lakehouse}})
    assert default_target(notebook) == "W/L"
    assert default_target(of("x")) == ""


# ------------------------------------------------------------------------------------------------ %run
def test_run_finds_a_notebook_of_the_repository_and_gives_it_its_parameters(tmp_path: Path) -> None:
    write(tmp_path / "shared", "Tools", of(Cell(source="factor = 1", is_parameters=True), "use(factor)"))
    caller = write(tmp_path / "jobs", "Main", of("x")) / "notebook-content.py"
    (tmp_path / ".git").mkdir()
    found = resolve_run('tools {"factor": 3}', (caller,), "pyspark")
    assert found.path == tmp_path / "shared" / "Tools.Notebook" / "notebook-content.py"
    assert found.cells == ["factor = 1", "%%pyspark\nfactor = 3", "use(factor)"]


def test_run_of_a_missing_notebook_or_in_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    caller = write(tmp_path, "Main", of("x")) / "notebook-content.py"
    with pytest.raises(NotebookError, match=r"no notebook 'Mian'.*Did you mean Main"):
        resolve_run("Mian", (caller,), "pyspark")
    with pytest.raises(NotebookError, match="circle: Main → Main"):
        resolve_run("Main", (caller,), "pyspark")


def test_run_of_a_file_runs_its_text_in_its_language(tmp_path: Path) -> None:
    (tmp_path / "builtin").mkdir()
    tool, asks, queries = tmp_path / "tool.py", tmp_path / "builtin" / "asks.py", tmp_path / "builtin" / "queries.sql"
    for path, text in ((tool, "x = 1\n"), (asks, "at = __file__\n"), (queries, "SELECT 1;\n")):
        path.write_text(text, encoding="utf-8")

    def cells(line: str, language: str = "pyspark", *callers: Path) -> list[str]:
        return resolve_run(line, (tmp_path / "a.ipynb", *callers), language).cells

    assert cells("tool.py") == ["x = 1\n"]
    assert cells("tool.py", "sql") == ["%%pyspark\nx = 1\n"]
    assert cells("-b asks.py") == [f"__file__ = {str(asks)!r}", "at = __file__\n", "del __file__"]
    assert cells("builtin/asks.py", "pyspark", tool)[-1] == f"__file__ = {str(tool)!r}"
    assert cells("-b queries.sql") == ["%%sql\nSELECT 1;\n"]
    assert cells("-b queries.sql", "sql") == ["SELECT 1;\n"]
    with pytest.raises(NotebookError, match="no Python or SQL file"):
        cells("other.py")
    with pytest.raises(NotebookError, match="circle: a → tool → tool"):
        cells("tool.py", "pyspark", tool)


def test_cells_of_a_sql_notebook_get_their_magic() -> None:
    notebook = Notebook(cells=(Cell(source="SELECT 1"),), primary="sql", metadata=SPARK)
    assert cells_to_run(notebook, {}, "pyspark") == ["%%sql\nSELECT 1"]
    assert cells_to_run(notebook, {}, "sql") == ["SELECT 1"]


# ------------------------------------------------------------------------------------------------ of the workspace
def write_workspace_notebooks(folder: Path) -> None:
    """Fabric replies to requests for short ones at once, for long ones with a long-running operation."""
    write(folder, "Tools", of("def times(x):\n    return x * factor", "%run Long"))
    write(folder, "Long", of(Cell(source="factor = 2", is_parameters=True), f"text = {'é' * 5000!r}"))
    write(folder, "Round", of("%run Round"))


def test_run_takes_the_workspace_s_notebook_where_the_repository_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_workspace_notebooks(tmp_path / "workspace")
    (tmp_path / "here" / ".git").mkdir(parents=True)
    caller = tmp_path / "here" / "Main.ipynb"
    with service.serving(
        tmp_path / "house", ("--token", service.TOKEN), {"FABRIC_LIVY_NOTEBOOKS": str(tmp_path / "workspace")}
    ) as api:
        monkeypatch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        runner = Runner({"target": api.base})
        fabric, workspace_id = runner.account.workspace()
        assert sorted(one.name for one in fabric.notebooks(workspace_id)) == ["Long", "Round", "Tools"]
        workspace = WorkspaceNotebooks(fabric, workspace_id)
        tools = resolve_run("tools", (caller,), "pyspark", workspace.find)
        assert tools.cells == ["def times(x):\n    return x * factor", "%run Long"]
        long = resolve_run('Long {"factor": 3}', (caller, tools.path), "pyspark", workspace.find)
        assert long.cells[:2] == ["factor = 2", "%%pyspark\nfactor = 3"]
        with pytest.raises(NotebookError, match="circle: Main → Round → Round"):
            resolve_run(
                "Round",
                (caller, resolve_run("Round", (caller,), "pyspark", workspace.find).path),
                "pyspark",
                workspace.find,
            )
        with pytest.raises(NotebookError, match=r"below .*here.*among the notebooks of the workspace, which has none"):
            resolve_run("Nowhere", (caller,), "pyspark", workspace.find)
        (tmp_path / "workspace" / "Tools.Notebook" / "notebook-content.py").unlink()
        assert resolve_run("Tools", (caller,), "pyspark", workspace.find).cells == tools.cells  # it is kept
        runner.close()
    with pytest.raises(NotebookError, match=r"which failed: .*No server answers"):
        resolve_run("Other", (caller,), "pyspark", WorkspaceNotebooks(fabric, workspace_id).find)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (None, "none that is known"),
        ({"definition": {"parts": [{"path": "notebook-content.py", "payload": "?"}]}}, "none that is known"),
        ({"definition": {"parts": []}}, "holds no notebook"),
    ],
)
def test_a_definition_that_holds_no_notebook_is_an_error(definition: object, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        read_definition(definition, "x")


# ------------------------------------------------------------------------------------------------ bad input
STARS = "*" * 20
META = '# META {\n# META   "kernel_info": {"name": "synapse_pyspark"}\n# META }'
BAD = {
    "broken JSON in # META": (
        META.replace('"name":', '"name"'),
        "1",
        r"line 3: the JSON of METADATA is broken: Expecting .:. delimiter",
    ),
    "merge-conflict marks": (
        f"<<<<<<< HEAD\n{META}\n=======\n{META}\n>>>>>>> b",
        "1",
        "an unresolved merge conflict: <<<<<<< HEAD",
    ),
    "%md": (META, "%md\n# A title", r"cell 1: %md: in Fabric this is a Markdown cell \(%md is Databricks'\)"),
    "%fs": (META, "%fs ls /", "cell 1: %fs: in Fabric this is notebookutils.fs"),
    "dbutils": (META, "dbutils.fs.ls('/')", "cell 1: dbutils.fs: Databricks' name; in Fabric this is notebookutils.fs"),
    "unknown magic": (META, "%%sqll\nSELECT 1", "cell 1: %%sqll: unknown: did you mean %%sql?"),
    "a cell of DAX": (META, "%%dax\nEVALUATE x", "DAX: it runs on a semantic model"),
    "parameters that are no JSON": (META, "%run Other {a}", "The parameters of %run Other are no JSON"),
    "a circle": (META, "%run notebook", "a circle: notebook → notebook"),
    "T-SQL": (
        META.replace("synapse_pyspark", "sqldatawarehouse"),
        "SELECT 1",
        "a T-SQL notebook, which runs on a warehouse",
    ),
    "Python only": (META.replace("synapse_pyspark", "jupyter"), "1", "Fabric's Python kernel, which has no Spark"),
    "KQL": (META.replace("synapse_pyspark", "kusto"), "T | take 1", "a KQL notebook, which runs on an eventhouse"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_reported_before_anything_runs(tmp_path: Path, what: str) -> None:
    metadata, cell, message = BAD[what]
    folder = tmp_path / "notebook.Notebook"
    folder.mkdir()
    text = f"# Fabric notebook source\n\n# METADATA {STARS}\n\n{metadata}\n\n# CELL {STARS}\n\n{cell}\n"
    (folder / "notebook-content.py").write_text(text, encoding="utf-8")
    with pytest.raises(NotebookError, match=message.replace("?", r"\?")):
        prepare_run(folder, read_notebook(folder))


def test_bad_input_of_a_notebook_that_it_runs_is_reported_with_its_name(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, "Inner", of("x = 1", "%sh ls"))
    outer = write(tmp_path, "Outer", of("%run Inner"))
    with pytest.raises(NotebookError, match="Inner, which it runs: cell 2: %sh: in Fabric this is !command"):
        prepare_run(outer, read_notebook(outer))


@pytest.mark.parametrize(
    "cells",
    [
        ("SELECT 1", "%run Elsewhere"),
        ("%load_ext somebodys", "%%somebodys_magic\nx"),
        (
            "try:\n    dbutils.fs.ls('/')\nexcept NameError:\n    pass",
            "if 'dbutils' in globals():\n    dbutils.fs.ls('/')",
        ),
    ],
)
def test_what_may_run_all_the_same_is_left_to_the_run(tmp_path: Path, cells: tuple[str, ...]) -> None:
    """A cell that is no Python fails in the portal, too; a notebook of that name may be in the workspace."""
    path = write(tmp_path, "Main", of(*cells))
    assert len(prepare_run(path, read_notebook(path)).planned_cells) == len(cells)


def test_a_notebook_that_names_no_kernel_is_taken_for_pyspark(tmp_path: Path) -> None:
    path = tmp_path / "bare.ipynb"
    write_notebook(path, Notebook(cells=(Cell(source="spark.range(3)"),)))
    assert prepare_run(path, read_notebook(path)).environ["FABRIC_LIVY_LANGUAGE"] == "pyspark"


# ------------------------------------------------------------------------------------------------ in a kernel, without a session
def test_tags_limits_and_the_death_of_the_kernel_decide_how_a_run_ends() -> None:
    """One kernel for all: it dies in the last notebook."""
    lines: list[str] = []
    tagged = content_of(
        ["%%local\n1 / 0", "%%local\nundefined", "%livy help"], [["raises-exception"], ["skip-execution"], []]
    )
    slow = ["%%local\nkept = 1", "%%local\nimport time\ntime.sleep(60)", "%livy help"]
    too_slow, too_slow_in_all, dies = (
        content_of(slow),
        content_of(slow),
        content_of(["%%local\nimport os\nos._exit(1)"]),
    )
    with open_kernel("fabric-livy", os.environ) as run:
        assert run(tagged, lines.append, NO_LIMITS).passed
        assert [len(cell.outputs) for cell in tagged.cells] == [1, 0, 1]
        assert not run(too_slow, lines.append, Limits(cell_s=3)).passed
        assert not run(too_slow_in_all, lines.append, Limits(cell_s=50, notebook_s=3)).passed
        assert not run(dies, lines.append, NO_LIMITS).passed
    names = [[output.ename for output in cell.outputs] for cell in too_slow.cells]
    assert names == [[], ["KeyboardInterrupt", "TimeoutError"], []]
    assert "longer than --cell-timeout 3" in too_slow.cells[1].outputs[-1].evalue
    assert "longer than --timeout 3" in too_slow_in_all.cells[1].outputs[-1].evalue
    assert "The kernel died" in dies.cells[0].outputs[-1].evalue


def test_a_cell_s_tags_reach_the_run() -> None:
    notebook = of(
        Cell(source="1 / 0", metadata={"tags": ["raises-exception"]}),
        Cell(source="x", metadata={"tags": ["skip-execution"]}),
    )
    assert [one.index for one in plan_cells(notebook)] == [0]


def test_a_notebook_of_our_own_kernel_may_have_its_magics(tmp_path: Path) -> None:
    path = tmp_path / "own.ipynb"
    own = Notebook(
        cells=tuple(
            Cell(source=source)
            for source in (
                "%%local\nx",
                "%sql SELECT 1",
                "%%info",
                "%%send_to_spark -i x -t df",
                "%matplot plt",
                "%python\nx",
            )
        ),
        jupyter={"kernelspec": {"name": "fabric-livy"}},
    )
    write_notebook(path, own)
    assert len(prepare_run(path, read_notebook(path)).planned_cells) == 6


def test_a_cell_that_may_fail_keeps_no_notebook_from_its_run(tmp_path: Path) -> None:
    fails = Cell(source="%%nosuch\nx", metadata={"tags": ["raises-exception"]})
    path = write(tmp_path, "Main", of(fails))
    assert len(prepare_run(path, read_notebook(path)).planned_cells) == 1
    path = write(tmp_path, "Other", of("%%nosuch\nx"))
    with pytest.raises(NotebookError, match="cell 1: %%nosuch"):
        prepare_run(path, read_notebook(path))
