"""How far a cell, a transfer or the start of a session is, as text and as HTML. Names of call sites come from user code: they are
escaped."""

from __future__ import annotations

import html

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.spark_jobs import SparkWork, Stage
from fabric_livy_magic.output.bundles import Bundle, note_bundle
from fabric_livy_magic.output.short_texts import bytes_text, counted, seconds_text
from fabric_livy_magic.printable import printable

MOST_FRACTION = 0.99  # of what still runs: a server counts the tasks of the jobs so far, and more jobs may follow
STARTING = "Starting a session"
WITH_STATES = frozenset({"session", "batch"})
"""What a line names by itself, with the state that it is in."""
NOTHING = SparkWork()
MOST_RUNNING_SHOWN = 4  # stages below the bar
LEAST_TASK_S = 0.05  # below that it is 0.0 s
MOST_STAGES_SHOWN = 100  # in the detail of a cell that has ended
PROGRESS_STYLE = (
    "<style>.flm-p{font-size:12px;opacity:.75}.flm-p .b{height:4px;max-width:32em;margin:3px 0;border-radius:2px;"
    "background:rgba(128,128,128,.25)}.flm-p .b div{height:4px;border-radius:2px;background:#0f7fd4}"
    ".flm-p .s{opacity:.8;white-space:pre-wrap}.flm-p summary{cursor:pointer}"
    # Twice the class outweighs JupyterLab's own rule for tables.
    ".flm-p.flm-p table{border-collapse:collapse;font-size:12px}.flm-p.flm-p th,.flm-p.flm-p td{padding:2px 8px;text-align:left;"
    "white-space:pre-wrap;border-bottom:1px solid rgba(128,128,128,.25)}.flm-p.flm-p .n{text-align:right;"
    "font-variant-numeric:tabular-nums}</style>"
)


def one_line(text: str) -> str:
    """A reason of a server's may have several."""
    return printable(" ".join(text.split("\n")))


# ---------------------------------------------------------------------------------------------------- while it goes on
def progress_text(progress: Progress, starting: str = STARTING, usual: str = "", work: SparkWork = NOTHING) -> str:
    """`starting` is what a line about a session's start begins with, `usual` how long such a start takes."""
    elapsed = f"{progress.elapsed_s:.0f} s"
    if progress.subject in WITH_STATES:
        parts = [progress.state.replace("_", " "), f"{elapsed}, {usual}" if usual else elapsed, progress.detail]
        return f"{starting}: {' · '.join(filter(None, parts))}"
    fraction = fraction_of(progress, work)
    percent = f"{fraction:.0%}" if fraction else ""
    parts = [elapsed, percent, progress.detail, *_work_so_far(work)]
    return f"{progress.state.capitalize()}: {' · '.join(filter(None, parts))}"


def fraction_of(progress: Progress, work: SparkWork = NOTHING) -> float:
    """Never 1 of what still runs."""
    known = [one for one in (progress.fraction, work.fraction) if one is not None]
    return min(max(known, default=0.0), MOST_FRACTION)


def _work_so_far(work: SparkWork) -> list[str]:
    if not work.jobs:
        return []
    running = f", {work.running:,} running" if work.running else ""
    failed = f", {work.failed:,} failed" if work.failed else ""
    return [_jobs_text(work), f"{work.done:,} of {counted(work.tasks, 'task')}{running}{failed}", *_bytes_texts(work)]


def progress_bundle(progress: Progress, starting: str = STARTING, usual: str = "", work: SparkWork = NOTHING) -> Bundle:
    """The line, a bar, and the stages that run."""
    text = one_line(progress_text(progress, starting, usual, work))
    lines = [f"<div>{html.escape(text)}</div>"]
    fraction = fraction_of(progress, work)
    if fraction or work.tasks:
        percent = f"{fraction:.0%}"
        lines.append(
            f'<div class="b" role="progressbar" aria-label="progress" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{percent[:-1]}"><div style="width:{percent}"></div></div>'
        )
    running = [stage for stage in work.stages if stage.state == "active"]
    for stage in running[-MOST_RUNNING_SHOWN:]:
        lines.append(f'<div class="s">{html.escape(printable(stage_text(stage)))}</div>')
    return {"text/html": f'{PROGRESS_STYLE}<div class="flm-p">{"".join(lines)}</div>', "text/plain": text}


def stage_text(stage: Stage) -> str:
    failed = f", {stage.failed:,} failed" if stage.failed else ""
    return f"Stage {stage.id}, {stage.name}: {stage.done:,} of {counted(stage.tasks, 'task')}{failed}"


# ---------------------------------------------------------------------------------------------------- when it has ended
def end_text(elapsed_s: float, work: SparkWork, how: str = "") -> str:
    """`how`: "Failed after" or "Interrupted after"; empty for what went well."""
    took = f"{how} {seconds_text(elapsed_s)}".strip()
    if not work.jobs:
        return took
    failed = f"{work.failed:,} failed" if work.failed else ""
    tasks = counted(work.tasks if work.is_final and not how else work.done, "task")
    took_tasks = f"task time {seconds_text(work.task_s)}" if work.task_s >= LEAST_TASK_S else ""
    counts = " · ".join(
        filter(None, [_jobs_text(work), tasks, failed, took_tasks, *_bytes_texts(work, has_ended=True)])
    )
    return f"{took} · {'' if work.is_final else 'last seen: '}{counts}"


def end_bundle(elapsed_s: float, work: SparkWork, how: str = "") -> Bundle:
    """One line, with a table of its stages on click."""
    text = one_line(end_text(elapsed_s, work, how))
    if not work.stages:
        return note_bundle(text)
    rows = "".join(map(_stage_row, work.stages[:MOST_STAGES_SHOWN]))
    hidden = len(work.stages) - MOST_STAGES_SHOWN
    more = f'<div class="s">and {hidden:,} more stages</div>' if hidden > 0 else ""
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in _COLUMNS)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
    return {
        "text/html": f'{PROGRESS_STYLE}<details class="flm-p"><summary>{html.escape(text)}</summary>{table}</details>',
        "text/plain": text,
    }


_NUMBER = ' class="n"'
_COLUMNS = (
    ("stage", _NUMBER),
    ("name", ""),
    ("state", ""),
    ("tasks", _NUMBER),
    ("failed", _NUMBER),
    ("task time", _NUMBER),
    ("read", _NUMBER),
    ("written", _NUMBER),
    ("shuffled", _NUMBER),
    ("spilled", _NUMBER),
)


def _stage_row(stage: Stage) -> str:
    attempt = f" (attempt {stage.attempt + 1})" if stage.attempt else ""
    tasks = f"{stage.done:,}" if stage.done == stage.tasks else f"{stage.done:,} of {stage.tasks:,}"
    counts = (stage.read_bytes, stage.written_bytes, stage.shuffle_written_bytes, stage.spilled_bytes)
    amounts = [bytes_text(one) if one else "" for one in counts]
    texts = [
        f"{stage.id}{attempt}",
        stage.name,
        stage.state,
        tasks,
        f"{stage.failed:,}" if stage.failed else "",
        seconds_text(stage.task_ms / 1000) if stage.task_ms else "",
        *amounts,
    ]
    cells = zip(texts, _COLUMNS, strict=True)
    return f"<tr>{''.join(f'<td{kind}>{html.escape(printable(text))}</td>' for text, (_, kind) in cells)}</tr>"


def _jobs_text(work: SparkWork) -> str:
    return counted(len(work.jobs), "job")


def _bytes_texts(work: SparkWork, *, has_ended: bool = False) -> list[str]:
    """While it goes on the line is short."""
    amounts = [(work.read_bytes, "read"), (work.spilled_bytes, "spilled")]
    if has_ended:
        amounts[1:1] = [(work.written_bytes, "written"), (work.shuffle_bytes, "shuffled")]
    return [f"{bytes_text(count)} {what}" for count, what in amounts if count]
