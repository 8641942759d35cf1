"""Which cells are of the run that `notebook.exit` ended: those that front ends send, with their pauses, and those of a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from fabric_livy_magic.magics.notebook_run import Ended, NotebookRun
from tests.support.fakes import FakeFabric
from tests.support.kernels import kernel

END = Ended("nothing new", 2)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def ran(cells: list[tuple[float, str]], *, has_person: bool, exits: str = "exit") -> list[str]:
    """The cells that ran of those sent, each with the pause before it."""
    clock = Clock()
    run, names = NotebookRun(clock), []
    for pause_s, cell in cells:
        clock.now_s += pause_s
        if run.end_before(cell, has_person=has_person) is None:
            names.append(cell)
            clock.now_s += 100  # a cell may take long
            run.replied(END if cell == exits else None)
        else:
            run.replied()
    return names


@pytest.mark.parametrize("gap_s", [0.0, 0.3], ids=["JupyterLab, all at once", "VS Code, one after the other"])
def test_what_follows_the_exit_in_a_run_does_not_run(gap_s: float) -> None:
    cells = [(gap_s, name) for name in ("a", "exit", "b", "c", "d")]
    assert ran(cells, has_person=True) == ["a", "exit"]


@pytest.mark.parametrize("gap_s", [0.0, 5.0, 30.0])
def test_a_tool_that_saves_in_between_runs_nothing_after_the_exit(gap_s: float) -> None:
    cells = [(gap_s, name) for name in ("a", "exit", "b", "b", "c")]
    assert ran(cells, has_person=False) == ["a", "exit"]


def test_a_person_s_next_cell_runs() -> None:
    assert ran([(9, "exit"), (3, "b"), (0.1, "c")], has_person=True) == ["exit", "b", "c"]


def test_a_cell_that_a_person_runs_once_more_runs_however_quickly_and_what_follows_it_too() -> None:
    assert ran([(9, "exit"), (0.1, "b"), (0.1, "b"), (0.1, "c")], has_person=True) == ["exit", "b", "c"]


def test_run_all_pressed_again_runs_up_to_the_exit_again() -> None:
    once = [(0.1, name) for name in ("a", "exit", "b")]
    assert ran(once + once, has_person=True) == ["a", "exit", "a", "exit"]


def test_without_an_exit_everything_runs_also_what_is_sent_twice() -> None:
    assert ran([(0, "a"), (0, "a"), (0, "b")], has_person=False) == ["a", "a", "b"]


def test_a_run_that_is_begun_knows_no_exit() -> None:
    run = NotebookRun(Clock())
    run.end_before("exit", has_person=False)
    run.replied(END)
    assert run.end_before("b", has_person=False) == END
    run.begin()
    assert run.end_before("b", has_person=False) is None


# ------------------------------------------------------------------------------------------------ in a real kernel
def goes_nowhere_after_leaving(fabric: FakeFabric) -> dict[str, str]:
    """The scripted Fabric, whose code `leave()` ends the notebook; gives the environment of a kernel on it."""
    error = {"status": "error", "ename": "NotebookExit", "evalue": "nothing <new>", "traceback": []}
    fabric.session_goes("idle")
    fabric.answer("leave()", error)
    return {"FABRIC_LIVY_TARGET": fabric.url, "FABRIC_LIVY_TOKEN": fabric.token, "FABRIC_LIVY_RICH": "off"}


@pytest.mark.parametrize("spec", ["fabric-livy", "python3"])
@pytest.mark.parametrize("with_person", [True, False], ids=["Run All, sent at once", "nbclient, one after the other"])
def test_a_kernel_leaves_out_what_follows_the_exit_in_the_session_and_here(
    fabric: FakeFabric, tmp_path: Path, with_person: bool, spec: str
) -> None:
    environ = goes_nowhere_after_leaving(fabric)
    here, there = ("", "%%livy_pyspark\n") if spec == "python3" else ("%%local\n", "")
    cells = (f"{there}leave()", f"{there}after()", f"{here}ran_here = 1", "%livy status", f"{here}for", "%%nosuch\n1")
    with kernel(environ, tmp_path, with_person=with_person, spec=spec) as running:
        assert running.run("%load_ext fabric_livy_magic").status == "ok"
        if with_person:
            done = [running.wait(request) for request in [running.send(cell) for cell in cells]]
        else:
            done = [running.run(cell) for cell in cells]
        assert [one.status for one in done] == ["ok"] * len(cells)
        for one in done[1:]:
            (bundle,) = one.bundles
            assert "ended the notebook with the value 'nothing <new>'" in bundle["text/plain"]
            assert ("run it once more" in bundle["text/plain"]) == with_person
            assert "<new>" not in bundle["text/html"]
        assert [code.strip() for _, code in fabric.posted_code] == ["leave()"]
        if not with_person:
            running.client.execute("get_ipython().kernel.begin_run()", silent=True)
        asks = f"{here}'ran_here' in globals()"
        assert running.run(asks if not with_person else cells[2]).status == "ok"
        assert running.run(asks).text == str(with_person)


def test_an_exit_in_a_notebook_that_a_cell_runs_here_ends_that_and_what_follows(
    fabric: FakeFabric, tmp_path: Path
) -> None:
    environ = goes_nowhere_after_leaving(fabric)
    child = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source)
            for source in ("ran = ['first']", "%livy_pyspark leave()", "ran += ['after']")
        ]
    )
    nbformat.write(child, tmp_path / "child.ipynb")
    with kernel(environ, tmp_path, with_person=True) as running:
        running.run("%load_ext fabric_livy_magic")
        done = [
            running.wait(request) for request in [running.send("%run child.ipynb"), running.send("ran += ['later']")]
        ]
        assert "Not run: cell [2] ended the notebook" in done[1].text
        assert running.run("ran  # as it is now").text.startswith("Not run")
        assert running.run("ran  # as it is now").text == "['first']"


def test_without_the_magics_a_kernel_is_what_it_was(fabric: FakeFabric, tmp_path: Path) -> None:
    environ = goes_nowhere_after_leaving(fabric)
    own = "k = get_ipython().kernel; [n for n in ('do_execute', 'begin_run') if n in vars(k)]"
    with kernel(environ, tmp_path) as running:
        assert running.run(own).text == "[]"
        assert running.run("%load_ext fabric_livy_magic").status == "ok"
        assert running.run(own).text == "['do_execute', 'begin_run']"
        assert running.run("%reload_ext fabric_livy_magic").status == "ok"
        assert running.run("%unload_ext fabric_livy_magic").status == "ok"
        assert running.run(own).text == "[]"
        assert (
            running.run("len(get_ipython().input_transformers_cleanup)").text
            == running.run("len(type(get_ipython().input_transformer_manager)().cleanup_transforms)").text
        )


def test_each_tool_runs_a_notebook_of_a_plain_kernel_to_its_exit(fabric: FakeFabric, tmp_path: Path) -> None:
    environ = {**os.environ, **goes_nowhere_after_leaving(fabric)}
    sources = ("%load_ext fabric_livy_magic", "%%livy_pyspark\nleave()", "%%livy_sql\nSELECT 1", "raise ValueError")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "guard.ipynb")
    tools = {
        "by_papermill": ("papermill", "guard.ipynb", "by_papermill.ipynb", "--no-progress-bar"),
        "by_nbconvert": ("nbconvert", "--to", "notebook", "--execute", "--output=by_nbconvert.ipynb", "guard.ipynb"),
        "by_execute": ("jupyter", "execute", "--output=by_execute", "guard.ipynb"),
    }
    running = [
        subprocess.Popen([sys.executable, "-m", *words], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
        for words in tools.values()
    ]
    for output, process in zip(tools, running, strict=True):
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        for cell in nbformat.read(tmp_path / f"{output}.ipynb", as_version=4).cells[2:]:
            assert "Not run: cell [2] ended the notebook" in cell.outputs[-1].data["text/plain"]
    assert [code.strip() for _, code in fabric.posted_code] == ["leave()"] * 3
