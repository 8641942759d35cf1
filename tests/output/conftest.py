"""A plain statement's output as it is displayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.livy.models import Output
from fabric_livy_magic.output.columns import Column
from fabric_livy_magic.output.result_tables import Caption, result_bundle
from fabric_livy_magic.output.results import Look, part_bundle
from fabric_livy_magic.running.results import Printed, parts_of_output


def shown(raw: dict[str, Any], rows_shown: int = 20, limit: int | None = None) -> dict[str, Any]:
    """The one part of a plain statement's output, as it is displayed."""
    parts = parts_of_output(Output.from_json(raw), limit)
    if not parts:
        return {}
    (part,) = parts
    return {"text/plain": part.text} if isinstance(part, Printed) else part_bundle(part, Look(rows_shown, 1000), 1.24)


def table(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    kinds: Sequence[str] = (),
    spark_types: Sequence[Any] = (),
    more: str = "",
    rows_shown: int = 20,
) -> dict[str, Any]:
    """The bundle of a result with these rows. `kinds` are types in a word, which go for Spark's where those are not given."""
    columns = [
        Column(
            name,
            [row[number] for row in rows],
            kinds[number] if kinds else "",
            spark_types[number] if spark_types else kinds[number] if kinds else "",
        )
        for number, name in enumerate(names)
    ]
    return result_bundle(columns, Caption(rows=len(rows), more=more), rows_shown)
