"""The life of a batch against a scripted server in both dialects: submitted once, followed to its end, told why it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import (
    AccessError,
    BatchFailed,
    CapacityError,
    ConnectionFailed,
    HttpError,
    Interrupted,
    NotFoundError,
    NotLivyError,
    WaitTimeout,
)
from fabric_livy_magic.livy.batch_logs import LEFT_OUT, BatchLog, added_lines, by_stream, lines_after
from fabric_livy_magic.livy.batch_request import BatchSpec
from fabric_livy_magic.livy.batches import (
    BatchSubmission,
    exit_code_of,
    get_batch,
    new_batch_name,
    raise_for_end,
    wait_for_batch,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.models import BatchInfo, BatchState
from fabric_livy_magic.settings import SessionSpec
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock, interrupt_after

SPEC = BatchSpec(file="abfss://w@onelake/l/Files/job.py")
CHOSEN = BatchSpec(file="/srv/job.py", session=SessionSpec(name="nightly"))
NAME = "job-0123456789ab"


@pytest.fixture
def submit(client: LivyClient, clock: FakeClock) -> Callable[..., BatchInfo]:
    def submit(spec: BatchSpec = SPEC, **more: Any) -> BatchInfo:
        return BatchSubmission(client, spec, NAME, sleep=clock.sleep).send(clock=clock, **more)

    return submit


# ------------------------------------------------------------------------------------------------ submitted once
def test_a_batch_is_asked_for_with_what_was_chosen_and_nothing_else(
    fake: FakeFabric, submit: Callable[..., BatchInfo]
) -> None:
    submit()
    whole = BatchSpec(
        file="/srv/job.jar",
        args=("--day", ""),
        class_name="its.Main",
        jars=("/srv/a.jar",),
        py_files=("/srv/b.py",),
        session=SessionSpec(name="nightly", conf={"spark.x": "1"}, driver_memory="28g"),
    )
    submit(whole)
    assert [one.body for one in fake.seen("POST", "/batches")] == [
        {"file": SPEC.file, "name": NAME},
        {
            "file": "/srv/job.jar",
            "className": "its.Main",
            "args": ["--day", ""],
            "jars": ["/srv/a.jar"],
            "pyFiles": ["/srv/b.py"],
            "name": "nightly",
            "conf": {"spark.x": "1"},
            "driverMemory": "28g",
        },
    ]


@pytest.mark.parametrize("spec", [SPEC, CHOSEN], ids=["own name", "chosen name"])
@pytest.mark.parametrize("fault", [{"closes": True}, {"status": 503}, {"status": 200, "body": {}}, {"cuts": True}])
def test_a_batch_whose_answer_was_lost_is_found_and_submitted_once(
    fake: FakeFabric, submit: Callable[..., BatchInfo], spec: BatchSpec, fault: dict[str, Any]
) -> None:
    fake.fault("POST", "/batches", acts=True, **fault)
    info = submit(spec)
    assert [info.id] == list(fake.batches.kept)
    assert len(fake.seen("POST", "/batches")) == 1


def test_another_batch_of_the_chosen_name_is_not_taken_for_the_lost_one(
    fabric: FakeFabric, client_of_fabric: LivyClient, clock: FakeClock
) -> None:
    earlier = client_of_fabric.create_batch(CHOSEN)
    fabric.fault("POST", "/batches", acts=True, closes=True)
    info = BatchSubmission(client_of_fabric, CHOSEN, NAME, sleep=clock.sleep).send(clock=clock)
    assert info.id != earlier.id


@pytest.fixture
def client_of_fabric(fabric: FakeFabric) -> LivyClient:
    from tests.support.clients import client_of

    return client_of(fabric)


def test_a_request_that_did_not_arrive_is_not_sent_again_but_told(
    fake: FakeFabric, submit: Callable[..., BatchInfo], clock: FakeClock
) -> None:
    fake.fault("POST", "/batches", closes=True)
    with pytest.raises(ConnectionFailed, match=r"most likely not submitted. Submit it again") as raised:
        submit()
    assert f"`%livy batch list` shows it by its name {NAME!r}" in str(raised.value)
    assert fake.batches.kept == {}
    assert len(fake.seen("POST", "/batches")) == 1
    assert sum(clock.sleeps) == pytest.approx(7)


def test_where_the_list_cannot_be_read_either_both_are_told(
    fake: FakeFabric, submit: Callable[..., BatchInfo], client: LivyClient
) -> None:
    client.list_batches()
    fake.fault("POST", "/batches", acts=True, status=500, body="boom")
    fake.fault("GET", "/batches", status=400, body={"msg": "no"}, times=99)
    with pytest.raises(HttpError, match="It is not known whether the batch was submitted"):
        submit()
    assert len(fake.batches.kept) == 1


def test_a_refusal_is_told_as_it_is(fake: FakeFabric, submit: Callable[..., BatchInfo]) -> None:
    for status, kind, says in ((400, HttpError, "no such file"), (403, AccessError, "no such file")):
        fake.fault("POST", "/batches", status=status, body={"msg": "no such file", "message": "no such file"})
        with pytest.raises(kind, match=says):
            submit()
    fake.fault("POST", "/batches", status=200, body="<html><title>Sign in</title></html>")
    fake.fault("GET", "/batches", status=200, body="<html><title>Sign in</title></html>")
    with pytest.raises(NotLivyError, match="an HTML page, “Sign in”"):
        submit()
    assert fake.batches.kept == {}


def test_a_full_capacity_is_waited_for_as_long_as_was_chosen(
    fake: FakeFabric, submit: Callable[..., BatchInfo], clock: FakeClock
) -> None:
    fake.fault("POST", "/batches", status=430, body={"errorCode": "TooManyRequestsForCapacity", "message": "full"})
    assert submit(capacity_wait_s=60).name == NAME
    assert clock.now_s > 10
    fake.fault("POST", "/batches", status=430, body={"errorCode": "TooManyRequestsForCapacity", "message": "full"})
    with pytest.raises(CapacityError, match="The Spark capacity is full"):
        submit()


def test_too_many_calls_are_waited_for(fake: FakeFabric, submit: Callable[..., BatchInfo]) -> None:
    fake.fault("POST", "/batches", status=429, headers={"Retry-After": "0"})
    submit()
    assert len(fake.batches.kept) == 1


def test_an_interrupt_of_the_submission_says_what_became_of_it(fake: FakeFabric, client: LivyClient) -> None:
    fake.fault("POST", "/batches", acts=True, delay_s=30)
    interrupt_after(0.3)
    with pytest.raises(Interrupted, match="The batch goes on") as raised:
        BatchSubmission(client, SPEC, NAME).send()
    (batch_id,) = fake.batches.kept
    assert f"`%livy batch cancel {batch_id}` cancels it" in str(raised.value)


@given(st.text())
def test_a_name_is_plain_and_no_other_has_it(stem: str) -> None:
    name = new_batch_name(stem)
    assert name != new_batch_name(stem)
    assert name.isascii()
    assert not name.isdecimal()
    assert len(name) < 60


# ------------------------------------------------------------------------------------------------ states
@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ({}, BatchState.UNKNOWN),
        ({"fabricBatchStateInfo": {"state": "libraryPackaging"}}, BatchState.LIBRARY_PACKAGING),
        ({"fabricBatchStateInfo": {"state": "error", "errorMessage": "full"}}, BatchState.ERROR),
        ({"fabricBatchStateInfo": {"state": "expired"}}, BatchState.EXPIRED),
        ({"state": "running", "fabricBatchStateInfo": {"state": "submitting"}}, BatchState.RUNNING),
        ({"state": "running", "fabricBatchStateInfo": {"state": "cancelling"}}, BatchState.CANCELLING),
        ({"state": "not_started", "livyInfo": {"currentState": "dead"}}, BatchState.DEAD),
        ({"state": "success", "result": "Failed"}, BatchState.FAILED),
        ({"state": "success", "result": "Uncertain"}, BatchState.SUCCESS),
        ({"state": "running", "result": "Uncertain"}, BatchState.RUNNING),
        ({"livyState": "success", "result": "Succeeded"}, BatchState.SUCCESS),
        ({"result": "Cancelled", "schedulerState": "Ended"}, BatchState.CANCELLED),
        ({"state": "shutting_down"}, BatchState.SHUTTING_DOWN),
        ({"state": "a new one"}, BatchState.UNKNOWN),
    ],
)
def test_the_state_is_read_from_every_field_that_has_one(raw: dict[str, Any], state: BatchState) -> None:
    assert BatchInfo.from_json({"id": 1, **raw}).state is state


def test_which_states_are_ends() -> None:
    ends = {state for state in BatchState if state.has_ended}
    assert ends == {BatchState(one) for one in ["success", "error", "dead", "failed", "expired", "killed", "cancelled"]}


def test_the_reason_is_gathered_from_every_field_of_the_contract() -> None:
    info = BatchInfo.from_json(
        {
            "id": "a",
            "state": "dead",
            "fabricBatchStateInfo": {"state": "error", "errorMessage": "no pool"},
            "errorInfo": [{"errorCode": "E1", "message": "it ended with exit code 3", "source": "User"}],
            "cancellationReason": "by an admin",
        }
    )
    assert info.reason == "no pool; E1 it ended with exit code 3; by an admin"
    assert exit_code_of(info) == 3


def test_the_exit_code_is_that_of_the_log_where_no_reason_has_it() -> None:
    ended = {"id": 1, "state": "dead", "log": ["exitCode: 1, old", "Final app status: FAILED, exitCode: 13", "bye"]}
    assert exit_code_of(BatchInfo.from_json(ended)) == 13
    assert exit_code_of(BatchInfo.from_json({"id": 1, "state": "dead"})) is None


# ------------------------------------------------------------------------------------------------ the wait
def test_a_wait_goes_on_to_the_end_and_reports_the_states(
    fake: FakeFabric, client: LivyClient, clock: FakeClock
) -> None:
    fake.batch_goes("starting", "starting", "running", "running", "success")
    reported: list[str] = []
    first = client.create_batch(SPEC)
    info = wait_for_batch(
        client,
        first,
        on_progress=lambda one: reported.append(f"{one.subject} {one.state}"),
        clock=clock,
        sleep=clock.sleep,
    )
    assert info.state is BatchState.SUCCESS
    assert list(dict.fromkeys(reported)) == ["batch starting", "batch running"]


def test_before_it_runs_fabrics_own_words_say_where_it_is(
    fabric: FakeFabric, client_of_fabric: LivyClient, clock: FakeClock
) -> None:
    plugin = {"currentState": "ResourceAcquisition"}
    fabric.batch_goes({"state": "not_started", "pluginInfo": plugin}, "running", "success", pluginInfo=plugin)
    reported: list[str] = []
    first = client_of_fabric.create_batch(SPEC)
    wait_for_batch(
        client_of_fabric,
        first,
        on_progress=lambda one: reported.append(f"{one.state}: {one.detail}"),
        clock=clock,
        sleep=clock.sleep,
    )
    assert list(dict.fromkeys(reported)) == ["not_started: resource acquisition", "running: "]


def test_a_batch_that_never_starts_is_waited_for_as_long_as_was_chosen(
    fake: FakeFabric, client: LivyClient, clock: FakeClock
) -> None:
    fake.batch_goes("not_started")
    first = client.create_batch(SPEC)
    with pytest.raises(WaitTimeout, match=r"had not ended after 20 s \(state: not started\)") as raised:
        wait_for_batch(client, first, timeout_s=20, clock=clock, sleep=clock.sleep)
    assert f"`%livy batch wait {first.id}` waits for it again" in str(raised.value)
    assert fake.batches.cancelled == []


def test_an_interrupt_ends_the_wait_and_not_the_batch(fake: FakeFabric, client: LivyClient) -> None:
    fake.batch_goes("running")
    first = client.create_batch(SPEC)
    interrupt_after(0.3)
    with pytest.raises(Interrupted, match=r"The wait was interrupted. The batch goes on") as raised:
        wait_for_batch(client, first)
    assert f"`%livy batch cancel {first.id}` cancels it" in str(raised.value)
    assert fake.batches.cancelled == []


def test_a_new_batch_may_be_listed_late(fake: FakeFabric, client: LivyClient, clock: FakeClock) -> None:
    first = client.create_batch(SPEC)
    fake.fault("GET", f"/batches/{first.id}", status=404, body={"msg": "not found", "message": "x"}, times=3)
    assert wait_for_batch(client, first, clock=clock, sleep=clock.sleep).state is BatchState.SUCCESS


def test_a_batch_that_is_gone_while_it_is_waited_for_is_told(
    fake: FakeFabric, client: LivyClient, clock: FakeClock
) -> None:
    fake.batch_goes("running")
    first = client.create_batch(SPEC)
    with pytest.raises(NotFoundError, match="it was cancelled, or is no longer kept"):
        wait_for_batch(client, first, on_look=lambda info: fake.batches.kept.clear(), clock=clock, sleep=clock.sleep)


def test_an_unknown_id_says_where_the_known_ones_are(client: LivyClient) -> None:
    with pytest.raises(NotFoundError, match=r"There is no batch 77 on this server.*`%livy batch list`"):
        get_batch(client, "77")


def test_an_end_without_success_is_an_error_with_reason_and_log() -> None:
    failed = BatchInfo.from_json(
        {"id": "7", "name": "nightly", "state": "dead", "errorInfo": [{"message": "exit code 3"}]}
    )
    with pytest.raises(BatchFailed) as raised:
        raise_for_end(failed, ["before", "ValueError: the telling line"], "https://its/run")
    assert str(raised.value) == (
        "Batch nightly failed (state: dead), id 7. The server says: exit code 3\n"
        "Its log ends:\nbefore\nValueError: the telling line\nIts run: https://its/run"
    )
    with pytest.raises(BatchFailed, match=r"Batch 7 was cancelled, id 7.$"):
        raise_for_end(BatchInfo.from_json({"id": 7, "state": "killed"}), ["noise"])
    raise_for_end(BatchInfo.from_json({"id": 7, "state": "success"}), [])


# ------------------------------------------------------------------------------------------------ logs
def test_both_streams_of_livys_log_are_told_apart() -> None:
    assert by_stream(["stdout: ", "a", "b", "\nstderr: ", "c"]) == {"stdout": ["a", "b"], "stderr": ["c"]}
    assert by_stream(["plain"]) == {"stdout": ["plain"], "stderr": []}


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 30))
def test_a_log_of_which_the_last_lines_are_kept_is_followed_without_a_line_twice(
    before: int, more: int, window: int
) -> None:
    lines = [f"line {number:04}" for number in range(before + more)]
    added = added_lines(lines[:before][-window:], lines[-window:])
    if more < window or not before:
        assert added == lines[before:][-window:]
    else:
        assert added == [LEFT_OUT, *lines[-window:]]


@given(st.lists(st.sampled_from("ab"), max_size=12), st.lists(st.sampled_from("ab"), max_size=6))
def test_a_log_that_only_grows_gives_what_was_added(before: list[str], more: list[str]) -> None:
    assert added_lines(before, [*before, *more]) == more


def test_the_half_of_a_line_comes_as_the_whole() -> None:
    assert added_lines(["a", "ha"], ["a", "half", "b"]) == ["half", "b"]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 10))
def test_what_was_seen_of_a_log_does_not_come_again_with_the_whole_of_it(before: int, more: int, window: int) -> None:
    lines = [f"line {number:04}" for number in range(before + more)]
    assert lines_after(lines[:before][-window:], lines) == lines[before:]


def file_has(fabric: FakeFabric, text: str, length: int | None = None) -> None:
    """The next look at one of the driver's log files; `length` where it is the first."""
    if length is not None:
        fabric.fault("GET", r"/livySessions/.*/logs$", status=200, body={"containerLogMeta": {"length": length}})
    fabric.fault("GET", r"/livySessions/.*/logs$", status=200, body=text)


def batch_info(state: str, *log: str, app_id: str | None = "application_1_7") -> BatchInfo:
    return BatchInfo.from_json({"id": "b-1", "state": state, "appId": app_id, "log": ["stdout: ", *log, "\nstderr: "]})


def test_the_drivers_log_is_followed_by_the_byte_to_its_last_half_line(
    fabric: FakeFabric, client_of_fabric: LivyClient
) -> None:
    client_of_fabric.list_batches()
    log = BatchLog(client_of_fabric, "b-1")
    file_has(fabric, "one\ntw", 6)
    file_has(fabric, "noted\n", 6)
    assert log.new_lines(batch_info("running")) == {"stdout": ["one"], "stderr": ["noted"]}
    for text in ("o\nthree", "", "", ""):  # each file is read until nothing more comes
        file_has(fabric, text)
    assert log.new_lines(batch_info("success")) == {"stdout": ["two", "three"], "stderr": []}
    offsets = [one.query["offset"][0] for one in fabric.seen("GET", "/logs$") if "offset" in one.query]
    assert offsets[:3] == ["0", "0", "6"]


def test_what_was_seen_before_spark_had_started_does_not_come_again(
    fabric: FakeFabric, client_of_fabric: LivyClient
) -> None:
    client_of_fabric.list_batches()
    log = BatchLog(client_of_fabric, "b-1")
    assert log.new_lines(batch_info("running", "one", "two", app_id=None))["stdout"] == ["one", "two"]
    file_has(fabric, "one\ntwo\nthree\n", 14)
    file_has(fabric, "", 0)
    assert log.new_lines(batch_info("running"))["stdout"] == ["three"]


def test_without_a_monitoring_the_batchs_own_log_is_followed(fabric: FakeFabric, client_of_fabric: LivyClient) -> None:
    client_of_fabric.list_batches()
    log = BatchLog(client_of_fabric, "b-1")
    assert log.new_lines(batch_info("running", "one"))["stdout"] == ["one"]
    assert log.new_lines(batch_info("running", "one", "two"))["stdout"] == ["two"]
    assert len(fabric.seen("GET", "/logs$")) == 1  # it is not asked again


def test_where_the_monitoring_ends_no_line_comes_twice(fabric: FakeFabric, client_of_fabric: LivyClient) -> None:
    client_of_fabric.list_batches()
    log = BatchLog(client_of_fabric, "b-1")
    file_has(fabric, "one\ntwo\n", 8)
    file_has(fabric, "", 0)
    assert log.new_lines(batch_info("running"))["stdout"] == ["one", "two"]
    fabric.fault("GET", r"/livySessions/.*/logs$", status=403, times=9)
    assert log.new_lines(batch_info("running", "two", "three"))["stdout"] == ["three"]
