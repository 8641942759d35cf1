"""Dates and moments outside Python's years, for the eye."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.frames.far_years import far_values
from fabric_livy_magic.frames.shown_columns import columns_of

FIRST, LAST = dt.date.min.toordinal() - dt.date(1970, 1, 1).toordinal(), 2_932_896
FAR = [
    (LAST + 1, "+10000-01-01"),
    (FIRST - 1, "0000-12-31"),
    (FIRST - 367, "-0001-12-31"),
]


def column(values: Any, kind: Any) -> Any:
    return pa.chunked_array([pa.array(values, type=kind)])


@pytest.mark.parametrize(("days", "text"), FAR)
def test_a_far_date_is_sparks_text(days: int, text: str) -> None:
    assert far_values(column([days, None, 0], pa.date32())) == [text, None, dt.date(1970, 1, 1)]


@given(st.integers(-(2**31), 2**31 - 1))
def test_every_date_is_that_of_numpy(days: int) -> None:
    values = far_values(column([days], pa.date32()))
    text = str(np.datetime64(days, "D"))
    assert values == ([text if text[0] in "-0" else f"+{text}"] if not FIRST <= days <= LAST else None)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (None, "+12345-01-01 01:01:01.5"),
        ("UTC", "+12345-01-01 01:01:01.5"),
        ("Europe/Berlin", "+12345-01-01 02:01:01.5"),
        ("+05:30", "+12345-01-01 06:31:01.5"),
        ("GMT-02:00", "+12344-12-31 23:01:01.5"),
        ("No/Such", "+12345-01-01 01:01:01.5"),
    ],
)
def test_a_far_moment_is_sparks_text_in_the_columns_zone(zone: str | None, text: str) -> None:
    micros = ((dt.datetime(2345, 1, 1, 1, 1, 1) - dt.datetime(1970, 1, 1)).days + 25 * 146_097) * 86_400_000_000
    micros += (3600 + 61) * 1_000_000 + 500_000
    assert far_values(column([micros, None], pa.timestamp("us", tz=zone))) == [text, None]


def test_all_moments_of_arrow_have_a_text() -> None:
    ends = column([-(2**63), 2**63 - 1], pa.timestamp("us"))
    assert far_values(ends) == ["-290308-12-21 19:59:05.224192", "+294247-01-10 04:00:54.775807"]
    assert far_values(column([10**12], pa.timestamp("s"))) == ["+33658-09-27 01:46:40"]


def test_far_dates_are_found_within_arrays_structs_and_maps() -> None:
    far, near = LAST + 1, 0
    pair = pa.struct([("a", pa.date32()), ("a", pa.int32())])
    structs = pa.StructArray.from_arrays([pa.array([far], pa.date32()), pa.array([7])], names=["a", "a"])
    assert far_values(column([[far, near, None]], pa.list_(pa.date32()))) == [
        ["+10000-01-01", dt.date(1970, 1, 1), None]
    ]
    assert far_values(column([[("k", far)]], pa.map_(pa.string(), pa.date32()))) == [[("k", "+10000-01-01")]]
    assert far_values(pa.chunked_array([structs.cast(pair)])) == [{"a_0": "+10000-01-01", "a_1": 7}]


@given(st.dates(), st.datetimes())
def test_a_column_of_pythons_own_years_is_left_to_pandas(date: dt.date, moment: dt.datetime) -> None:
    for values, kind in (([date], pa.date32()), ([moment], pa.timestamp("us")), ([[date]], pa.list_(pa.date32()))):
        assert far_values(column(values, kind)) is None
    assert far_values(column(["x"], pa.string())) is None


def test_rows_keep_the_values_of_the_other_columns() -> None:
    table = pa.table({"n": [1, None], "d": column([LAST + 1, None], pa.date32()), "s": ["x", "y"]})
    assert columns_of(table) == [[1, None], ["+10000-01-01", None], ["x", "y"]]
