"""Frames from Spark to pandas and back, on real Spark: every animal of the zoo, and random ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames import from_any, to_pandas
from fabric_livy_magic.transfer import fetch, send
from tests.in_process import Agent, spark_session
from tests.zoo import ONE_WAY, STR, ZOO, Animal, same

pytestmark = pytest.mark.spark
ZONE = "Europe/Berlin"
TEXT_DTYPE = str(pd.Series(["x"]).dtype)


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    with spark_session(ZONE) as spark:
        yield Agent(spark)


def values_of(series: pd.Series[Any]) -> list[Any]:
    """Its values as Python's, null as None."""
    if isinstance(series.dtype, pd.ArrowDtype):
        return series.array._pa_array.to_pylist()  # type: ignore[attr-defined]
    if series.dtype.kind == "f" and not pd.api.types.is_extension_array_dtype(series.dtype):
        return series.tolist()
    if str(series.dtype) == "object":
        return series.tolist()
    values = [None if gone else value for value, gone in zip(series, series.isna(), strict=True)]
    return [value.item() if hasattr(value, "item") else value for value in values]


def types_of(frame: Any) -> str:
    text: str = frame._jdf.schema().simpleString()
    return text


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_a_frame_of_the_zoo_comes_and_goes_back(agent: Agent, animal: Animal) -> None:
    if tuple(map(int, agent.spark.version.split(".")[:2])) < animal.spark:
        pytest.skip(f"Spark {agent.spark.version} does not have it")
    source = eval(animal.python, {"spark": agent.spark})
    agent.namespace["source"] = source
    header = agent("open_sql", animal.sql, None, None) if animal.sql else agent("open_expression", "source", None)
    table = fetch(agent, header)
    frame = to_pandas(table, header["schema"])

    assert list(frame.columns) == [name for name, _, _ in animal.columns]
    assert len(frame) == (len(animal.columns[0][2]) if animal.columns else animal.rows)
    for position, (name, dtype, wanted) in enumerate(animal.columns):
        column = frame.iloc[:, position]
        assert str(column.dtype) == dtype.replace(STR, TEXT_DTYPE).format(zone=ZONE), name
        got = values_of(column)
        assert same(got, wanted), f"{name}: {got} instead of {wanted}"

    if animal.back == ONE_WAY:
        with pytest.raises(FrameError, match="Column 'c'"):
            send(agent, from_any(frame), "zoo")
        return
    send(agent, from_any(frame), "zoo")
    returned = agent.namespace["zoo"]
    assert types_of(returned) == (animal.back or types_of(source))
    again_header = agent("open_expression", "zoo", None)
    again = to_pandas(fetch(agent, again_header), again_header["schema"])
    assert list(again.columns) == list(frame.columns)
    assert len(again) == len(frame)
    for position in range(frame.shape[1]):
        first, second = frame.iloc[:, position], again.iloc[:, position]
        assert first.dtype == second.dtype
        assert same(values_of(second), values_of(first))
