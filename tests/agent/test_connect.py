"""Sessions and frames of Spark Connect are told by their types: a DataFrame there may take every name for that of a column.

The far end is made up here; only its types and the names that it answers to are Spark Connect's.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from fabric_livy_magic.agent.remote.agent import display, frame_types, frames
from fabric_livy_magic.agent.remote.agent.errors import Refused
from fabric_livy_magic.agent.remote.agent.parameters import is_connect

pytestmark = pytest.mark.spark  # needs the `local` extra


class Schema:
    def json(self) -> str:
        return '{"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": true, "metadata": {}}]}'


class DataFrame:
    """As of `pyspark.sql.connect`: every other name is a column."""

    __module__ = "pyspark.sql.connect.dataframe"
    schema = Schema()

    def __getattr__(self, name: str) -> str:
        return f"Column<{name}>"

    def limit(self, count: int) -> DataFrame:
        return self

    def toDF(self, *names: str) -> DataFrame:  # noqa: N802 - Spark's name
        return self

    def toArrow(self) -> pa.Table:  # noqa: N802 - Spark's name
        return pa.table({"c0": [1, 2]})


class SparkSession:
    __module__ = "pyspark.sql.connect.session"

    def __init__(self, *, is_stopped: bool = False) -> None:
        self.is_stopped = is_stopped

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def test_a_frame_that_answers_to_every_name_is_read_as_arrow() -> None:
    frame = DataFrame()
    assert hasattr(frame, "_collect_as_arrow")
    (batch,) = frames._arrow_batches(frame, frame_types.schema_of(frame)["fields"])
    assert batch.to_pydict() == {"c0": [1, 2]}
    assert frames._limited(frame, 5) is frame


def test_the_session_is_the_users_and_none_is_started() -> None:
    spark = SparkSession()
    assert is_connect(spark)
    assert display.session_of({"spark": spark}) is spark


def test_a_stopped_session_of_connect_is_not_used() -> None:
    assert not display.is_alive(SparkSession(is_stopped=True))


def test_frames_do_not_go_up_where_there_is_no_jvm() -> None:
    with pytest.raises(Refused, match="Spark Connect"):
        frames.publish({}, SparkSession(), "f", 0, "x")


@pytest.mark.parametrize("value", [1, "text", None, object(), pa.table({})])
def test_nothing_else_is_of_connect(value: object) -> None:
    assert not is_connect(value)
