"""What a chart shows of a frame, grouped, counted in steps or sampled by Spark, so that few rows travel, however large it is.

The rows have the columns of the axes, named as in the frame, and two more, which are the same in each row: how many values the x
axis would have without a cut, and how many rows of the frame they stand for.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from . import frames
from .errors import Refused

MOST_STEPS = 500  # of a number or a time on the x axis: a line of them fills a screen
MOST_POINTS = 5000  # of a scatter chart, and rows of any chart
MOST_COLORS = 10
LARGEST = 1.7976931348623157e308
NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double"}
TIMES = {"date", "timestamp", "timestamp_ntz"}
TIME_STEPS_S = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 2629746,
    "quarter": 3 * 2629746,
    "year": 12 * 2629746,
}


def header(value: Any, spark: Any, chart: dict[str, Any]) -> dict[str, Any]:
    """The header of the chart's frame, all of it in one reply, with what the client cannot see in it as `chart`. `chart` has the
    kind and, by role, the columns: see cells/charts.py. `value` is a frame of Spark, pandas, Arrow or polars."""
    frame = spark_frame(value, spark)
    if not frame.columns:
        raise Refused("A chart needs rows, and this statement gives none.")
    if chart["where"]:
        frame = frame.where(chart["where"])
    places = {role: _place(frame.columns, chart[role], role) for role in ("x", "y", "by") if chart.get(role)}
    names = {role: frame.columns[place] for role, place in places.items()}
    numbered = frame.toDF(*[f"c{number}" for number in range(len(frame.columns))])  # two may have one name
    types = {role: numbered.dtypes[place][1] for role, place in places.items()}
    axes = {role: _axis(types[role], names[role], role) for role in places}
    base = numbered.selectExpr(
        *[f"{_read(axes[role], role, types[role], f'c{place}')} AS {role}" for role, place in places.items()]
    )
    if "x" in chart["log"]:
        base = _above_zero(base, axes, names, "x")
    base, is_cut = _main_colors(base) if "by" in names else (base, False)
    draw = {"scatter": _scatter, "hist": _histogram, "box": _boxes}.get(chart["kind"], _groups)
    drawn, facts = draw(base, axes, names, chart)
    return {
        **frames.preview(drawn, MOST_POINTS),
        "chart": {"asked": chart, "axes": axes, "step": None, "colors_cut": is_cut, **facts},
    }


def spark_frame(value: Any, spark: Any) -> Any:
    """Raises Refused for what is no frame."""
    library = type(value).__module__.split(".")[0]
    frame = frames.spark_frame_of(value, library)
    if frame is not None:
        return frame
    if library in ("polars", "pyarrow"):
        value, library = value.to_pandas(), "pandas"
    elif library == "pandas" and hasattr(value, "to_frame") and not hasattr(value, "columns"):
        value = value.reset_index()
    if library != "pandas":
        raise Refused(f"A chart needs a DataFrame as the value of the last line, which is {type(value).__name__}.")
    value = value.rename(columns=str)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Spark's, of pandas
        return spark.createDataFrame(value)


def _place(names: list[str], wanted: str, role: str) -> int:
    """As Spark finds a column: by its name in any case."""
    if wanted in names:
        return names.index(wanted)
    lowered = [name.lower() for name in names]
    if lowered.count(wanted.lower()) == 1:
        return lowered.index(wanted.lower())
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    raise Refused(f"{role}={wanted}: there is no such column. There are {', '.join(names[:20])}{more}.")


def _axis(kind: str, name: str, role: str) -> str:
    axis = axis_of(kind)
    if axis is None:
        raise Refused(f"{role}={name} is {kind}: a chart shows numbers, dates, times, texts and booleans.")
    return axis


def axis_of(kind: str) -> str | None:
    """What a column of this type of Spark's is on an axis; None for one that no chart shows."""
    if kind in NUMBERS or kind.startswith("decimal"):
        return "number"
    if kind in TIMES:
        return "date" if kind == "date" else "time"
    return "text" if kind in ("string", "boolean", "void") or kind.startswith(("char", "varchar")) else None


def _read(axis: str, role: str, kind: str, column: str) -> str:
    """Decimals are kept as texts of a category, and are doubles on an axis."""
    if role == "by" or axis == "text":
        return f"CAST({column} AS STRING)"
    return f"CAST({column} AS DOUBLE)" if (axis == "number" and role == "y") or kind.startswith("decimal") else column


# ------------------------------------------------------------------------------------------------ kinds of chart
def _groups(base: Any, axes: Any, names: Any, chart: Any) -> Any:
    """One value of y for each x, and each `by`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    aggregate, title = _aggregate(axes, names, chart)
    step, is_text = None, axes["x"] == "text" or chart["kind"] == "pie"
    if not is_text:
        base, step = _stepped(base, axes["x"], is_log="x" in chart["log"])
    keys = ["x", *(["by"] if "by" in names else [])]
    grouped = base.groupBy(*keys).agg(aggregate.alias("y"), F.count(F.lit(1)).alias("n"))
    everything = Window.partitionBy(F.lit(0))
    grouped = grouped.withColumn("rows", F.sum("n").over(everything))
    total = F.sum(F.abs("y")).over(Window.partitionBy("x"))
    grouped = grouped.withColumn("_", total if is_text else F.lit(0))
    grouped = grouped.withColumn(
        "place", F.dense_rank().over(Window.partitionBy(F.lit(0)).orderBy(F.desc_nulls_last("_"), F.col("x")))
    ).withColumn("groups", F.max("place").over(everything))
    most = chart["top"] if is_text else MOST_POINTS
    ordered = grouped.where(F.col("place") <= most).orderBy("place", *keys[1:])
    named = ordered.select(*keys, "y", "groups", "rows").toDF(*[names[key] for key in keys], title, "groups", "rows")
    return named, {"step": step}


def _aggregate(axes: Any, names: Any, chart: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    word = chart["agg"]
    if "y" not in names:
        return F.count(F.lit(1)), "rows"
    title = f"{word}({names['y']})"
    if word in ("count", "count_distinct"):
        return (F.count("y") if word == "count" else F.countDistinct("y")), title
    if axes["y"] != "number":
        raise Refused(f"y={names['y']} is no number: agg=count and agg=count_distinct take it, agg={word} does not.")
    if word == "median":
        return F.expr("percentile_approx(y, 0.5, 10000)"), title
    return getattr(F, word)("y"), title


def _scatter(base: Any, axes: Any, names: Any, chart: Any) -> Any:
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    _needs_number(axes, names, "y")
    kept = base.where(" AND ".join(_is_drawn(axes[role], role) for role in ("x", "y")))
    if "y" in chart["log"]:
        kept = _above_zero(kept, axes, names, "y")
    rows = kept.count()
    if rows > MOST_POINTS:
        kept = kept.orderBy(F.rand(1))  # a plain limit takes those of the first files
    keys = ["x", "y", *(["by"] if "by" in names else [])]
    points = kept.limit(MOST_POINTS).select(*keys, F.lit(rows).alias("groups"), F.lit(rows).alias("rows"))
    return points.toDF(*[names[key] for key in keys], "groups", "rows"), {}


def _histogram(base: Any, axes: Any, names: Any, chart: Any) -> Any:
    """How many rows each of so many equal steps has. The steps without a row are left out."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    _needs_number(axes, names, "x")
    kept = base.where(_is_drawn("number", "x")).selectExpr("CAST(x AS DOUBLE) AS x", *(["by"] if "by" in names else []))
    low, high = kept.agg(F.min("x"), F.max("x")).first() or (None, None)
    span = (high or 0.0) / chart["bins"] - (low or 0.0) / chart["bins"]  # the greatest less the least may be no number
    step = _round_step(span) if span else 1.0
    keys = ["bin", *(["by"] if "by" in names else [])]
    counted = kept.withColumn("bin", F.floor(F.col("x") / F.lit(step))).groupBy(*keys).agg(F.count(F.lit(1)).alias("n"))
    counted = counted.withColumn("rows", F.sum("n").over(Window.partitionBy(F.lit(0))))
    start, end = F.col("bin") * F.lit(step), (F.col("bin") + 1) * F.lit(step)
    ordered = counted.orderBy(*keys).select(
        start.alias("from"), end.alias("to"), *keys[1:], "n", F.lit(chart["bins"]).alias("groups"), "rows"
    )
    return ordered.toDF("from", "to", *[names[key] for key in keys[1:]], "rows", "groups", "rows"), {"step": step}


def _boxes(base: Any, axes: Any, names: Any, chart: Any) -> Any:
    """Least, quartiles, greatest and number of the values of y, for each x."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    _needs_number(axes, names, "y")
    kept = base.where(_is_drawn("number", "y"))
    kept = kept.selectExpr("CAST(x AS STRING) AS x" if "x" in names else "'' AS x", "y")
    quartiles = "percentile_approx(y, array(0.25, 0.5, 0.75), 10000)"
    boxes = kept.groupBy("x").agg(
        F.min("y").alias("least"), F.expr(quartiles).alias("q"), F.max("y").alias("greatest"), F.count("y").alias("n")
    )
    everything = Window.partitionBy(F.lit(0))
    boxes = boxes.withColumn("rows", F.sum("n").over(everything)).withColumn(
        "groups", F.count(F.lit(1)).over(everything)
    )
    shown = boxes.orderBy(F.desc("n"), "x").limit(chart["top"]).orderBy("x")
    found = shown.selectExpr("x", "least", "q[0]", "q[1]", "q[2]", "greatest", "n", "groups", "rows")
    return found.toDF(names.get("x", ""), "min", "q1", "median", "q3", "max", "count", "groups", "rows"), {}


# ------------------------------------------------------------------------------------------------ axes
def _main_colors(base: Any) -> tuple[Any, bool]:
    """(frame of the most frequent values of `by`, whether there are others)."""
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    counted = base.groupBy("by").agg(F.count(F.lit(1)).alias("n")).orderBy(F.desc("n"), "by")
    values = [row["by"] for row in counted.limit(MOST_COLORS + 1).collect()]
    if len(values) <= MOST_COLORS:
        return base, False
    is_main = F.col("by").isin([value for value in values[:MOST_COLORS] if value is not None])
    return base.where(is_main | F.col("by").isNull() if None in values[:MOST_COLORS] else is_main), True


def _needs_number(axes: Any, names: Any, role: str) -> None:
    if axes[role] != "number":
        raise Refused(f"{role}={names[role]} is no number, which this kind of chart needs there.")


def _above_zero(base: Any, axes: Any, names: Any, role: str) -> Any:
    if axes[role] != "number":
        raise Refused(f"{role}={names[role]} is no number, which log={role} needs.")
    return base.where(f"{role} > 0")


def _is_drawn(axis: str, role: str) -> str:
    """SQL: no null, and no number that is none on an axis."""
    return f"{role} BETWEEN -{LARGEST}D AND {LARGEST}D" if axis == "number" else f"{role} IS NOT NULL"


def _stepped(base: Any, axis: str, is_log: bool = False) -> Any:
    """(frame, step) with x rounded down to steps where there are more values than a chart can show: a number, a unit of time, or on
    a logarithmic axis the text "equal ratios"."""
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    base = base.where(_is_drawn(axis, "x"))
    measure = (
        "log10(x)"
        if is_log
        else "CAST(x AS DOUBLE)"
        if axis == "number"
        else "CAST(unix_timestamp(CAST(x AS TIMESTAMP)) AS DOUBLE)"
    )
    # Nearly all values: one wrong year would make a month of trips one point.
    middle = f"percentile_approx({measure}, array(0.01, 0.99))"
    edges, values = base.selectExpr(middle, "approx_count_distinct(x)").first()
    if values <= MOST_STEPS:
        return base, None
    low, high = edges
    if is_log:
        ratio = (high - low) / MOST_STEPS or 1.0
        return base.withColumn(
            "x", F.pow(F.lit(10.0), F.floor(F.log10("x") / F.lit(ratio)) * F.lit(ratio))
        ), "equal ratios"
    if axis == "number":
        step = _round_step((high / MOST_STEPS - low / MOST_STEPS) or 1.0)
        return base.withColumn("x", F.floor(F.col("x") / F.lit(step)) * F.lit(step)), step
    unit = next((unit for unit, long_s in TIME_STEPS_S.items() if (high - low) / long_s <= MOST_STEPS), "year")
    rounded = f"date_trunc('{unit}', x)"
    return base.withColumn("x", F.expr(f"CAST({rounded} AS DATE)" if axis == "date" else rounded)), unit


def _round_step(step: float) -> float:
    """The next one of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((power * times for times in (1, 2, 5, 10) if power * times >= step), power * 10)
