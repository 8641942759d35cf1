"""Lists of ours (sessions, statements, tables, settings, findings): one list of records as HTML, as text, and as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from fabric_livy_magic.output.bundles import Bundle, has_other_place, note_bundle, show, style
from fabric_livy_magic.output.short_texts import bytes_text, seconds_text
from fabric_livy_magic.output.tables import UNBROKEN_CHARACTERS, escaped, text_table
from fabric_livy_magic.printable import printable

Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class ListColumn:
    """A key of the records as a column. `kind` is a key of `_TEXTS`, or `id`, `address` (on one line, a click selects the whole),
    `code` or `count`; empty for text."""

    key: str
    title: str
    kind: str = ""

    def text(self, record: Mapping[str, Any]) -> str:
        value = record[self.key]
        if value is None:
            return ""
        return _TEXTS.get(self.kind, _plain)(value)


@dataclass(frozen=True)
class OwnList:
    """`empty` is said where there are no records, `title` above the table and `caption` below it. The keys of `records` are those
    of the JSON; a change of the key `group` begins a part of the table. A column without a text is not drawn."""

    columns: tuple[ListColumn, ...]
    records: Records
    empty: str = ""
    title: str = ""
    caption: str = ""
    group: str = ""

    @property
    def bundle(self) -> Bundle:
        if not self.records:
            return note_bundle("\n".join(filter(None, [self.title, self.empty])))
        lines = [f'<div class="flm-c">{escaped(line)}</div>' if line else "" for line in (self.title, self.caption)]
        return {
            "text/html": f'<div class="flm-t flm-list">{_style()}{lines[0]}{self._table()}{lines[1]}</div>',
            "text/plain": self.text,
        }

    @property
    def text(self) -> str:
        if not self.records:
            return "\n".join(map(printable, filter(None, [self.title, self.empty])))
        columns = self._drawn
        rows = [[column.text(record) for column in columns] for record in self.records]
        table = text_table([one.title for one in columns], rows, [one.kind in _NUMBERS for one in columns])
        return "\n".join(filter(None, [printable(self.title), table, printable(self.caption)]))

    def printed(self, *, as_json: bool) -> str:
        """For a terminal or a pipe."""
        return json_text(self.data) if as_json else self.text

    @property
    def data(self) -> JsonRecords:
        """What a program reads."""
        return JsonRecords(map(dict, self.records))

    @property
    def _drawn(self) -> list[ListColumn]:
        return [one for one in self.columns if any(map(one.text, self.records))] or list(self.columns)

    def _table(self) -> str:
        columns = self._drawn
        head = "".join(f"<th{_class(column)}>{escaped(column.title)}</th>" for column in columns)
        body = []
        for group, records in groupby(self.records, lambda record: record.get(self.group, "")):
            if group:
                body.append(f'<tr><th colspan="{len(columns)}">{escaped(group)}</th></tr>')
            body += ["<tr>" + "".join(_cell(column, record) for column in columns) + "</tr>" for record in records]
        return f'<table class="flm"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def give(one: OwnList, *, as_data: bool) -> Any:
    """Shows it, or returns its data; a panel needs both."""
    if as_data:
        return one.data
    show(one.bundle)
    return one.data if has_other_place() else None


# ------------------------------------------------------------------------------------------- data
class JsonRecords(list[dict[str, Any]]):
    """A list that a notebook shows as JSON where it is the value of a cell."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(json_text(self))


def json_text(value: Any) -> str:
    """Of ASCII alone, so that it is JSON in every pipe and steers no terminal."""
    return json.dumps(value, indent=2)


# ------------------------------------------------------------------------------------------- HTML
@cache
def _style() -> str:
    text = (files("fabric_livy_magic.output") / "lists.css").read_text(encoding="utf-8")
    return f"{style()}<style>{text}</style>"


_NUMBERS = {"age", "percent", "count", "bytes", "seconds"}
_ONE_LINE = {"id", "address"}


def _class(column: ListColumn, text: str = "") -> str:
    if column.kind in _NUMBERS:
        return ' class="n"'
    return ' class="l"' if len(text) > UNBROKEN_CHARACTERS and column.kind not in _ONE_LINE else ""


def _cell(column: ListColumn, record: Mapping[str, Any]) -> str:
    text = column.text(record)
    shown = escaped(text)
    if text and column.kind in _ONE_LINE:
        shown = f'<code class="{column.kind}" title="{shown}">{shown}</code>'
    elif text and column.kind == "code":
        shown = f"<code>{shown}</code>"
    elif text and column.kind == "state":
        shown = f'<span class="flm-w {_TONES.get(record[column.key], "")}">{shown}</span>'
    return f"<td{_class(column, text)}>{shown}</td>"


_TONES = {
    **dict.fromkeys(("idle", "available", "success", "ok"), "good"),
    **dict.fromkeys(("error", "dead", "killed", "failed", "lost", "fail"), "bad"),
    **dict.fromkeys(("warn", "cancelling", "shutting_down", "deleting", "recovering"), "wary"),
    **dict.fromkeys(("busy", "running", "waiting", "queued", "library_packaging", "acquiring_session"), "busy"),
    **dict.fromkeys(("acquiring_high_concurrency_session", "not_submitted", "submitting"), "busy"),
    **dict.fromkeys(("not_started", "starting"), "busy"),
}


# ------------------------------------------------------------------------------------------- texts
def age_text(seconds: float) -> str:
    """12 s, 5 min, 2 h 5 min, 3 d 4 h."""
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes} min" if minutes else f"{int(seconds)} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_TEXTS: Mapping[str, Callable[[Any], str]] = {
    "age": age_text,
    "bytes": bytes_text,
    "seconds": seconds_text,
    "percent": "{:.0%}".format,
    "mark": lambda value: "→" if value else "",
    "state": lambda value: str(value).replace("_", " "),
}
