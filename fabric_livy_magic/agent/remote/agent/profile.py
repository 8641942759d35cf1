"""The profile of a frame's columns: of all of them in one pass of Spark over the rows.

What is one value a column (least, quartiles, a histogram) is observed while the query itself counts the values of texts, for which
Spark has no aggregate.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .chart_data import LARGEST, axis_of
from .errors import Refused

MOST_COLUMNS = 100
STEPS = 20  # of a histogram
CENTRES = (
    2 * STEPS
)  # of Spark's `histogram_numeric`, which is exact up to so many values, and dear: it looks at each for each row
MOST_VALUES, VALUES_SHOWN = 50, 8  # a text of more values than the first has a histogram of its lengths
MOST_CHARACTERS = 100  # of a text
HASHES = 65536  # texts are counted by, so that a column of many takes no more; that two of 50 share one happens once in 50 columns
PARTS = 8  # of what a centre stands for
ALL_ROWS = -1  # in the place of a column


def profile_of(frame: Any) -> dict[str, Any]:
    """{rows, left_out: columns that are not here, columns: [{name, type, nulls, …}]}. Numbers and times are texts, as Spark writes
    them. `distinct`, the quartiles and the histograms of more than 40 values are approximate."""
    if not frame.columns:
        raise Refused("There is nothing to explore: it has no columns.")
    kinds = frame.dtypes[:MOST_COLUMNS]
    numbered = frame.toDF(*[f"c{number}" for number in range(len(frame.columns))])
    measured, counted = _observed(numbered, [kind for _, kind in kinds])
    rows = sum(one["n"] for one in counted.get(ALL_ROWS, []))
    if rows != measured.get("rows", 0):  # rows of an executor that was lost are observed twice
        raise Refused(
            "Spark did a part of the work twice, so that the numbers would be wrong. Ask for the profile again."
        )
    columns = []
    for number, (name, kind) in enumerate(kinds):
        found = json.loads(measured[f"m{number}"]) if rows else _of_no_rows(kind)
        bars = _bars(kind, found, counted.get(number, []))
        columns.append({"name": name, "type": kind, **found, "nulls": rows - found["filled"], "bars": bars})
    return {"rows": rows, "left_out": len(frame.columns) - len(kinds), "columns": columns}


def _of_no_rows(kind: str) -> dict[str, Any]:
    """Spark observes nothing where it sees beforehand that there are no rows."""
    return {"filled": 0, "distinct": 0} if axis_of(kind) else {"filled": 0}


def _observed(numbered: Any, kinds: list[str]) -> tuple[dict[str, Any], dict[int, list[Any]]]:
    """(`rows`, and as `m0`, `m1`, … a column's measures in JSON; by column its most frequent texts as rows of n, v, other)."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as f

    observation = Observation()
    measures = [f.expr("count(1)").alias("rows")]
    texts = [f"named_struct('c', {ALL_ROWS}, 'v', '')"]
    for number, kind in enumerate(kinds):
        asked = ", ".join(f"'{word}', {sql}" for word, sql in _measures(kind, f"c{number}").items())
        measures.append(f.expr(f"to_json(named_struct({asked}))").alias(f"m{number}"))
        if axis_of(kind) == "text":
            texts.append(f"named_struct('c', {number}, 'v', left(CAST(c{number} AS STRING), {MOST_CHARACTERS}))")
    each = numbered.observe(observation, *measures).selectExpr(f"inline(array({', '.join(texts)}))")
    hashed = each.where("v IS NOT NULL").selectExpr("c", "v", f"pmod(xxhash64(v), {HASHES}) AS hash")
    by_hash = hashed.groupBy("c", "hash").agg(
        f.expr("count(1) AS n"), f.expr("min(v) AS v"), f.expr("nullif(max(v), min(v)) AS other")
    )
    most = f"slice(sort_array(collect_list(struct(-n AS order, v, other, n))), 1, {VALUES_SHOWN}) AS most"
    found = by_hash.groupBy("c").agg(f.expr(most)).collect()
    return observation.get, {row["c"]: row["most"] for row in found}


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
        measures["centres"] = f"histogram_numeric({place}, {CENTRES})"
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
def _bars(kind: str, found: dict[str, Any], most: list[Any]) -> dict[str, Any]:
    """{of: steps, lengths or values, or empty where there are none; counts, labels of values}. `found` keeps the measures that a
    profile shows."""
    low, high, centres = (found.pop(word, None) for word in ("low", "high", "centres"))
    is_text = axis_of(kind) == "text"
    if is_text and 0 < found["distinct"] <= MOST_VALUES:
        labels = [one["v"] if one["other"] is None else f"{one['v']}, {one['other']}" for one in most]
        return {"of": "values", "counts": [one["n"] for one in most], "labels": labels}
    if low is None or high is None or not high / STEPS - low / STEPS > 0:
        return {"of": "", "counts": [], "labels": []}
    counts = step_counts([(one["x"], round(one["y"])) for one in centres], low, high)
    return {"of": "lengths" if is_text else "steps", "counts": counts, "labels": [], "low": low, "high": high}


def step_counts(centres: list[tuple[float, int]], low: float, high: float) -> list[int]:
    """How many values are in each of the equal steps from `low` to `high`. A centre that stands for one value is where it says;
    with as many as Spark keeps, each stands for those around it, which lie evenly to the middle between it and the next."""
    width = high / STEPS - low / STEPS
    counts = [0] * STEPS

    def step_of(value: float) -> int:
        return min(STEPS - 1, max(0, math.floor(value / width - low / width)))

    for number, (centre, count) in enumerate(centres):
        if len(centres) < CENTRES or count == 1:
            counts[step_of(centre)] += count
            continue
        left = centres[number - 1][0] / 2 + centre / 2 if number else low
        right = centres[number + 1][0] / 2 + centre / 2 if number + 1 < len(centres) else high
        for part in range(PARTS):
            share = count * (part + 1) // PARTS - count * part // PARTS
            counts[step_of(left + (right / PARTS - left / PARTS) * (part + 0.5))] += share
    return counts
