"""What a cell gave: its parts as MIME bundles, shown in their order."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.output.bundles import Bundle, note_bundle
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.tables import TEXT_WIDTH, table_bundle
from fabric_livy_magic.printable import printable_output
from fabric_livy_magic.running.results import Part, Printed, Shown, Table

EXIT_METADATA = (
    "fabric_livy_exit_value"  # the metadata of an output by which `fabric-livy run` sees that the notebook has ended
)


def part_bundle(part: Part, rows_shown: int, elapsed_s: float | None = None) -> Bundle:
    """What to display for a part that is no printed text; empty where there is nothing to see.

    `elapsed_s` is what the cell took; its table shows it.
    """
    if isinstance(part, Table):
        return _table_part(part, rows_shown, elapsed_s)
    assert isinstance(part, Shown)
    if table := part.data.get("application/vnd.livy.table.v1+json"):
        names = [str(header.get("name", "")) for header in table.get("headers", ())]
        types = [str(header.get("type", "")) for header in table.get("headers", ())]
        rows = table.get("data", [])
        caption = _caption(min(len(rows), rows_shown), len(rows), "", elapsed_s)
        return table_bundle(names, rows[:rows_shown], types, caption, TEXT_WIDTH)
    bundle = {kind: value for kind, value in part.data.items() if not kind.startswith("application/vnd.livy")}
    text = part.text
    if not text and "application/json" in bundle:
        text = json.dumps(bundle["application/json"], indent=2, ensure_ascii=False)
    elif not text:
        text = next((f"<{kind}>" for kind in bundle if kind != "text/plain"), "")  # a value may have no text at all
    return {**bundle, "text/plain": printable_output(text)} if bundle else {}


def _table_part(table: Table, rows_shown: int, elapsed_s: float | None) -> Bundle:
    if not table.fields and not table.rows:
        took = "" if elapsed_s is None else f" {elapsed_s:.1f} s"
        return note_bundle(f"Done: this statement gives no rows.{took}")
    names = [name for name, _ in table.fields]
    rows = table.head(rows_shown)
    caption = _caption(len(rows) if names else min(rows_shown, table.rows), table.rows, table.more, elapsed_s)
    kinds = [kind for _, kind in table.fields]
    return table_bundle(names, rows, kinds, caption, TEXT_WIDTH, table.spark_types)


def _caption(shown: int, total: int, more: str, elapsed_s: float | None) -> str:
    rows = f"{total:,} row{'' if total == 1 else 's'}"
    took = "" if elapsed_s is None else f"{elapsed_s:.1f} s"
    return " · ".join(filter(None, [rows if shown == total else f"{shown:,} of {rows} shown", took, more]))


def exit_bundle(value: str, text: str = "") -> tuple[Bundle, dict[str, Any]]:
    """What `notebook.exit` shows, and with a text of its own `session.stop`: data and metadata."""
    return note_bundle(text or f"ExitValue: {value}"), {EXIT_METADATA: value}


def show_parts(progress: ProgressLine, parts: Sequence[Part], rows_shown: int, elapsed_s: float | None = None) -> None:
    """All that a cell gave, in its order. The time that it took stands below its last table."""
    tables = [part for part in parts if isinstance(part, Table)]
    values = [part for part in parts if not isinstance(part, Printed) and part.is_value]
    for part in parts:
        if isinstance(part, Printed):
            progress.make_room()
            print_text(part)
        else:
            took = elapsed_s if (tables and part is tables[-1]) or isinstance(part, Shown) else None
            is_value = (
                bool(values) and part is values[-1]
            )  # a cell has one result, also where it has several statements
            progress.show(part_bundle(part, rows_shown, took), getattr(part, "metadata", None), is_value=is_value)


def print_text(part: Printed) -> None:
    text = printable_output(part.text)
    print(text, end="", file=sys.stderr if part.stream == "stderr" else sys.stdout, flush=True)


def print_parts(parts: Sequence[Part], rows_shown: int, elapsed_s: float | None = None) -> None:
    """For a terminal: the text of each part."""
    for part in parts:
        if isinstance(part, Printed):
            print_text(part)
        else:
            print(part_bundle(part, rows_shown, elapsed_s).get("text/plain", ""), flush=True)
