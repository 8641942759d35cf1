"""What a cell gave: its parts as MIME bundles, shown in their order."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabric_livy_magic.output.bundles import Bundle, note_bundle
from fabric_livy_magic.output.charts import METADATA, chart_bundle
from fabric_livy_magic.output.columns import Column, udt_name
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.result_tables import Caption, result_bundle
from fabric_livy_magic.printable import printable_output
from fabric_livy_magic.running.results import ChartTable, Part, Printed, Shown, Table, Updated

EXIT_METADATA = (
    "fabric_livy_exit_value"  # the metadata of an output by which `fabric-livy run` sees that the notebook has ended
)


@dataclass(frozen=True)
class Look:
    """How a person looks at a result: `rows_shown` rows at a time, of `rows_fetched` at most. `link` leads to the run."""

    rows_shown: int
    rows_fetched: int
    link: str = ""


def part_bundle(part: Printed | Shown | Table, look: Look, elapsed_s: float | None = None) -> Bundle:
    """What to display for a part that is no printed text; empty where there is nothing to see.

    `elapsed_s` is what the cell took; its table shows it.
    """
    if isinstance(part, ChartTable):
        return chart_bundle(part, elapsed_s)
    if isinstance(part, Table):
        return _table_part(part, look, elapsed_s)
    assert isinstance(part, Shown)
    if table := part.data.get("application/vnd.livy.table.v1+json"):
        return _livys_table(table, look, elapsed_s)
    bundle = {kind: value for kind, value in part.data.items() if not kind.startswith("application/vnd.livy")}
    text = part.text
    if not text and "application/json" in bundle:
        text = json.dumps(bundle["application/json"], indent=2, ensure_ascii=False)
    elif not text:
        text = next((f"<{kind}>" for kind in bundle if kind != "text/plain"), "")  # a value may have no text at all
    return {**bundle, "text/plain": printable_output(text)} if bundle else {}


def _livys_table(table: Mapping[str, Any], look: Look, elapsed_s: float | None) -> Bundle:
    """Of `%table` in a Scala or Python cell."""
    rows = table.get("data", [])
    kept = rows[: look.rows_fetched]
    columns = [
        Column(str(one.get("name", "")), [row[number] for row in kept], str(one.get("type", "")))
        for number, one in enumerate(table.get("headers", ()))
    ]
    return result_bundle(columns, Caption(rows=len(rows), elapsed_s=elapsed_s), look.rows_shown)


def _table_part(table: Table, look: Look, elapsed_s: float | None) -> Bundle:
    if not table.fields and not table.rows:
        took = "" if elapsed_s is None else f" {elapsed_s:.1f} s"
        return note_bundle(f"Done: this statement gives no rows.{took}")
    types = [*table.spark_types, *[""] * (len(table.fields) - len(table.spark_types))]
    values = table.columns(max(look.rows_fetched, look.rows_shown))
    columns = [
        Column(name, one, _kind(kind, of), of)
        for (name, kind), one, of in zip(table.fields, values, types, strict=True)
    ]
    caption = Caption(
        rows=table.rows,
        more=table.more,
        elapsed_s=elapsed_s,
        received_bytes=table.received_bytes,
        statement=table.statement,
        link=look.link,
    )
    return result_bundle(columns, caption, look.rows_shown)


def _kind(kind: str, spark_type: Any) -> str:
    return udt_name(spark_type) if kind == "udt" else kind


def exit_bundle(value: str, text: str = "") -> tuple[Bundle, dict[str, Any]]:
    """What `notebook.exit` shows, and with a text of its own `session.stop`: data and metadata."""
    return note_bundle(text or f"ExitValue: {value}"), {EXIT_METADATA: value}


def show_parts(progress: ProgressLine, parts: Sequence[Part], look: Look, elapsed_s: float | None = None) -> None:
    """All that a cell gave, in its order. The time that it took stands below its last table."""
    tables = [part for part in parts if isinstance(part, Table)]
    values = [part for part in parts if isinstance(part, Shown | Table) and part.is_value]
    for part in parts:
        if isinstance(part, Printed):
            progress.make_room()
            print_text(part)
        elif isinstance(part, Updated):
            progress.update(part_bundle(part.part, look), _metadata(part.part), part.part.display_id)
        else:
            took = elapsed_s if (tables and part is tables[-1]) or isinstance(part, Shown) else None
            is_value = (
                bool(values) and part is values[-1]
            )  # a cell has one result, also where it has several statements
            bundle = part_bundle(part, look, took)
            progress.show(bundle, _metadata(part), is_value=is_value, display_id=part.display_id)


@dataclass(frozen=True)
class BelowLine:
    """Where a cell's outputs are shown while it runs."""

    progress: ProgressLine
    look: Look

    def show(self, parts: Sequence[Part]) -> None:
        self.progress.keep_place()
        show_parts(self.progress, parts, self.look)

    def clear(self, *, is_followed: bool) -> None:
        self.progress.clear(is_followed=is_followed)


def _metadata(part: Shown | Table) -> Mapping[str, Any] | None:
    if isinstance(part, ChartTable):
        return METADATA
    return part.metadata if isinstance(part, Shown) else None


def print_text(part: Printed) -> None:
    text = printable_output(part.text)
    print(text, end="", file=sys.stderr if part.stream == "stderr" else sys.stdout, flush=True)


def print_parts(parts: Sequence[Part], look: Look, elapsed_s: float | None = None) -> None:
    """For a terminal: the text of each part."""
    for part in parts:
        if isinstance(part, Printed):
            print_text(part)
        elif not isinstance(part, Updated):
            print(part_bundle(part, look, elapsed_s).get("text/plain", ""), flush=True)
