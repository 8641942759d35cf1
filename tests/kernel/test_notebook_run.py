"""Which cells are of the run that `notebook.exit` ended: those that front ends send, with their pauses, and those of a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.kernel.notebook_run import Ended, NotebookRun
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
@pytest.mark.parametrize("with_person", [True, False], ids=["Run All, sent at once", "nbclient, one after the other"])
def test_a_kernel_leaves_out_what_follows_the_exit_in_the_session_and_here(
    fabric: FakeFabric, tmp_path: Path, with_person: bool
) -> None:
    error = {"status": "error", "ename": "NotebookExit", "evalue": "nothing <new>", "traceback": []}
    fabric.session_goes("idle")
    fabric.answer("leave()", error)
    environ = {"FABRIC_LIVY_TARGET": fabric.url, "FABRIC_LIVY_TOKEN": fabric.token, "FABRIC_LIVY_RICH": "off"}
    cells = ("leave()", "after()", "%%local\nran_here = 1", "%livy status")
    with kernel(environ, tmp_path, with_person=with_person, spec="fabric-livy") as running:
        if with_person:
            done = [running.wait(request) for request in [running.send(cell) for cell in cells]]
        else:
            done = [running.run(cell) for cell in cells]
        assert [one.status for one in done] == ["ok"] * 4
        for one in done[1:]:
            (bundle,) = one.bundles
            assert "ended the notebook with the value 'nothing <new>'" in bundle["text/plain"]
            assert "<new>" not in bundle["text/html"]
        assert [code for _, code in fabric.posted_code] == ["leave()"]
        if not with_person:
            running.client.execute("get_ipython().kernel.begin_run()", silent=True)
        assert running.run("%%local\n'ran_here' in globals()" if not with_person else cells[2]).status == "ok"
        assert running.run("%%local\n'ran_here' in globals()").text == str(with_person)
