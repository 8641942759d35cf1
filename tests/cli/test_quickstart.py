"""The quickstart notebook and the commands that run notebooks, as processes of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from platformdirs import user_cache_path

from fabric_livy_magic.cli.run_commands import quickstart
from tests.support.commands import fabric_livy


@pytest.mark.spark
def test_demo_runs_every_cell_and_writes_the_executed_notebook(tmp_path: Path) -> None:
    done = fabric_livy("demo", "--output", "shown.ipynb", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "All cells ran" in done.stdout
    assert "10 of 100 rows shown" in done.stdout
    assert "|       1| 5000|" in done.stdout
    executed = nbformat.read(tmp_path / "shown.ipynb", as_version=4)
    nbformat.validate(executed)
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")
    assert "widget" not in nbformat.writes(executed)


def test_the_quickstart_is_saved_without_outputs() -> None:
    notebook = nbformat.read(quickstart(), as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


def test_the_quickstart_has_one_line_that_chooses_the_target() -> None:
    notebook = nbformat.read(quickstart(), as_version=4)
    assert [cell.source for cell in notebook.cells if "%livy use" in cell.source and cell.cell_type == "code"] == [
        "%livy use local"
    ]
    assert "generated" in " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def write_notebook(path: Path, *cells: str) -> Path:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}), path)
    return path


def test_run_of_a_notebook_fails_with_its_failing_cell_and_writes_what_ran(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "plain.ipynb", "print('first')", "1 / 0", "print('never')")
    done = fabric_livy("run", str(notebook), folder=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "never" not in done.stdout.replace("print('never')", "")
    assert "A cell failed" in done.stdout
    executed = nbformat.read(tmp_path / "plain.executed.ipynb", as_version=4)
    assert executed.cells[0].outputs[0].text == "first\n"


def test_run_of_a_notebook_runs_in_this_python(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "plain.ipynb", "import sys; print(sys.executable)")
    done = fabric_livy("run", str(notebook), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sys.executable in done.stdout


def test_run_with_json_gives_data_alone_on_standard_output(tmp_path: Path) -> None:
    good = write_notebook(tmp_path / "good.ipynb", "print('from the cell')")
    write_notebook(tmp_path / "bad.ipynb", "1 / 0")
    one = fabric_livy("run", str(good), "--json", folder=tmp_path)
    (ran,) = json.loads(one.stdout)
    assert ran.pop("duration_s") >= 0
    expected = {"notebook": "good", "passed": True, "exit_value": None}
    assert ran == {**expected, "executed": str(tmp_path / "good.executed.ipynb")}
    assert "from the cell" in one.stderr
    both = fabric_livy("run", "good.ipynb", "bad.ipynb", "--json", folder=tmp_path)
    assert both.returncode == 1
    assert [(ran["notebook"], ran["passed"]) for ran in json.loads(both.stdout)] == [("good", True), ("bad", False)]
    assert "ZeroDivisionError" in both.stderr


@pytest.mark.spark
def test_run_of_files_prints_their_result_and_exits_by_it(tmp_path: Path) -> None:
    code = "# -*- coding: latin-1 -*-\nprint('ünïcode', spark.range(3).count())"
    (tmp_path / "good.py").write_text(code, encoding="latin-1")
    (tmp_path / "bad.sql").write_text("SELECT * FROM nowhere", encoding="utf-8-sig")
    run = ("run", "--target", "local")
    without_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    lakehouse = str(tmp_path / "lakehouse")
    good = fabric_livy(*run, "good.py", folder=tmp_path, FABRIC_LIVY_LAKEHOUSE=lakehouse, **without_locale)
    assert (good.returncode, good.stdout, good.stderr) == (0, "\\xfcn\\xefcode 3\n", "")
    without_home = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": str(user_cache_path()), "TMPDIR": str(tmp_path)}
    bad = fabric_livy(*run, "bad.sql", folder=tmp_path, **without_home)
    assert bad.returncode == 1
    assert "TABLE_OR_VIEW_NOT_FOUND" in bad.stderr
    assert f"Your home folder cannot be written, so the lakehouse is in {tmp_path}/fabric-livy-magic-" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_a_file_that_is_no_notebook_and_an_unknown_target_are_clear_errors(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text("not json", encoding="utf-8")
    (tmp_path / "x.py").write_text("1", encoding="utf-8")
    (tmp_path / "x.txt").write_text("1", encoding="utf-8")
    for arguments, code, says in [
        (("run", "x.ipynb"), 1, "This is no notebook"),
        (("run", "missing.py"), 2, "There is no file missing.py"),
        (("run", "x.txt"), 2, "ends in .ipynb, .py"),
        (("run", "x.py"), 2, "No target was chosen"),
        (("run", "x.py", "--target", "lokal"), 2, "Did you mean 'local'?"),
    ]:
        done = fabric_livy(*arguments, folder=tmp_path)
        assert done.returncode == code, (arguments, done.stderr)
        assert says in done.stderr
        assert "Traceback" not in done.stderr
