"""Variables of the session as SQL parameters: each as [type, content], as `parameters` takes it. They never leave the session."""

from __future__ import annotations

import base64
import datetime
import decimal
import os
import pathlib
import uuid
from typing import Any

from .errors import Refused

SUPPORTED_TYPES = "str, int, float, bool, None, date, datetime, timedelta, Decimal, bytes, and lists of these"
MOST_DIGITS = 38  # of Spark's widest decimal


def known(namespace: dict[str, Any], names: list[str]) -> list[str]:
    """Those of the names that are variables of the session. Raises Refused for one whose value SQL cannot take."""
    found = [name for name in names if name in namespace]
    values_of(namespace, found)
    return found


def values_of(namespace: dict[str, Any], names: list[str]) -> dict[str, list[Any]]:
    values = {}
    for name in names:
        try:
            values[name] = typed(namespace[name])
        except Refused as error:
            text = f"The session's variable {name} cannot be the SQL parameter :{name}. {error}"
            raise Refused(f"{text} `-p {name}=EXPRESSION` takes a value of the Python beside the session.") from None
    return values


def typed(value: Any) -> list[Any]:
    """Takes also numpy, pandas and pyarrow scalars and one-dimensional arrays."""
    if hasattr(value, "as_py"):  # a scalar of pyarrow
        value = value.as_py()
    elif getattr(value, "shape", None) == () and hasattr(value, "item") and not isinstance(value, datetime.datetime):
        value = _scalar_of_numpy(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ["null", None]
    for types, kind, content in _TEXT_OF:
        if isinstance(value, types):
            return [kind, content(value)]
    if isinstance(value, (list, tuple)):
        return ["list", [typed(one) for one in value]]
    if hasattr(value, "to_list") or (hasattr(value, "tolist") and getattr(value, "ndim", 1) == 1):
        return ["list", [typed(one) for one in value]]
    more = " Make it a list first." if isinstance(value, (set, frozenset, range)) else ""
    name = type(value).__name__
    raise Refused(f"It is of the type {name}; what SQL can take: {SUPPORTED_TYPES}.{more}")


def _scalar_of_numpy(value: Any) -> Any:
    plain = value.item()
    if getattr(value.dtype, "kind", "") not in ("M", "m") or not isinstance(plain, int):
        return plain
    # It is of nanoseconds, or outside Python's years.
    try:
        in_microseconds = value.astype(f"{'datetime64' if value.dtype.kind == 'M' else 'timedelta64'}[us]")
        plain = in_microseconds.item() if in_microseconds == value else plain
    except TypeError:  # of years or months, whose length depends on where they start
        pass
    if isinstance(plain, int):
        raise Refused(f"{value!r} cannot be told in whole microseconds of the years 1 to 9999, as Spark's times are.")
    return plain


def _int(value: Any) -> str:
    if abs(value) >= 10**MOST_DIGITS:
        raise Refused(f"An integer of more than {MOST_DIGITS} digits fits no type of Spark; give it as a str.")
    return int.__repr__(value)


def _decimal(value: Any) -> str:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or max(len(digits), -exponent) + max(exponent, 0) > MOST_DIGITS:
        raise Refused(f"Spark's decimals have at most {MOST_DIGITS} digits, and no {value}.")
    return str(value)


def _microseconds(value: Any) -> Any:
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise Refused(f"{value} has nanoseconds, Spark's times have microseconds; round it with .round('us').")
    return value


def _interval(value: Any) -> str:
    return f"{value.days} {value.seconds} {_microseconds(value).microseconds}"


# In this order: a bool is an int, a datetime a date.
_TEXT_OF: list[tuple[Any, str, Any]] = [
    (bool, "bool", bool),
    (int, "int", _int),
    (float, "float", float.hex),
    (str, "str", str.__str__),
    (decimal.Decimal, "decimal", _decimal),
    ((bytes, bytearray, memoryview), "bytes", lambda value: base64.b64encode(value).decode()),
    (datetime.datetime, "datetime", lambda value: datetime.datetime.isoformat(_microseconds(value))),
    (datetime.date, "date", datetime.date.isoformat),
    (datetime.timedelta, "timedelta", _interval),
    (pathlib.PurePath, "str", os.fspath),
    (uuid.UUID, "str", str),
]
