"""The progress line, in a terminal, in a notebook and without a person."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.livy.job_watch import JobWatch
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.spark_jobs import SparkWork, jobs_of, stages_of
from fabric_livy_magic.output.bundles import style
from fabric_livy_magic.output.progress import FROM_STATEMENT_S, PLAIN_LOOKS_S, ProgressLine, progress_line
from fabric_livy_magic.output.progress_view import (
    PROGRESS_STYLE,
    end_bundle,
    progress_bundle,
    progress_text,
)
from fabric_livy_magic.output.short_texts import bytes_text, seconds_text
from fabric_livy_magic.running.background import FIRST_SHOWN_S
from tests.support.notebook import notebook
from tests.support.spark_json import job, stage
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


# ------------------------------------------------------------------------------------------------ every state
HOSTILE_NAME = "count at <img src=x onerror=alert(1)>\x1b[31m\u202e\n{{constructor}}\"'&amp;:7"
WORK = SparkWork(
    tuple(
        jobs_of(
            [
                job(4, "7", 100, 100),
                job(5, "7", 110, 20, running=8, numFailedTasks=1),
            ]
        )
    ),
    tuple(
        stages_of(
            [
                stage(
                    8,
                    100,
                    100,
                    name="parquet at <cell 3>:2",
                    inputBytes=1_181_116_006,
                    outputBytes=2048,
                    shuffleWriteBytes=5 * 1024 * 1024,
                    executorRunTime=754_000,
                ),
                stage(9, 10, 10, attemptId=1, numFailedTasks=1, name=HOSTILE_NAME, diskBytesSpilled=3 * 1024 * 1024),
                stage(10, 100, 10, running=8, numFailedTasks=1, name=HOSTILE_NAME, inputBytes=12),
            ]
        )
    ),
)
ENDED = dataclasses.replace(WORK, is_final=True)
STATES: dict[str, dict[str, Any]] = {
    "a session that starts": progress_bundle(
        Progress("session", "not_started", 3.4, detail="resource acquisition"),
        "Starting on Sales",
        "usually about 12 s",
    ),
    "a session that waits for capacity": progress_bundle(
        Progress(
            "session", "waiting", 15.0, detail="the Spark capacity is full; asking again in 12 s, for 285 s at most"
        )
    ),
    "a statement without jobs": progress_bundle(Progress("statement", "running", 12.0)),
    "a statement whose server counts its tasks alone": progress_bundle(Progress("statement", "running", 12.0, 0.333)),
    "jobs": progress_bundle(Progress("statement", "running", 12.0, 0.3), work=WORK),
    "a wait for the rate limit": progress_bundle(
        Progress("statement", "waiting", 3.0, detail="api.fabric.microsoft.com asks for fewer calls; going on in 27 s"),
        work=WORK,
    ),
    "a frame": progress_bundle(Progress("frame", "Fetching", 3.0, 0.25, "25,000 rows, 2.0 of 8.0 MiB")),
    "ended": end_bundle(6.2, ENDED),
    "ended, not yet read again": end_bundle(75.4, WORK),
    "failed": end_bundle(6.2, ENDED, "Failed after"),
    "interrupted": end_bundle(725.0, WORK, "Interrupted after"),
    "ended without jobs": end_bundle(6.2, SparkWork()),
}


def test_every_state_reads_as_the_golden_file_as_text(golden: Callable[[str, str], None]) -> None:
    golden("progress_states.txt", "".join(f"{name}: {one['text/plain']}\n" for name, one in STATES.items()))


def test_every_state_reads_as_the_golden_file_as_html(golden: Callable[[str, str], None]) -> None:
    shown = (one["text/html"].replace(style(), "").replace(PROGRESS_STYLE, "") for one in STATES.values())
    golden(
        "progress_states.html", "".join(f"<!-- {name} -->\n{one}\n" for name, one in zip(STATES, shown, strict=True))
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, name) for name, _ in attrs} | {(tag, "")}


KNOWN_TAGS = {"style", "div", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
KNOWN_ATTRIBUTES = {"", "class", "style", "role", "aria-label", "aria-valuemin", "aria-valuemax", "aria-valuenow"}


@given(name=st.text(max_size=60), detail=st.text(max_size=60))
@example(name=HOSTILE_NAME, detail=HOSTILE_NAME)
@example(name="</summary><script>alert(1)</script>", detail="</style><svg/onload=alert(1)>")
def test_no_name_or_reason_becomes_markup_or_steers_a_terminal(name: str, detail: str) -> None:
    work = SparkWork(WORK.jobs, tuple(stages_of([stage(1, name=name), stage(2, name=name, status="FAILED")])))
    for bundle in (progress_bundle(Progress("frame", detail, 1.0, 0.5, detail), work=work), end_bundle(1, work)):
        tags = _Tags()
        tags.feed(bundle["text/html"])
        assert {tag for tag, _ in tags.found} <= KNOWN_TAGS
        assert {attribute for _, attribute in tags.found} <= KNOWN_ATTRIBUTES
        for text in bundle.values():
            assert not {"\x1b", "\u202e", "\r", "\x07"} & set(text)
        assert "\n" not in bundle["text/plain"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_181_116_006, "1.1 GiB"),
        (10**18, "888.2 PiB"),
        (10**19, "8881.8 PiB"),
    ],
)
def test_bytes_are_said_in_their_unit(count: int, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (119.4, "119 s"), (725, "12 min 5 s")]
)
def test_seconds_are_said_as_exactly_as_they_matter(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


# ------------------------------------------------------------------------------------------------ the line
class Jobs:
    """Of a statement, as a server tells them: each question is a reading, the last one stays."""

    may_ask = is_near = True
    is_postponed = False

    def __init__(self, *readings: SparkWork) -> None:
        self.readings = list(readings)

    def ask(self, *, is_final: bool = False) -> SparkWork | None:
        work = self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
        return dataclasses.replace(work, is_final=is_final)


class Line(ProgressLine):
    """With a clock that a test moves. What is asked in the background is asked at once, after the cell when a test says so."""

    def __init__(self, mode: str = "line", terminal: io.StringIO | None = None) -> None:
        self.clock = FakeClock()
        self.asks_at_once = True
        self.asked_later: list[Callable[[], None]] = []
        watch = JobWatch(*(PLAIN_LOOKS_S if mode == "plain" else ()), in_background=self._ask)
        super().__init__(mode, terminal, clock=self.clock, watch=watch)

    def _ask(self, work: Callable[[], None], name: str) -> None:
        if self.asks_at_once:
            work()
        else:
            self.asked_later.append(work)

    def run(self, seconds: float, subject: str = "statement", jobs: Jobs | None = None, every_s: float = 0.25) -> None:
        """As a server that is asked four times a second makes it."""
        for elapsed_s in itertools.takewhile(lambda s: s <= seconds, itertools.count(0, every_s)):
            self(Progress(subject, "running", elapsed_s, 0.5, statement=jobs))
            self.clock.sleep(every_s)


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


def test_a_line_is_drawn_at_most_four_times_a_second(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    readings = [SparkWork(tuple(jobs_of([job(1, "7", 9999, done)]))) for done in range(3000)]
    with notebook(capsys, tmp_path) as nb, Line() as line:
        line.run(10, jobs=Jobs(*readings), every_s=1 / 64)
        assert 10 <= len(nb.shell.display_pub.outputs) <= 4 * 10


def test_counts_rise_in_the_line_which_stays_above_the_result_as_what_spark_did(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        with Line() as line:
            line.run(5.95, jobs=Jobs(WORK))
            line.asks_at_once = False
            line.show({"text/html": "<b>result</b>", "text/plain": "result"})
        outputs = nb.shell.display_pub.outputs
        ids = [(output["transient"] or {}).get("display_id") for output in outputs]
        assert outputs[-1]["data"]["text/plain"] == "result"
        assert ids[-1] is None
        assert len(set(ids[:-1])) == 1
        assert outputs[-2]["data"]["text/plain"].startswith(
            "6.0 s · last seen: 2 jobs · 120 tasks · 1 failed · task time 12 min 34 s · 1.1 GiB read"
        )
        (later,) = line.asked_later
        later()
        last = nb.shell.display_pub.outputs[-1]
        assert (last["update"], last["transient"]["display_id"]) == (True, ids[0])
        assert last["data"]["text/plain"] == (
            "6.0 s · 2 jobs · 210 tasks · 1 failed · task time 12 min 34 s · 1.1 GiB read · 2.0 KiB written · 5.0 MiB shuffled · "
            "3.0 MiB spilled"
        )
        assert last["data"]["text/html"].count("<details") == 1


def test_what_comes_late_of_a_failed_cell_still_says_that_it_failed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        with contextlib.suppress(ValueError), Line() as line:
            line.run(5, jobs=Jobs(WORK))
            line.asks_at_once = False
            line.show({"text/html": "<b>before</b>", "text/plain": "before the error"})
            raise ValueError
        (later,) = line.asked_later
        later()
        texts = [output["data"]["text/plain"] for output in nb.shell.display_pub.outputs]
        assert [text.partition(" · ")[0] for text in texts[-4:]] == [
            "5.2 s",
            "before the error",
            "Failed after 5.2 s",
            "Failed after 5.2 s",
        ]


def test_a_cell_whose_server_tells_no_jobs_has_its_result_in_the_place_of_the_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        with Line() as line:
            line.run(5, jobs=Jobs(SparkWork()))
            line.show({"text/html": "<b>result</b>", "text/plain": "result"})
        ids = {output["transient"]["display_id"] for output in nb.shell.display_pub.outputs}
        assert len(ids) == 1


def test_statements_of_one_cell_are_counted_together(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with notebook(capsys, tmp_path) as nb:
        with Line() as line:
            line.run(3, jobs=Jobs(SparkWork(tuple(jobs_of([job(1, "1", 5, 5)])))))
            line.run(3, jobs=Jobs(SparkWork(tuple(jobs_of([job(2, "2", 7, 7)])))))
        assert nb.shell.display_pub.outputs[-1]["data"]["text/plain"].endswith(" s · 2 jobs · 12 tasks")


def test_a_terminal_keeps_one_line_about_what_spark_did_and_no_line_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = io.StringIO()
    with Line(terminal=terminal) as line:
        line.run(5, jobs=Jobs(WORK))
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert max(map(len, drawn[:-1])) < 40
    assert drawn[-1].startswith("5.2 s · last seen: 2 jobs · 120 tasks")
    assert drawn[-1].count("\n") == 1


@pytest.mark.parametrize("seconds", [20, 100])
def test_a_headless_run_prints_at_most_a_line_every_half_minute_and_an_end(
    capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    with Line("plain") as line:
        line.run(seconds, jobs=Jobs(WORK))
    printed = capsys.readouterr().out.splitlines()
    if seconds == 20:
        assert printed == []
        return
    assert [line.partition(" · ")[0] for line in printed] == [
        "Running: 30 s",
        "Running: 60 s",
        "Running: 90 s",
        "100 s",
    ]
    assert all("2 jobs" in one for one in printed)


def test_a_headless_end_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(KeyboardInterrupt), Line("plain") as line:
        line.run(40)
        raise KeyboardInterrupt
    assert capsys.readouterr().out.splitlines()[-1] == "Interrupted after 40 s"


def test_a_headless_long_start_says_where_it_is_and_ends_with_its_note(capsys: pytest.CaptureFixture[str]) -> None:
    with Line("plain") as line:
        line.begins("Starting a session on Sales", "usually about 12 s")
        line.run(40, "session")
        line.note("Session 'main' is ready after 40 s (id 7 on Sales)")
    assert capsys.readouterr().out.splitlines() == [
        "Starting a session on Sales (usually about 12 s) …",
        "Starting a session on Sales: running · 30 s, usually about 12 s",
        "Session 'main' is ready after 40 s (id 7 on Sales)",
    ]


def test_a_headless_wait_for_a_batch_names_it_and_its_state_every_half_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Line("plain") as line:
        line.begins("Batch nightly", is_told=False)
        line.run(70, "batch")
        line.note("Batch nightly has succeeded")
    assert capsys.readouterr().out.splitlines() == [
        "Batch nightly: running · 30 s",
        "Batch nightly: running · 60 s",
        "Batch nightly has succeeded",
    ]


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
            line.begins("Starting a session on Sales/Bronze")
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
            line.begins("Starting a session on Sales/Bronze")
            line.run(3.75, "session")
            raise ValueError("full")
        last = nb.shell.display_pub.outputs[-1]["data"]["text/plain"]
        assert last == "Starting a session on Sales/Bronze: failed after 4 s"


def test_without_a_person_progress_is_plain() -> None:
    assert progress_line("auto", None)._mode == "plain"
    assert progress_line("line", None)._mode == "line"
