"""Python values for the `:name` markers of a SQL statement, as [type, value] in JSON. Pure.

They are never formatted into the SQL text: the agent turns each into a Spark literal of its type.
"""

from __future__ import annotations

import base64
import os
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean

MOST_DIGITS = 38  # of Spark's widest decimal
SUPPORTED_TYPES = "str, int, float, bool, None, date, datetime, timedelta, Decimal, bytes, and lists of these"

TypedValue = list[Any]


def bind(names: Sequence[str], lookup: Mapping[str, Any]) -> dict[str, TypedValue]:
    """A typed value for each name. Raises SettingsError with all names that have no value."""
    if missing := [name for name in names if name not in lookup]:
        raise SettingsError(_missing_message(missing, lookup))
    values = {}
    for name in names:
        try:
            values[name] = typed_value(lookup[name])
        except SettingsError as error:
            raise SettingsError(f"The SQL parameter :{name} has no value that SQL can take. {error}") from None
    return values


def _missing_message(names: Sequence[str], lookup: Mapping[str, Any]) -> str:
    known = [name for name in lookup if not name.startswith("_")]
    markers = " and ".join(filter(None, [", ".join(f":{name}" for name in names[:-1]), f":{names[-1]}"]))
    suggestions = "".join(did_you_mean(name, known) for name in names)
    return (
        f"The SQL asks for {markers}, and there {'is no variable' if len(names) == 1 else 'are no variables'} of that"
        f" name.{suggestions} Set a notebook variable `{names[0]}`, or give the value with `-p {names[0]}=<expression>`."
    )


def typed_value(value: Any) -> TypedValue:
    """Takes also numpy, pandas and pyarrow scalars and one-dimensional arrays, without importing those libraries."""
    match value:
        case None:
            return ["null", None]
        case bool():
            return ["bool", value]
        case int():
            return ["int", _int(value)]
        case float():
            return ["float", float.hex(value)]
        case str():
            return ["str", str.__str__(value)]  # the value of an enum's member, not its name
        case Decimal():
            return ["decimal", _decimal(value)]
        case bytes() | bytearray() | memoryview():
            return ["bytes", base64.b64encode(value).decode()]
        case list() | tuple():
            return ["list", [typed_value(one) for one in value]]
        case pathlib.PurePath():
            return ["str", os.fspath(value)]
        case uuid.UUID():
            return ["str", str(value)]
    if _is_missing(value):
        return ["null", None]
    match value:
        case datetime():
            _refuse_nanoseconds(value)
            return ["datetime", datetime.isoformat(value)]
        case date():
            return ["date", date.isoformat(value)]
        case timedelta():
            _refuse_nanoseconds(value)
            return ["timedelta", f"{value.days} {value.seconds} {value.microseconds}"]
    return _typed_library_value(value)


def _int(value: int) -> str:
    if abs(value) >= 10**MOST_DIGITS:
        raise SettingsError(f"An integer of more than {MOST_DIGITS} digits fits no type of Spark; give it as a str.")
    return int.__repr__(value)


def _decimal(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise SettingsError(f"Spark's decimals have no {value}; give it as a float.")
    if max(len(digits), -exponent) + max(exponent, 0) > MOST_DIGITS:
        raise SettingsError(
            f"{value} has more than the {MOST_DIGITS} digits of Spark's decimals; round it, or give a float."
        )
    return str(value)


def _is_missing(value: Any) -> bool:
    """Whether it is pandas.NA or NaT. The latter is a datetime and equals nothing."""
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in {"NAType", "NaTType"}


def _refuse_nanoseconds(value: Any) -> None:
    """Those of a pandas Timestamp or Timedelta: Spark's times have microseconds."""
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise SettingsError(f"{value} has nanoseconds, Spark's times have microseconds; round it with .round('us').")


def _typed_library_value(value: Any) -> TypedValue:
    """A scalar or an array of numpy, pandas, polars or pyarrow, by the methods that they share."""
    kind = type(value)
    if hasattr(value, "as_py"):  # a scalar of pyarrow
        return typed_value(value.as_py())
    if getattr(getattr(value, "dtype", None), "kind", "") in {"M", "m"} and getattr(value, "shape", None) == ():
        return _typed_numpy_time(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item") and type(plain := value.item()) is not kind:
        return typed_value(plain)
    if hasattr(value, "to_list") or (hasattr(value, "tolist") and getattr(value, "ndim", 1) == 1):
        return ["list", [typed_value(one) for one in value]]
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    frame = " A frame goes up as a table: `%livy put`." if kind.__name__ == "DataFrame" else ""
    sets = " Make it a list first." if isinstance(value, set | frozenset | range) else ""
    raise SettingsError(f"A value of type {name} cannot be a SQL parameter; what can: {SUPPORTED_TYPES}.{frame}{sets}")


def _typed_numpy_time(value: Any) -> TypedValue:
    plain = value.item()
    if isinstance(plain, int):  # numpy returns one for nanoseconds and for times outside Python's types
        try:
            in_microseconds = value.astype(f"{'datetime64' if value.dtype.kind == 'M' else 'timedelta64'}[us]")
            plain = in_microseconds.item() if in_microseconds == value else plain
        except TypeError:  # a timedelta64 of years or months, whose length depends on where it starts
            pass
    if isinstance(plain, int):
        raise SettingsError(
            f"{value!r} cannot be told in whole microseconds of the years 1 to 9999, as Spark's times are."
        )
    return typed_value(plain)
