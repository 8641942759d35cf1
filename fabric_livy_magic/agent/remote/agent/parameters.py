"""SQL parameters: typed values as literal columns of Spark."""

from __future__ import annotations

import base64
import datetime
import decimal
import re
from typing import Any

from .errors import Refused


def is_connect(value: Any) -> bool:
    """Whether a session or DataFrame is Spark Connect's, by its type: a DataFrame there may take every name for that of a column, so
    that `hasattr` says nothing."""
    return any(one.__module__.startswith("pyspark.sql.connect.") for one in type(value).__mro__)


def argument(spark: Any, value: list[Any]) -> Any:
    """A typed value as a literal column. Spark 3 takes no other argument, and Spark 4 no array that needs casts."""
    column = literal_column(value)
    if value[0] != "list" or is_connect(spark):
        return column
    from pyspark.sql import Column

    plan = spark.range(1).select(column)._jdf.queryExecution().optimizedPlan()  # folded to one literal, elements cast
    sql = spark._jvm.org.apache.spark.sql
    column_of = sql.Column if version_of(spark) < (4,) else sql.classic.ExpressionUtils.column
    return Column(column_of(plan.expressions().head().child()))


def literal_column(value: list[Any]) -> Any:
    """[type, content] as a column. Text goes into SQL only after Python has parsed it as a value of its type."""
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    kind, content = value
    if kind == "null":
        return F.lit(None)
    if kind in ("bool", "str"):
        return F.lit(content)
    if kind == "int":
        number = int(content)
        return F.lit(number if -(2**63) <= number < 2**63 else decimal.Decimal(number))
    if kind == "float":
        return F.lit(float.fromhex(content))
    if kind == "decimal":
        return F.lit(
            decimal.Decimal(format(decimal.Decimal(content), "f"))
        )  # Spark has no negative scale, as 1E+3 would have
    if kind == "date":
        return F.expr(f"DATE '{datetime.date.fromisoformat(content).isoformat()}'")
    if kind == "datetime":
        moment = datetime.datetime.fromisoformat(content)
        return F.expr(f"{'TIMESTAMP_LTZ' if moment.tzinfo else 'TIMESTAMP_NTZ'} '{moment.isoformat(' ')}'")
    if kind == "bytes":
        return F.expr(f"X'{base64.b64decode(content, validate=True).hex()}'")
    if kind == "timedelta":
        days, seconds, micros = map(int, content.split())
        return F.expr(_day_time_interval((days * 86400 + seconds) * 1000000 + micros))
    if kind == "list":
        return F.array(*[literal_column(one) for one in content])
    raise Refused(f"A parameter of an unknown type {kind!r}: the client is newer than its agent.")


def _day_time_interval(micros: int) -> str:
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1000000)
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"
    return f"INTERVAL '{sign}{days} {clock}' DAY TO SECOND"


def version_of(spark: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", spark.version)[:2])
