"""The progress line, in a terminal, in a notebook and without a person."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.output.progress import FIRST_SHOWN_S, ProgressLine, progress_line, progress_text
from tests.support.notebook import notebook


# ------------------------------------------------------------------------------------------------ progress
def test_progress_reads_as_the_golden_file(golden: Callable[[str, str], None]) -> None:
    steps = [
        Progress("session", "acquiring_session", 0.0),
        Progress("session", "not_started", 3.4),
        Progress("session", "starting", 75.6),
        Progress("session", "unknown", 5.0),
        Progress("statement", "waiting", 0.6),
        Progress("statement", "running", 12.0, 0.0),
        Progress("statement", "running", 12.0, 0.333),
        Progress("statement", "running", 3700.0, 1.0),
        Progress("statement", "cancelling", 5.0),
    ]
    golden("progress.txt", "".join(progress_text(step, "Sales/Bronze") + "\n" for step in steps))


def run_through(line: ProgressLine) -> None:
    for elapsed_s in itertools.takewhile(lambda s: s < 3, itertools.count(0, 0.25)):
        line(Progress("statement", "running", elapsed_s, 0.5))


def test_a_terminals_line_is_overwritten_and_gone_in_the_end() -> None:
    terminal = io.StringIO()
    line = ProgressLine("line", "here", terminal)
    run_through(line)
    line.erase()
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[0] == drawn[-1] == ""
    assert drawn[1:-1] == ["Running: 0 s · 50%", "Running: 1 s · 50%", "Running: 2 s · 50%", "Running: 3 s · 50%"]
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize("mode", ["plain", "off"])
def test_headless_modes_draw_no_line(mode: str) -> None:
    terminal = io.StringIO()
    line = ProgressLine(mode, "here", terminal)
    run_through(line)
    line.erase()
    assert terminal.getvalue() == ""


def test_a_quick_statement_draws_no_line() -> None:
    terminal = io.StringIO()
    ProgressLine("line", "here", terminal)(Progress("statement", "running", FIRST_SHOWN_S - 0.01))
    assert terminal.getvalue() == ""


def test_a_note_stays_and_is_left_out_when_progress_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLine("plain", "here").note("Session is ready")
    ProgressLine("off", "here").note("Session is ready")
    assert capsys.readouterr().out == "Session is ready\n"


def test_in_a_notebook_one_display_is_updated_and_becomes_the_result(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        line = ProgressLine("line", "here")
        run_through(line)
        line.show({"text/html": "<b>result</b>", "text/plain": "result"})
        line.erase()
        outputs = nb.shell.display_pub.outputs
        assert len({output["transient"]["display_id"] for output in outputs}) == 1
        assert [output["update"] for output in outputs] == [False, *[True] * (len(outputs) - 1)]
        assert outputs[-1]["data"]["text/plain"] == "result"


def test_in_a_notebook_a_line_without_a_result_is_emptied(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with notebook(capsys, tmp_path) as nb:
        line = ProgressLine("line", "here")
        run_through(line)
        line.erase()
        assert nb.shell.display_pub.outputs[-1]["data"]["text/plain"] == ""


def test_without_a_person_progress_is_plain() -> None:
    assert progress_line("auto", None, "here")._mode == "plain"
    assert progress_line("line", None, "here")._mode == "line"
