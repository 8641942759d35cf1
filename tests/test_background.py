"""Background statements, fan-out over REPLs, and the log of requests, on the embedded Fabric."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from fabric_livy_magic import Session, connect
from fabric_livy_magic.errors import StatementCancelled, StatementError

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = str(tmp_path_factory.mktemp("lakehouse"))
    with connect("local", high_concurrency=True, lakehouse=folder) as one:
        yield one


def test_a_submitted_statement_gives_its_result_later(session: Session) -> None:
    handle = session.submit("6 * 7")
    assert handle.result(60).text == "42"
    assert (handle.state, handle.progress) == ("available", 1.0)
    assert "6 * 7" not in repr(handle)


def test_a_failed_one_raises_when_its_result_is_asked_for(session: Session) -> None:
    handle = session.submit("1 / 0")
    with pytest.raises(StatementError, match="division"):
        handle.result(60)
    assert handle.state == "error"


def test_a_cancelled_one_stops_and_the_session_goes_on(session: Session) -> None:
    handle = session.submit("import time\nwhile True: time.sleep(0.05)")
    handle.cancel()
    with pytest.raises(StatementCancelled):
        handle.result(60)
    assert handle.state == "cancelled"
    assert session.run("1 + 1").text == "2"


def test_map_keeps_the_order_and_its_repls(session: Session) -> None:
    codes = [f"import os, time; time.sleep(0.2); (os.getpid(), {number})" for number in range(6)]
    session.map(codes, repls=2)
    first = len(session.remote._beside)  # type: ignore[attr-defined]
    found = [eval(one.text) for one in session.map(codes, repls=2)]
    assert [number for _, number in found] == list(range(6))
    assert len({pid for pid, _ in found}) == 2
    assert first == len(session.remote._beside) == 1  # type: ignore[attr-defined]


def test_the_log_has_each_request_and_neither_token_nor_code(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="fabric_livy_magic"):
        session.run("'SECRET' + 'CODE'")
        with pytest.raises(StatementError):
            session.run("raise ValueError('SECRET')")
    token = session.remote.client.http._authorization._credential.token().secret  # type: ignore[union-attr]
    assert "POST" in caplog.text
    assert "statements → 200" in caplog.text
    assert "SECRET" not in caplog.text
    assert token not in caplog.text
