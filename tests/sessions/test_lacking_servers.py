"""Servers that lack something of Livy's API: `connect` works, and says what is not there."""

from __future__ import annotations

import time

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.errors import Interrupted, WaitTimeout
from tests.support.fakes import FakeFabric
from tests.support.timing import interrupt_after


def test_a_post_that_answers_when_the_statement_has_ended_is_followed_meanwhile(
    target: str, fabric: FakeFabric
) -> None:
    fabric.fault("POST", "/statements$", acts=True, delay_s=4, times=9)
    with connect(target, request_timeout_s=1) as session:
        began = time.monotonic()
        assert session.run("1+1").text == "2"
        assert time.monotonic() - began < 4
    assert fabric.posted_code == [("pyspark", "1+1")]
    assert fabric.left_running == []


def test_a_statement_that_is_listed_only_when_it_has_ended_is_not_sent_twice(target: str, fabric: FakeFabric) -> None:
    fabric.fault("POST", "/statements$", acts=True, delay_s=2, times=9)
    fabric.session_goes("starting", "idle", "busy")
    fabric.fault("GET", "/statements$", status=200, body={"statements": [], "total_statements": 0}, times=4)
    with connect(target, request_timeout_s=1) as session:
        assert session.run("1+1").text == "2"
    assert fabric.posted_code == [("pyspark", "1+1")]


def test_ids_that_are_numbers_are_taken_in_fabrics_dialect(target: str, fabric: FakeFabric) -> None:
    fabric.ids_are_numbers = True
    with connect(target) as session:
        assert session.run("1+1").text == "2"
    assert fabric.left_running == []


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_cancel_is_named_when_a_statement_is_to_be_cancelled(
    target: str, fabric: FakeFabric, status: int
) -> None:
    fabric.fault("POST", "/cancel$", status=status, times=99)
    fabric.statement_goes("running")
    with connect(target) as session:
        with pytest.raises(WaitTimeout, match="has no call that cancels a statement"):
            session.run("slow()", timeout_s=0.3)
        interrupt = interrupt_after(0.3)
        with pytest.raises(Interrupted, match="has no call that cancels a statement") as problem:
            session.run("slow()")
        interrupt.join()
        assert problem.value.may_run_on
