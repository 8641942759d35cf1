"""Parquet files for Spark: of frames, and of files that pandas has written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.parquet import readable_parquet, write_parquet

MOMENT = pd.Timestamp("2024-01-31 10:00:00.123456")


def test_nanoseconds_of_pandas_become_microseconds_also_within_values(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    nested = pa.array([[{"at": MOMENT.value}]], pa.list_(pa.struct([("at", pa.timestamp("ns"))])))
    table = pa.table({"t": pa.array([MOMENT.value], pa.timestamp("ns", "UTC")), "n": nested, "x": [1]})
    pq.write_table(table, file)
    made = readable_parquet(file, tmp_path)
    assert made != file
    found = pq.read_table(made)
    assert found.schema.field("t").type == pa.timestamp("us", "UTC")
    assert found.schema.field("n").type.value_type.field("at").type == pa.timestamp("us")
    assert found.to_pylist() == table.to_pylist()


def test_a_file_without_nanoseconds_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": pa.array([0], pa.timestamp("us"))}), file)
    assert readable_parquet(file, tmp_path) == file


def test_nanoseconds_that_would_be_lost_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": pa.array([MOMENT.value + 1], pa.timestamp("ns"))}), file)
    with pytest.raises(FrameError, match="Round them first"):
        readable_parquet(file, tmp_path)


def test_what_is_no_parquet_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("id,name")
    with pytest.raises(FrameError, match=r"a\.parquet is no Parquet file"):
        readable_parquet(tmp_path / "a.parquet", tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [(pd.Series([None, None], dtype=object), "nulls alone"), (pd.to_timedelta(["1 day", "2 days"]), "intervals")],
)
def test_columns_that_no_table_holds_are_refused_with_their_name(tmp_path: Path, values: object, message: str) -> None:
    with pytest.raises(FrameError, match=f"Column 'odd' has {message}"):
        write_parquet(pd.DataFrame({"id": [1, 2], "odd": values}), tmp_path / "a.parquet")
