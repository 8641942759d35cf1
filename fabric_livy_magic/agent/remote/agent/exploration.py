"""What `%livy explore` asks: which columns a frame has, a chart of it, and the profile of its columns.

The frame is a variable of the session, or a table or view by its name.
"""

from __future__ import annotations

import re
from typing import Any

from . import chart_data, profile
from .errors import Refused
from .suggestions import quoted

PART = r"`(?:[^`]|``)+`|[^`.]+"
PARTS = re.compile(rf"(?:{PART})(?:\.(?:{PART}))*")
PLAIN = re.compile(r"[A-Za-z_]\w*")


def opened(namespace: dict[str, Any], spark: Any, name: str) -> dict[str, Any]:
    """{sql: the table's name as SQL writes it, or None for a variable; columns: [[name, Spark's type, axis or None]]}."""
    frame, sql = _named(namespace, spark, name)
    columns = [[column, kind, chart_data.axis_of(kind)] for column, kind in frame.dtypes]
    return {"sql": sql, "columns": columns}


def chart(namespace: dict[str, Any], spark: Any, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    return chart_data.header(_named(namespace, spark, name)[0], spark, asked)


def profiled(namespace: dict[str, Any], spark: Any, name: str) -> dict[str, Any]:
    return profile.profile_of(_named(namespace, spark, name)[0])


def _named(namespace: dict[str, Any], spark: Any, name: str) -> tuple[Any, str | None]:
    """(frame, name in SQL). A variable that is a frame comes before a table of its name; one in backticks is a table."""
    if name in namespace:
        value = namespace[name]
        try:
            return chart_data.spark_frame(value, spark), None
        except Refused:
            if not _is_table(spark, name):
                raise Refused(
                    f"The variable {name} is no DataFrame but {type(value).__name__}, and there is no table of that name."
                ) from None
    sql = table_name(name)
    return spark.table(sql), sql


def _is_table(spark: Any, name: str) -> bool:
    try:
        return spark.table(table_name(name)) is not None
    except Exception:  # noqa: BLE001 - then there is none that can be read
        return False


def table_name(typed: str) -> str:
    """As SQL takes it. Dots part it, except for those in backticks."""
    parts = re.findall(PART, typed) if PARTS.fullmatch(typed) else []
    return ".".join(one if one[0] == "`" or PLAIN.fullmatch(one) else quoted([one]) for one in parts) or quoted([typed])
