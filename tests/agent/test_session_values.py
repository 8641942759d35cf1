"""A session's variables as SQL parameters: the session reads a value as the client reads one of its own, or refuses it as well."""

from __future__ import annotations

import datetime as dt
import enum
import math
import pathlib
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent import session_values
from fabric_livy_magic.agent.remote.agent.errors import Refused
from fabric_livy_magic.cells.sql_parameters import typed_value
from fabric_livy_magic.errors import SettingsError


class Day(enum.StrEnum):
    FIRST = "2024-01-01"


VALUES = [
    None, True, 3, -(2**64), 0.1, math.inf, "it's :x -- \n", Day.FIRST, Decimal("1E+3"), b"\0\xff", bytearray(b"a"),
    dt.date(2024, 2, 29), dt.datetime(1, 1, 1, 0, 0, 0, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.timedelta(-2, 5, 7),
    [1, None, "x"], (1.5, [Decimal("2.50")]), pathlib.PurePosixPath("a/b"), uuid.UUID(int=7), np.int8(3), np.float64(0.5),
    np.bool_(True), np.str_("s"), np.datetime64("2024-01-01T00:00:00.000001000"), np.datetime64("2024-01-01"),
    np.timedelta64(1500, "ms"), np.array([1, 2]), pd.NA, pd.NaT, pd.Timestamp("2024-01-01 01:02:03"), pd.Timedelta("1s"),
    pd.Series([1.5, 2.5]), pa.scalar(Decimal("1.50")), pa.array(["a", None]),
]  # fmt: skip
REFUSED = [
    object(), {"a": 1}, {1, 2}, range(3), pd.DataFrame({"a": [1]}), 10**38, Decimal("NaN"), Decimal(1).scaleb(-40),
    pd.Timestamp("2024-01-01 00:00:00.000000001"), np.datetime64(1, "ns"), np.timedelta64(1, "Y"), np.zeros((2, 2)), len,
]  # fmt: skip


def named(value: Any) -> str:
    """The same in each process of the tests: without the addresses of objects."""
    return f"{type(value).__name__} {value!r}".partition(" object at 0x")[0][:40]


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_value_is_read_as_the_client_reads_it(value: Any) -> None:
    assert session_values.typed(value) == typed_value(value)


@pytest.mark.parametrize("value", REFUSED, ids=named)
def test_what_the_client_refuses_the_session_refuses(value: Any) -> None:
    with pytest.raises(SettingsError):
        typed_value(value)
    with pytest.raises(Refused):
        session_values.typed(value)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.datetimes(), st.timedeltas(),
    st.decimals(),
)  # fmt: skip


@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=3)))
def test_any_value_is_read_alike_or_refused_by_both(value: Any) -> None:
    try:
        expected = typed_value(value)
    except SettingsError:
        with pytest.raises(Refused):
            session_values.typed(value)
    else:
        assert session_values.typed(value) == expected


def test_only_names_that_the_session_has_are_its_own_and_a_bad_value_is_told_with_its_name() -> None:
    names = {"x": 1, "frame": object()}
    assert session_values.known(names, ["x", "y"]) == ["x"]
    with pytest.raises(Refused, match=r"variable frame cannot be the SQL parameter :frame.*type object.*`-p frame="):
        session_values.known(names, ["frame"])
