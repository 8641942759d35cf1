"""The report of a test run as one HTML file: nothing is loaded from elsewhere, nothing of a notebook is markup, no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from fabric_livy_magic.output.short_texts import counted, cut
from fabric_livy_magic.output.tables import escaped
from fabric_livy_magic.printable import without_colours
from fabric_livy_magic.testing.coverage_report import Covered, percent_text, relative
from fabric_livy_magic.testing.notebook_reports import SKIPPED, CellReport, NotebookReport
from fabric_livy_magic.testing.results import FAILED, NOT_RUN, PASSED

_BASE64 = re.compile(r"[A-Za-z0-9+/]+=*")
MARKS = {PASSED: "✓", FAILED: "✗", SKIPPED: "–", NOT_RUN: "·"}


def html_report(
    reports: Sequence[NotebookReport],
    duration_s: float,
    when: str,
    covered: Sequence[Covered] = (),
    root: Path = Path(),
) -> str:
    """`when`: the time of the run, as text. Paths are shown as those below `root`."""
    style = (files("fabric_livy_magic.testing") / "html_report.css").read_text(encoding="utf-8")
    failed = sum(one.state == FAILED for one in reports)
    verdict = (
        f"{failed} of {counted(len(reports), 'notebook test')} failed"
        if failed
        else f"{counted(len(reports), 'notebook test')} passed"
    )
    ordered = sorted(reports, key=lambda one: one.state != FAILED)
    body = "".join(_notebook(one, root) for one in ordered)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(verdict)}</title><style>{style}</style></head>\n<body><main>"
        f'<header><h1 class="{"failed" if failed else "passed"}">{escaped(verdict)}</h1>'
        f"<p>{escaped(when)} · {duration_s:.1f} s</p></header>\n{body}{_coverage(covered)}</main></body></html>\n"
    )


def _notebook(report: NotebookReport, root: Path) -> str:
    is_open = " open" if report.state == FAILED else ""
    ended = f" · ended with the value {report.exit_value!r}" if report.exit_value is not None else ""
    facts = f"{report.cells_ran} of {counted(len(report.cells), 'cell')} ran · {report.duration_s:.1f} s{ended}"
    problem = f'<pre class="error">{escaped(report.problem)}</pre>' if report.problem else ""
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in report.notes)
    return (
        f'<details class="notebook"{is_open}><summary><span class="mark {_class(report.state)}">{MARKS[report.state]}</span>'
        f"<b>{escaped(report.name)}</b> <span>{escaped(report.state)}</span> <small>{escaped(facts)}</small></summary>"
        f'<p class="path">{escaped(relative(report.path, root))}</p>{problem}{notes}{"".join(map(_cell, report.cells))}</details>\n'
    )


def _cell(cell: CellReport) -> str:
    took = cell.took or cell.state
    outputs = "".join(f"<pre>{escaped(without_colours(text))}</pre>" for text in cell.texts)
    images = "".join(
        f'<img alt="picture of cell {cell.number}" src="data:image/png;base64,{escaped(image)}">'
        for image in filter(_BASE64.fullmatch, cell.images)
    )
    error = f'<pre class="error">{escaped(without_colours(cell.error))}</pre>' if cell.error else ""
    is_open = " open" if cell.state == FAILED else ""
    return (
        f'<details class="cell {_class(cell.state)}"{is_open}><summary><span class="mark {_class(cell.state)}">{MARKS[cell.state]}</span>'
        f"<code>[{cell.number}] {escaped(cut(cell.headline, 110))}</code> <small>{escaped(cell.language)} · {took}</small></summary>"
        f'<pre class="source">{_source(cell)}</pre>{outputs}{images}{error}</details>'
    )


def _source(cell: CellReport) -> str:
    """Each line with its number; the one that failed, and those that did not run, are marked."""
    missed = set(cell.lines.statements) - set(cell.lines.ran) if cell.lines else set()
    lines = []
    for number, line in enumerate(cell.source.split("\n"), start=1):
        kind = "at" if number == cell.failed_line else "missed" if number in missed else ""
        title = ' title="did not run"' if kind == "missed" else ""
        lines.append(f'<span class="line {kind}"{title}><i>{number}</i>{escaped(line)}</span>')
    return "".join(lines)


def _coverage(covered: Sequence[Covered]) -> str:
    if not covered:
        return ""
    rows = "".join(
        f"<tr><td>{escaped(one.name)}</td><td>{escaped(one.cells_text)}</td><td>{escaped(one.lines_text)}</td>"
        f"<td>{escaped(percent_text(one))}</td><td>{escaped(one.missing)}</td></tr>"
        for one in covered
    )
    head = "".join(f"<th>{one}</th>" for one in ("", "cells", "lines", "covered", "lines that did not run"))
    return f"<h2>Coverage</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _class(state: str) -> str:
    return state.replace(" ", "-")
