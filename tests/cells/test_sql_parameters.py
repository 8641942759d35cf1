"""Python values become typed JSON without loss; missing and unsupported values are reported."""

from __future__ import annotations

import base64
import enum
import json
import math
import pathlib
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_livy_magic.cells.sql_parameters import bind, typed_value
from fabric_livy_magic.errors import SettingsError


class Borough(enum.StrEnum):
    QUEENS = "queens"


class Level(enum.IntEnum):
    HIGH = 3


class Plain(enum.Enum):
    A = 1


VALUES: dict[str, tuple[Any, Any]] = {
    "None": (None, ["null", None]),
    "bool": (True, ["bool", True]),
    "int": (-(10**38) + 1, ["int", "-" + "9" * 38]),
    "float": (3.0, ["float", "0x1.8000000000000p+1"]),
    "NaN": (math.nan, ["float", "nan"]),
    "infinity": (-math.inf, ["float", "-inf"]),
    "str": ("it's\n😀", ["str", "it's\n😀"]),
    "date": (date(2024, 1, 31), ["date", "2024-01-31"]),
    "naive datetime": (datetime(2024, 1, 31, 12, 0, 0, 5), ["datetime", "2024-01-31T12:00:00.000005"]),
    "aware datetime": (datetime(2024, 1, 31, tzinfo=UTC), ["datetime", "2024-01-31T00:00:00+00:00"]),
    "timedelta": (timedelta(seconds=-1), ["timedelta", "-1 86399 0"]),
    "Decimal": (Decimal("1.50"), ["decimal", "1.50"]),
    "bytes": (b"\x00\xff", ["bytes", "AP8="]),
    "bytearray": (bytearray(b"\x00\xff"), ["bytes", "AP8="]),
    "list": ([1, (None, "a")], ["list", [["int", "1"], ["list", [["null", None], ["str", "a"]]]]]),
    "path": (pathlib.PurePosixPath("/lake/a b"), ["str", "/lake/a b"]),
    "UUID": (uuid.UUID(int=1), ["str", "00000000-0000-0000-0000-000000000001"]),
    "str enum": (Borough.QUEENS, ["str", "queens"]),
    "int enum": (Level.HIGH, ["int", "3"]),
    "numpy bool": (np.bool_(False), ["bool", False]),
    "numpy int": (np.uint64(2**64 - 1), ["int", "18446744073709551615"]),
    "numpy float": (np.float64(0.1), ["float", (0.1).hex()]),
    "numpy float32": (np.float32(0.5), ["float", (0.5).hex()]),
    "numpy str": (np.str_("a"), ["str", "a"]),
    "numpy day": (np.datetime64("2024-01-31"), ["date", "2024-01-31"]),
    "numpy nanoseconds": (np.datetime64("2024-01-31T00:00:00.5", "ns"), ["datetime", "2024-01-31T00:00:00.500000"]),
    "numpy NaT": (np.datetime64("NaT", "ns"), ["null", None]),
    "numpy timedelta": (np.timedelta64(1500, "ns") * 2, ["timedelta", "0 0 3"]),
    "numpy array": (np.array([1, 2]), ["list", [["int", "1"], ["int", "2"]]]),
    "numpy array of one value": (np.array(1), ["int", "1"]),
    "pandas timestamp": (pd.Timestamp("2024-01-31 12:00"), ["datetime", "2024-01-31T12:00:00"]),
    "pandas timestamp with zone": (
        pd.Timestamp("2024-01-31", tz="Europe/Berlin"),
        ["datetime", "2024-01-31T00:00:00+01:00"],
    ),
    "pandas timedelta": (pd.Timedelta(days=1, microseconds=2), ["timedelta", "1 0 2"]),
    "pandas NaT": (pd.NaT, ["null", None]),
    "pandas NA": (pd.NA, ["null", None]),
    "pandas series": (pd.Series([1, None], dtype="Int64"), ["list", [["int", "1"], ["null", None]]]),
    "pandas index": (pd.Index(["a"]), ["list", [["str", "a"]]]),
    "pyarrow scalar": (pa.scalar(Decimal("1.5")), ["decimal", "1.5"]),
    "pyarrow array": (pa.array([1, None]), ["list", [["int", "1"], ["null", None]]]),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "frame": (pd.DataFrame({"a": [1]}), "type pandas.*DataFrame.*%livy put"),
    "set": ({1}, "type set .* list"),
    "dict": ({"a": 1}, "type dict .*str, int, float"),
    "class": (date, "type type "),
    "function": (len, "type builtin_function_or_method"),
    "time": (time(1), "type datetime.time"),
    "enum": (Plain.A, "Plain"),
    "complex": (np.complex128(1), "type complex"),
    "matrix": (np.zeros((2, 2)), "type numpy.ndarray"),
    "long double": (np.longdouble(1), "longdouble"),
    "inside a list": ([1, [{1}]], "type set"),
    "int too large": (10**38, "38 digits"),
    "Decimal too large": (Decimal("1E+38"), "38 digits"),
    "Decimal too fine": (Decimal("1E-39"), "38 digits"),
    "Decimal NaN": (Decimal("NaN"), "no NaN"),
    "nanoseconds of pandas": (pd.Timestamp("2024-01-31 00:00:00.000000001"), "nanoseconds"),
    "nanoseconds of numpy": (np.datetime64(1, "ns"), "whole microseconds"),
    "year 10000": (np.datetime64("10000-01-01", "D"), "years 1 to 9999"),
    "months": (np.timedelta64(1, "M"), "whole microseconds"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_has_its_type_and_text(name: str) -> None:
    value, wanted = VALUES[name]
    assert typed_value(value) == wanted
    assert json.loads(json.dumps(typed_value(value))) == wanted


@pytest.mark.parametrize("name", REFUSED)
def test_what_sql_cannot_take_is_refused(name: str) -> None:
    value, why = REFUSED[name]
    with pytest.raises(SettingsError, match=why):
        typed_value(value)


def untyped(value: list[Any]) -> Any:
    """The way back, as the remote side could go it."""
    kind, text = value
    match kind:
        case "int":
            return int(text)
        case "float":
            return float.fromhex(text)
        case "decimal":
            return Decimal(text)
        case "date":
            return date.fromisoformat(text)
        case "datetime":
            return datetime.fromisoformat(text)
        case "timedelta":
            return timedelta(*map(int, text.split()))
        case "bytes":
            return base64.b64decode(text)
        case "list":
            return [untyped(one) for one in text]
    return text


ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(seconds=3208))])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(timezones=ZONES).map(lambda moment: moment.replace(fold=0)),
    st.timedeltas(),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30),
)


@settings(max_examples=60)
@given(st.recursive(SCALARS, st.lists))
def test_values_come_back_as_they_were(value: Any) -> None:
    back = untyped(json.loads(json.dumps(typed_value(value))))
    assert repr(back) == repr(value)


def test_only_the_named_parameters_are_bound() -> None:
    assert bind(["a"], {"a": 1, "b": {1}}) == {"a": ["int", "1"]}


def test_all_missing_names_are_reported_with_how_to_set_them() -> None:
    with pytest.raises(SettingsError) as missing:
        bind(["fares", "here", "borough", "x"], {"fare": 1, "here": 2, "_borough": 3})
    message = str(missing.value)
    assert ":fares, :borough and :x" in message
    assert "Did you mean 'fare'?" in message
    assert ":here" not in message
    assert "_borough" not in message
    assert "-p fares=<expression>" in message


def test_a_value_that_cannot_be_bound_is_reported_with_its_name() -> None:
    with pytest.raises(SettingsError, match=r":ids .*type set"):
        bind(["ids"], {"ids": {1}})
