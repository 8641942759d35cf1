"""A chart of rows that Spark has grouped: as Vega-Lite, which JupyterLab, Notebook 7 and VS Code draw, and as text."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fabric_livy_magic.output.bundles import Bundle
from fabric_livy_magic.output.chart_text import chart_text
from fabric_livy_magic.output.short_texts import counted, cut
from fabric_livy_magic.output.values import NULL
from fabric_livy_magic.printable import printable
from fabric_livy_magic.running.results import ChartTable

MIME = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.20.1.json"
TYPES = {"number": "quantitative", "date": "temporal", "time": "temporal", "text": "nominal"}
# A chart has the colour of the text around it, on the ground that is there: in an SVG that holds when the theme changes, too. A canvas,
# of a front end that draws no other, keeps the colour it was drawn with.
INK = "currentColor"
LOOK: Mapping[str, Any] = {
    "background": "transparent",
    "usermeta": {"embedOptions": {"renderer": "svg"}},
    "config": {
        "title": {"color": INK, "subtitleColor": INK},
        "style": {"guide-label": {"fill": INK}, "guide-title": {"fill": INK}},
        "axis": {
            "domainColor": INK,
            "domainOpacity": 0.5,
            "tickColor": INK,
            "tickOpacity": 0.5,
            "gridColor": INK,
            "gridOpacity": 0.15,
        },
        "view": {"stroke": INK, "strokeOpacity": 0.15},
    },
}
METADATA: Mapping[str, Any] = {"needs_background": "light"}
"""Of the picture that JupyterLab keeps in the notebook beside the chart, in black, for those that draw no Vega-Lite."""
MARKS: Mapping[str, Any] = {
    "line": {"type": "line", "point": {"size": 12}},
    "bar": "bar",
    "area": {"type": "area", "line": True, "fillOpacity": 0.5},
    "scatter": {"type": "point", "filled": True, "size": 18, "opacity": 0.6},
    "pie": "arc",
    "hist": "bar",
}
BOX_ROLES = ("x", "min", "q1", "median", "q3", "max", "count")
ADDABLE = {"sum", "count"}
WIDTH, WIDTH_BESIDE_LEGEND, HEIGHT = 560, 480, 300
MOST_OF_CONDITION = 80  # characters, in the caption
MOST_OF_LINE = 90


def chart_bundle(table: ChartTable, elapsed_s: float | None = None) -> Bundle:
    asked, names = table.facts["asked"], [printable(name) for name, _ in table.fields]
    roles = _roles(asked)
    points = zip(*table.columns(table.rows), strict=True)
    rows = [dict(zip(roles, map(_drawable, point), strict=True)) for point in points]
    for row in rows:
        for role in ("x", "by"):
            if role in row and row[role] is None and _is_category(table, role):
                row[role] = NULL
        if "y" in asked["log"] and row["y"] is not None and row["y"] <= 0:
            row["y"] = None
    least = min((row["y"] for row in rows if row["y"] is not None), default=None) if "y" in asked["log"] else None
    titles = dict(zip(roles, names, strict=True))
    title, caption = _title(asked, titles), _caption(table, rows, titles, elapsed_s)
    spec = {
        "$schema": SCHEMA,
        **LOOK,
        "description": f"{title}: {caption}",
        "title": {
            "text": title,
            "subtitle": _lines(caption),
            "anchor": "start",
            "fontSize": 13,
            "subtitleFontSize": 11,
        },
        "width": WIDTH_BESIDE_LEGEND if "by" in titles or asked["kind"] == "pie" else WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        **_drawing(asked["kind"], table.facts, {role: _vega_title(name) for role, name in titles.items()}, least),
    }
    return {MIME: spec, "text/plain": chart_text(asked["kind"], rows, titles, title, caption)}


def _roles(asked: Mapping[str, Any]) -> list[str]:
    """What each column of the table is, in their order."""
    if asked["kind"] == "box":
        return list(BOX_ROLES)
    color = ["by"] if asked.get("by") else []
    if asked["kind"] == "hist":
        return ["x", "end", *color, "y"]
    return ["x", "y", *color] if asked["kind"] == "scatter" else ["x", *color, "y"]


def _is_category(table: ChartTable, role: str) -> bool:
    return role == "by" or table.facts["asked"]["kind"] == "pie" or table.facts["axes"].get("x", "text") == "text"


def _drawable(value: Any) -> Any:
    """A value as JSON has it. A time is written as it is shown, without a zone, which Vega takes for its own."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, dt.date):
        return f"{value.isoformat()}T00:00:00"  # without an hour Vega takes it for one of UTC
    return printable(value) if isinstance(value, str) else value


# ------------------------------------------------------------------------------------------------ Vega-Lite
def _drawing(kind: str, facts: Mapping[str, Any], titles: Mapping[str, str], least: float | None) -> dict[str, Any]:
    """`least` is the least value of y on a logarithmic axis."""
    if kind == "box":
        return _boxes(titles, _vega_title(printable(facts["asked"]["y"])))
    x: dict[str, Any] = {"field": "x", "title": titles["x"], "type": TYPES[facts["axes"]["x"]]}
    y: dict[str, Any] = {"field": "y", "title": titles["y"], "type": "quantitative"}
    encoding: dict[str, Any] = {"x": x, "y": y}
    if x["type"] == "nominal":
        x["sort"] = None  # Spark has put them in order
        x["axis"] = {"labelLimit": 120}
    if kind == "hist":
        x["bin"], x["title"] = {"binned": True, "step": facts["step"]}, _vega_title(printable(facts["asked"]["x"]))
        encoding["x2"] = {"field": "end"}
    if kind == "scatter":
        x["scale"] = y["scale"] = {"zero": False}
        if x["type"] == "nominal":
            del x["scale"]
    if kind == "pie":
        color = {"field": "x", "title": titles["x"], "type": "nominal", "sort": None}
        encoding = {"theta": {**y, "stack": True}, "color": color, "order": {"field": "y", "sort": "descending"}}
    elif "by" in titles:
        encoding["color"] = {"field": "by", "title": titles["by"], "type": "nominal"}
        if kind in {"bar", "area"} and facts["asked"]["agg"] not in ADDABLE:
            y["stack"] = None  # an average upon an average is none
        if kind == "bar" and "stack" in y and x["type"] == "nominal":
            encoding["xOffset"] = {"field": "by"}
    if "x" in facts["asked"]["log"]:
        x["scale"] = {"type": "log"}
    if "y" in facts["asked"]["log"]:
        y["scale"], y["stack"] = {"type": "log"}, None
        if kind in {"bar", "hist"} and least:
            y["scale"]["domainMin"] = least / 2  # the bar of the least has a height
    tooltip = [_tip(role, title, _tooltip_type(role, facts)) for role, title in titles.items()]
    return {"mark": MARKS[kind], "encoding": {**encoding, "tooltip": tooltip}}


def _tip(role: str, title: str, kind: str) -> dict[str, Any]:
    return {"field": role, "title": title, "type": kind}


def _vega_title(name: str) -> str:
    """Vega-Lite 5 puts titles into an expression, for tooltips and descriptions, in which it escapes neither a backslash nor a
    line's end."""
    return re.sub(r"\s", " ", name).replace("\\", "⧵")


def _tooltip_type(role: str, facts: Mapping[str, Any]) -> str:
    return TYPES[facts["axes"]["x"]] if role == "x" else "nominal" if role == "by" else "quantitative"


def _boxes(titles: Mapping[str, str], y_title: str) -> dict[str, Any]:
    """From quartiles that Spark has found, which Vega-Lite's own box plot cannot take."""
    tooltip = [_tip(role, titles[role], "nominal" if role == "x" else "quantitative") for role in BOX_ROLES]
    x = {"field": "x", "type": "nominal", "sort": None, "title": titles["x"] or None}

    def between(low: str, high: str, mark: Mapping[str, Any]) -> dict[str, Any]:
        y = {"field": low, "type": "quantitative", "title": y_title, "scale": {"zero": False}}
        return {"mark": mark, "encoding": {"x": x, "y": y, "y2": {"field": high}, "tooltip": tooltip}}

    middle = {
        "mark": {"type": "tick", "color": "white", "size": 24, "thickness": 2},
        "encoding": {"x": x, "y": {"field": "median", "type": "quantitative"}, "tooltip": tooltip},
    }
    return {
        "layer": [
            between("min", "max", {"type": "rule", "color": INK}),
            between("q1", "q3", {"type": "bar", "size": 24}),
            middle,
        ]
    }


# ------------------------------------------------------------------------------------------------ words
def _title(asked: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    x, by = titles.get("x"), f", by {titles['by']}" if "by" in titles else ""
    if asked["kind"] == "scatter":
        return f"{titles['y']} over {x}{by}"
    if asked["kind"] == "hist":
        return f"rows by {printable(asked['x'])}{by}"
    if asked["kind"] == "box":
        return f"{printable(asked['y'])}{f' by {x}' if x else ''}"
    return f"{titles['y']} by {x}{by}"


def _caption(
    table: ChartTable, rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], elapsed_s: float | None
) -> str:
    """What was grouped, over how many rows, and what is not there."""
    asked, step = table.facts["asked"], table.facts["step"]
    total = counted(table.rows_drawn, "row")
    shown = len({row["x"] for row in rows}) if asked["kind"] != "scatter" else len(rows)
    parts = [total]
    if asked["kind"] == "scatter":
        parts = [total if shown == table.rows_drawn else f"a sample of {shown:,} of {total}"]
    elif asked["kind"] != "hist" and shown < table.groups:
        parts.append(f"{shown:,} of {table.groups:,} values of {titles['x']}")
    if step is not None and asked["kind"] != "hist":
        parts.append(f"{titles['x']} {f'in steps of {step:g}' if isinstance(step, float) else f'by {step}'}")
    if table.facts["colors_cut"]:
        parts.append(f"only the {len({row['by'] for row in rows})} most frequent values of {titles['by']}")
    if asked["where"]:
        parts.append(f"where {cut(printable(asked['where']), MOST_OF_CONDITION)}")
    if asked["log"]:
        parts.append(f"log {' and '.join(asked['log'])}: only what is above 0")
    if elapsed_s is not None:
        parts.append(f"{elapsed_s:.1f} s")
    return " · ".join(parts)


def _lines(caption: str) -> str | list[str]:
    """Vega breaks no line by itself."""
    lines = [""]
    for part in caption.split(" · "):
        if lines[-1] and len(lines[-1]) + len(part) > MOST_OF_LINE:
            lines.append("")
        lines[-1] += f" · {part}" if lines[-1] else part
    return lines if len(lines) > 1 else caption
