"""Every sample frame from Spark to pandas and back, by the public API and the real agent, on the embedded Fabric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.running.results import Table
from fabric_livy_magic.sessions.session import Session
from tests.support import service
from tests.support.sample_frames import NOT_SENDABLE, SAMPLE_FRAMES, STR, SampleFrame, same_values, values_of

pytestmark = pytest.mark.spark
ZONE = "Europe/Berlin"
TEXT_DTYPE = str(pd.Series(["x"]).dtype)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with (
        service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN)) as api,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        with connect(api.base, conf={"spark.sql.session.timeZone": ZONE}) as started:
            yield started


@pytest.fixture(scope="module")
def spark_version(session: Session) -> tuple[int, ...]:
    return tuple(map(int, session.run("print(spark.version)").text.split(".")[:2]))


def schema_of(session: Session, name: str) -> str:
    return session.run(f"print({name}._jdf.schema().simpleString())").text


def opened(session: Session, sample: SampleFrame) -> Table:
    if sample.sql:
        return session.run(sample.sql, "sql").tables[0]
    return session.table("source")


@pytest.mark.parametrize("sample", SAMPLE_FRAMES, ids=lambda sample: sample.name)
def test_a_sample_frame_is_fetched_and_sent_back(
    session: Session, spark_version: tuple[int, ...], sample: SampleFrame
) -> None:
    if spark_version < sample.spark:
        pytest.skip(f"Spark {spark_version} does not have it")
    session.run(f"source = {sample.python}")
    frame = opened(session, sample).to("pandas")

    assert list(frame.columns) == [name for name, _, _ in sample.columns]
    assert len(frame) == (len(sample.columns[0][2]) if sample.columns else sample.rows)
    for position, (name, dtype, wanted) in enumerate(sample.columns):
        column = frame.iloc[:, position]
        assert str(column.dtype) == dtype.replace(STR, TEXT_DTYPE).format(zone=ZONE), name
        got = values_of(column)
        assert same_values(got, wanted), f"{name}: {got} instead of {wanted}"

    if sample.returned_schema == NOT_SENDABLE:
        with pytest.raises(FrameError, match="Column 'c'"):
            session.put(frame, "returned")
        return
    session.put(frame, "returned")
    assert schema_of(session, "returned") == (sample.returned_schema or schema_of(session, "source"))
    assert_equal(session.frame("returned"), frame)


def assert_equal(again: Any, frame: Any) -> None:
    assert list(again.columns) == list(frame.columns)
    assert len(again) == len(frame)
    for position in range(frame.shape[1]):
        first, second = frame.iloc[:, position], again.iloc[:, position]
        assert first.dtype == second.dtype
        assert same_values(values_of(second), values_of(first))
