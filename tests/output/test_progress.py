"""The progress line, in a terminal, in a notebook and without a person."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.output.progress import FROM_STATEMENT_S, ProgressLine, progress_line, progress_text
from fabric_livy_magic.running.background import FIRST_SHOWN_S
from tests.support.notebook import notebook
from tests.support.timing import FakeClock


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
    starting = "Starting a session on Sales/Bronze"
    golden("progress.txt", "".join(progress_text(step, starting) + "\n" for step in steps))


class Line(ProgressLine):
    """With a clock that a test moves."""

    def __init__(self, mode: str = "line", terminal: io.StringIO | None = None) -> None:
        self.clock = FakeClock()
        super().__init__(mode, terminal, clock=self.clock)

    def run(self, seconds: float, subject: str = "statement") -> None:
        """As a server that is asked four times a second makes it."""
        for elapsed_s in itertools.takewhile(lambda s: s <= seconds, itertools.count(0, 0.25)):
            self(Progress(subject, "running", elapsed_s, 0.5))
            self.clock.sleep(0.25)


def test_a_terminals_line_is_overwritten_and_gone_in_the_end() -> None:
    terminal = io.StringIO()
    with Line(terminal=terminal) as line:
        line.run(2.75)
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[0] == drawn[-1] == ""
    assert drawn[1:-1] == ["Running: 1 s · 50%", "Running: 2 s · 50%", "Running: 3 s · 50%"]
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize("mode", ["plain", "off"])
def test_headless_modes_draw_no_line(mode: str) -> None:
    terminal = io.StringIO()
    with Line(mode, terminal) as line:
        line.run(3)
    assert terminal.getvalue() == ""


def test_a_quick_statement_draws_no_line_late_in_its_cell_either() -> None:
    terminal = io.StringIO()
    with Line(terminal=terminal) as line:
        line.clock.sleep(60)
        line(Progress("statement", "running", FROM_STATEMENT_S - 0.01))
    assert terminal.getvalue() == ""


def test_nothing_that_changes_is_drawn_in_the_first_moments_of_a_cell(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """VS Code loses the display id of such an output."""
    with notebook(capsys, tmp_path) as nb, Line() as line:
        line.clock.sleep(FIRST_SHOWN_S - 0.01)
        line(Progress("session", "starting", 5.0))  # of a session that another cell asked for
        assert nb.shell.display_pub.outputs == []
        line.clock.sleep(0.02)
        line(Progress("session", "starting", 5.0))
        assert len(nb.shell.display_pub.outputs) == 1


def test_a_note_stays_and_is_left_out_when_progress_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    Line("plain").note("Session is ready")
    Line("off").note("Session is ready")
    assert capsys.readouterr().out == "Session is ready\n"


def test_in_a_notebook_one_display_is_updated_and_becomes_the_result(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        with Line() as line:
            line.run(3)
            line.show({"text/html": "<b>result</b>", "text/plain": "result"})
        outputs = nb.shell.display_pub.outputs
        assert len({output["transient"]["display_id"] for output in outputs}) == 1
        assert [output["update"] for output in outputs] == [False, *[True] * (len(outputs) - 1)]
        assert outputs[-1]["data"]["text/plain"] == "result"


@pytest.mark.parametrize(
    ("error", "last_words"),
    [
        (None, "Ran for 12 s"),
        (ValueError(), "Failed after 12 s"),
        (KeyboardInterrupt(), "Interrupted after 12 s"),
    ],
)
def test_a_line_without_a_result_ends_as_how_long_it_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, error: BaseException | None, last_words: str
) -> None:
    """An output cannot be taken away: an empty one would be a gap, and be saved."""
    with notebook(capsys, tmp_path) as nb:
        with contextlib.suppress(ValueError, KeyboardInterrupt), Line() as line:
            line.run(11.75)
            line.make_room()
            print("printed")
            if error:
                raise error
        assert nb.shell.display_pub.outputs[-1]["data"]["text/plain"] == last_words


def test_a_sessions_start_is_one_line_whose_end_says_how_long_it_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        with Line() as line:
            line.session_starts("Starting a session on Sales/Bronze")
            line.run(5, "session")
            line.note("Session 'main' is ready after 5 s (id 7 on Sales/Bronze)")
            line.run(0.25)  # a quick statement
        shown = nb.shell.display_pub.outputs
        assert len({output["transient"]["display_id"] for output in shown}) == 1
        assert shown[0]["data"]["text/plain"] == "Starting a session on Sales/Bronze: running · 0 s"
        assert shown[-1]["data"]["text/plain"] == "Session 'main' is ready after 5 s (id 7 on Sales/Bronze)"
    assert capsys.readouterr().out == ""


def test_a_start_that_fails_says_so_in_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with notebook(capsys, tmp_path) as nb:
        with contextlib.suppress(ValueError), Line() as line:
            line.session_starts("Starting a session on Sales/Bronze")
            line.run(3.75, "session")
            raise ValueError("full")
        last = nb.shell.display_pub.outputs[-1]["data"]["text/plain"]
        assert last == "Starting a session on Sales/Bronze: failed after 4 s"


def test_without_a_person_progress_is_plain() -> None:
    assert progress_line("auto", None)._mode == "plain"
    assert progress_line("line", None)._mode == "line"
