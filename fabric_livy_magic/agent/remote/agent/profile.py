"""The profile of a frame's columns: one pass over its rows for the numbers, and one for the histograms, however many columns."""

from __future__ import annotations

from typing import Any

from .chart_data import LARGEST, axis_of
from .errors import Refused

MOST_COLUMNS = 100
STEPS = 20  # of a histogram
MOST_VALUES, VALUES_SHOWN = 50, 8  # a text of more values than the first has a histogram of its lengths
MOST_CHARACTERS = 100  # of a text


def profile_of(frame: Any) -> dict[str, Any]:
    """{rows, left_out: columns that are not here, columns: [{name, type, nulls, …}]}. Numbers and times are texts, as Spark writes
    them. `distinct` and the quartiles are approximate."""
    if not frame.columns:
        raise Refused("There is nothing to explore: it has no columns.")
    kinds = frame.dtypes[:MOST_COLUMNS]
    numbered = frame.toDF(*[f"c{number}" for number in range(len(frame.columns))])
    asked = [_measures(kind, f"c{number}") for number, (_, kind) in enumerate(kinds)]
    texts = [f"{sql} AS {word}_{number}" for number, one in enumerate(asked) for word, sql in one.items()]
    row = numbered.selectExpr("count(1) AS all_rows", *texts).first()
    columns = []
    for number, (name, kind) in enumerate(kinds):
        found = {word: row[f"{word}_{number}"] for word in asked[number]}
        columns.append({"name": name, "type": kind, **found, "nulls": row["all_rows"] - found["filled"]})
    _add_bars(numbered, columns)
    return {"rows": row["all_rows"], "left_out": len(frame.columns) - len(kinds), "columns": columns}


def _measures(kind: str, column: str) -> dict[str, str]:
    """Aggregates in SQL. Of a nested value, an interval or bytes only whether it is there."""
    axis, measures = axis_of(kind), {"filled": f"count({column})"}
    if axis is None:
        return measures
    measures["distinct"] = f"approx_count_distinct({column})"
    value = column
    if kind in ("float", "double"):
        value = f"IF(isnan({column}), NULL, {column})"
        measures["nan"] = f"count_if(isnan({column}))"
    elif kind == "timestamp_ntz":
        value = f"CAST({column} AS TIMESTAMP)"
    elif axis == "text" and kind != "boolean":
        value = f"left(CAST({column} AS STRING), {MOST_CHARACTERS})"
        measures["empty"] = f"count_if({column} = '')"
    if kind != "boolean":
        measures["min"], measures["max"] = f"CAST(min({value}) AS STRING)", f"CAST(max({value}) AS STRING)"
        place = _place(kind, column)
        measures["low"], measures["high"] = f"min({place})", f"max({place})"
    if axis != "text":
        quartiles = f"percentile_approx({value}, array(0.25, 0.5, 0.75), 1000)"
        measures["quartiles"] = f"CAST({quartiles} AS ARRAY<STRING>)"
    if axis == "number":
        measures["mean"] = f"CAST(avg(CAST({value} AS DOUBLE)) AS STRING)"
    return measures


def _place(kind: str, column: str) -> str:
    """Where a value is in a histogram, as a double: null for what is nowhere."""
    axis = axis_of(kind)
    if axis == "number":
        double = f"CAST({column} AS DOUBLE)"
        return (
            f"IF({double} BETWEEN -{LARGEST}D AND {LARGEST}D, {double}, NULL)"
            if kind in ("float", "double")
            else double
        )
    if axis == "text":
        return f"CAST(char_length(CAST({column} AS STRING)) AS DOUBLE)"
    return f"CAST(unix_timestamp(CAST({column} AS TIMESTAMP)) AS DOUBLE)"


# ------------------------------------------------------------------------------------------------ histograms
def _add_bars(numbered: Any, columns: list[dict[str, Any]]) -> None:
    """`bars`: {of: steps, lengths or values, counts, labels of values}."""
    bins = {}
    for number, column in enumerate(columns):
        low, high = column.pop("low", None), column.pop("high", None)
        of, sql = _bin(column, f"c{number}", low, high)
        column["bars"] = {"of": of, "counts": [], "labels": []}
        if of in ("steps", "lengths"):
            column["bars"].update(low=low, high=high)
        if sql:
            bins[number] = sql
    if not bins:
        return
    structs = ", ".join(f"named_struct('c', {number}, 'b', CAST({sql} AS STRING))" for number, sql in bins.items())
    counted = numbered.selectExpr(f"inline(array({structs}))").where("b IS NOT NULL").groupBy("c", "b").count()
    counts: dict[int, dict[str, int]] = {number: {} for number in bins}
    for row in counted.collect():
        counts[row["c"]][row["b"]] = row["count"]
    for number, found in counts.items():
        bars = columns[number]["bars"]
        if bars["of"] == "values":
            largest = sorted(found.items(), key=lambda one: (-one[1], one[0]))[:VALUES_SHOWN]
            bars["labels"], bars["counts"] = [text for text, _ in largest], [count for _, count in largest]
        else:
            bars["counts"] = [found.get(str(step), 0) for step in range(STEPS)]


def _bin(column: dict[str, Any], name: str, low: float | None, high: float | None) -> tuple[str, str]:
    """(what the bars are of, the bar of a value in SQL): both empty where there are none."""
    kind, axis = column["type"], axis_of(column["type"])
    if axis is None or not column["filled"]:
        return "", ""
    if axis == "text" and column["distinct"] <= MOST_VALUES:
        return "values", f"left(CAST({name} AS STRING), {MOST_CHARACTERS})"
    if low is None or high is None or not high / STEPS - low / STEPS > 0:
        return "", ""
    width = high / STEPS - low / STEPS
    place = _place(kind, name)
    step = f"CAST(least({STEPS - 1}, greatest(0, floor({place} / {width!r}D - ({low / width!r}D)))) AS INT)"
    return ("lengths" if axis == "text" else "steps"), f"IF({place} IS NULL, NULL, {step})"  # `least` passes over nulls
