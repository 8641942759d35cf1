"""Values as Spark 3.5's `show()` writes them. Only for the eye: a DataFrame keeps the values that it has."""

from __future__ import annotations

import datetime
import decimal
import itertools
import struct
from collections.abc import Iterable, Mapping
from typing import Any

NULL = "NULL"
SINGLE_CHARACTERS = 8  # a point and up to six digits: those of a number of 32 bits that is not written shorter
MOST_PARTS = 200  # of a nested value: more than a table's cell has characters for


def is_null(value: Any, spark_type: Any = "") -> bool:
    """NaN is a number of Spark's float and double, and pandas' null in a column of texts."""
    if isinstance(value, float) and value != value:
        return spark_type not in {"", "float", "double"}
    return value is None or type(value).__name__ == "NAType"


def is_not_a_time(value: Any) -> bool:
    """pandas' own; Spark has null there."""
    return type(value).__name__ == "NaTType"


def spark_text(value: Any, spark_type: Any = "") -> str:
    """`spark_type` as in Spark's schema JSON; where it is empty, as for a pandas frame of the session, the value tells."""
    if is_null(value, spark_type):
        return NULL
    if isinstance(value, str):
        return value
    if is_not_a_time(value):
        return "NaT"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{bytes(value[:MOST_PARTS]).hex(' ').upper()}]"
    if isinstance(value, Mapping) or is_nested(value):
        return _nested_text(value, spark_type if isinstance(spark_type, Mapping) else {})
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's
        return str(bool(value)).lower()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return float_text(value, is_single=spark_type == "float")
    if isinstance(value, datetime.datetime):
        return moment_text(value)
    return _interval_text(value, str(spark_type)) or str(value)


# ------------------------------------------------------------------------------------------- nested
def is_nested(value: Any) -> bool:
    """A list; an array of numpy, as pandas holds one of Spark; a tuple, except those with names, which are intervals."""
    return isinstance(value, list) or type(value) is tuple or (hasattr(value, "tolist") and hasattr(value, "__len__"))


def _nested_text(value: Any, spark_type: Mapping[str, Any]) -> str:
    kind = spark_type.get("type")
    if kind == "udt":
        return vector_text(value) or _nested_text(value, _mapping(spark_type.get("sqlType")))
    if isinstance(value, Mapping) and kind != "map":
        fields = spark_type.get("fields") or ()
        types = itertools.chain((one.get("type") for one in fields), itertools.repeat(""))
        return f"{{{_joined(spark_text(one, of) for one, of in zip(value.values(), types, strict=False))}}}"
    items = value.items() if isinstance(value, Mapping) else value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, Iterable):  # an array of numpy without dimensions
        return spark_text(items)
    items = list(itertools.islice(items, MOST_PARTS))
    # A map is a list of pairs in a frame; nothing else in one is a tuple.
    if kind == "map" or (not kind and items and all(isinstance(one, tuple) and len(one) == 2 for one in items)):
        key_type, value_type = spark_type.get("keyType", ""), spark_type.get("valueType", "")
        return f"{{{_joined(f'{spark_text(key, key_type)} -> {spark_text(one, value_type)}' for key, one in items)}}}"
    return f"[{_joined(spark_text(one, spark_type.get('elementType', '')) for one in items)}]"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(itertools.islice(parts, MOST_PARTS))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def vector_text(value: Any) -> str:
    """A vector of Spark's ML, as Spark writes it: `[1.0,0.0]`, `(3,[0],[1.0])`; empty for another value."""
    if (
        not isinstance(value, Mapping)
        or list(value) != ["type", "size", "indices", "values"]
        or value["values"] is None
    ):
        return ""
    numbers = f"[{','.join(spark_text(one, 'double') for one in value['values'])}]"
    if value["type"]:
        return numbers
    return f"({value['size']},[{','.join(map(str, value['indices']))}],{numbers})"


# ------------------------------------------------------------------------------------------- numbers and times
def float_text(value: float, *, is_single: bool) -> str:
    """As Java has it: 1.0E-9, Infinity."""
    text = repr(float(value))
    # Python writes these as Java does. A number of 32 bits with so few digits is its own shortest text.
    if 1e-3 <= abs(value) < 1e7 and (not is_single or len(text) < SINGLE_CHARACTERS):
        return text
    if value != value:
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    number = decimal.Decimal(_shortest_single(value) if is_single else text)
    if number == 0:
        return f"{float(value):.1f}"
    if decimal.Decimal("1e-3") <= abs(number) < decimal.Decimal("1e7"):
        text = f"{number:f}"
        return text if "." in text else f"{text}.0"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    return f"{'-' if number < 0 else ''}{digits[0]}.{digits[1:] or '0'}E{number.adjusted()}"


def _shortest_single(value: float) -> str:
    """The fewest digits that give the same number of 32 bits."""
    texts = (f"{float(value):.{digits}g}" for digits in range(1, 10))
    return next((text for text in texts if _as_single(float(text)) == _as_single(value)), repr(float(value)))


def _as_single(value: float) -> bytes:
    try:
        return struct.pack("f", value)
    except OverflowError:  # no number of 32 bits
        return b""


def moment_text(moment: datetime.datetime) -> str:
    """In the session's time zone, which is UTC, without a zone; the fraction without its last zeros."""
    text = str(moment).removesuffix("+00:00")
    if "." not in text:
        return text
    whole, dot, rest = text.partition(".")
    fraction = rest[:6].rstrip("0") if dot else ""
    return f"{whole}.{fraction}{rest[6:]}" if fraction else f"{whole}{rest[6:]}"


_UNITS = {"day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}


def _interval_text(value: Any, spark_type: str) -> str:
    """`INTERVAL '1 02:03:04' DAY TO SECOND`; empty for what is none of Spark's two kinds with units."""
    if not spark_type.startswith("interval "):
        return ""
    first, _, last = spark_type.removeprefix("interval ").partition(" to ")
    if isinstance(value, datetime.timedelta) and first in _UNITS and (last or first) in _UNITS:
        sign, text = _days_and_times(value, first, last or first)
    elif first in {"year", "month"} and hasattr(value, "months"):
        sign, months = ("-" if value.months < 0 else ""), abs(value.months)
        text = f"{months // 12}-{months % 12}" if last else str(months // 12 if first == "year" else months)
    else:
        return ""
    return f"INTERVAL '{sign}{text}' {spark_type.removeprefix('interval ').upper()}"


def _days_and_times(value: datetime.timedelta, first: str, last: str) -> tuple[str, str]:
    micros = value // datetime.timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    names = list(_UNITS)
    parts: list[str] = []
    for name in names[names.index(first) : names.index(last) + 1]:
        count, micros = divmod(micros, _UNITS[name])
        parts.append(f"{count:02}" if name != "day" else str(count))
    if last == "second" and micros:
        parts[-1] += f".{micros:06}".rstrip("0")
    days = f"{parts.pop(0)} " if first == "day" and len(parts) > 1 else ""
    return sign, days + ":".join(parts)
