"""What Scala cells display: tables and HTML, as those of PySpark cells.

A Livy server knows no `display` in Scala; an embedded Fabric has one that prints. The first cell that mentions it defines ours
(agent/remote/displays.scala) in the session, whose output then has marked lines. Other programs see their own `display`.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.livy.models import Output
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.cell_run import CellRun
from fabric_livy_magic.running.kinds import sql
from fabric_livy_magic.running.live_output import News, OnOutput
from fabric_livy_magic.running.results import ArrowTable, Part, Printed, Shown

MENTIONS_DISPLAY = re.compile(r"\bdisplay(?:HTML)?\b")
NAMES = "display, displayHTML"


def define_displays(run: CellRun) -> None:
    """Once in a REPL, before the first cell that mentions them."""
    if run.is_plain or run.repl.scala_mark is not None or not MENTIONS_DISPLAY.search(run.cell.code):
        return
    mark = uuid.uuid4().hex
    source = (files("fabric_livy_magic.agent") / "remote" / "displays.scala").read_text(encoding="utf-8")
    made = f'val fabricLivyDisplays = new FabricLivyDisplays("{mark}", {run.repl.settings.rows_fetched})'
    try:
        run.statement(f"{source}\n{made}\nimport fabricLivyDisplays.{{{NAMES}}}", "spark")
    except StatementError:
        mark = ""  # the cell's own error says more, if it needs them
    run.repl.scala_mark = mark


def parts_of_text(run: CellRun, text: str) -> tuple[Part, ...]:
    """The printed text and what was displayed in it, in order. The views of the tables are dropped."""
    return tuple(_parts(run, text))


def without_marks(run: CellRun, output: Output) -> Output:
    return replace(output, data={**output.data, "text/plain": _marked_lines(run).sub("", output.text)})


def has_marks(run: CellRun, text: str) -> bool:
    return bool(run.repl.scala_mark) and _marked_lines(run).search(text) is not None


def before_marks(run: CellRun) -> OnOutput | None:
    """Hears what a cell prints while it runs, up to the first thing that it displays: tables are fetched when it has ended."""
    on_output, mark = run.on_output, run.repl.scala_mark
    if on_output is None or not mark:
        return on_output
    begin = f"[fabric-livy {mark} "
    kept, has_ended = "", False

    def hear(news: Sequence[News]) -> None:
        nonlocal kept, has_ended
        text = kept + "".join(one.text for one in news if isinstance(one, Printed) and one.number)
        if has_ended:
            return
        at = text.find(begin)
        has_ended = at >= 0
        if not has_ended:  # the beginning of a mark may stand at the end
            at = next(
                (place for place in range(max(0, len(text) - len(begin)), len(text)) if begin.startswith(text[place:])),
                len(text),
            )
        kept = text[at:]
        if text[:at]:
            on_output([Printed(text[:at], number=1)])

    return hear


def _marked_lines(run: CellRun) -> re.Pattern[str]:
    return re.compile(rf"\[fabric-livy {run.repl.scala_mark} (view|html) ([\w+/=]*)\]\n?", re.ASCII)


def _parts(run: CellRun, text: str) -> Iterator[Part]:
    position = 0
    for match in _marked_lines(run).finditer(text):
        if before := text[position : match.start()]:
            yield Printed(before)
        position = match.end()
        yield from _tables(run, match[2]) if match[1] == "view" else _html(match[2])
    if rest := text[position:]:
        yield Printed(rest)


def _html(encoded: str) -> Iterator[Part]:
    yield Shown({"text/html": base64.b64decode(encoded).decode("utf-8", errors="replace"), "text/plain": "<HTML>"})


def _tables(run: CellRun, view: str) -> Iterator[Part]:
    rows = run.repl.settings.rows_fetched
    query = Cell(kind="sql", code=f"SELECT * FROM {view}", limit=rows)  # noqa: S608 - a name of ours
    for part in sql.run(replace(run, cell=query, rows_needed=None)).parts:
        if isinstance(part, ArrowTable):
            part.is_value = False
        yield part
    agent_calls.open_sql(run.agent_call(), f"DROP VIEW IF EXISTS {view}", {}, None)
