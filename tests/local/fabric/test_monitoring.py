"""Fabric's monitoring of a session: Spark's own REST API, logs, and the list of Livy sessions."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.support.service import Session

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def with_jobs(session: Session) -> int:
    """The id of a statement that ran some."""
    statement = session.submit("spark.range(100).repartition(3).count()")
    session.wait(statement)
    return statement


@pytest.fixture(scope="module")
def session_with_jobs(session: Session, with_jobs: int) -> Session:
    return session


def monitored(session: Session, below: str, **query: Any) -> requests.Response:
    """Below the session in the monitoring API."""
    lakehouse = session.api.base.partition("/livyapi/")[0]
    return session.api.http.get(f"{lakehouse}/livySessions/{session.id}{below}", params=query, timeout=60)


def application(session: Session) -> str:
    return f"/applications/{session.view()['appId']}"


@pytest.mark.parametrize("attempt", ["", "/1"])
def test_jobs_and_stages_are_sparks_own(session_with_jobs: Session, with_jobs: int, attempt: str) -> None:
    jobs = monitored(session_with_jobs, f"{application(session_with_jobs)}{attempt}/jobs").json()
    job = next(job for job in jobs if job.get("jobGroup") == str(with_jobs))
    assert job["status"] == "SUCCEEDED"
    assert (
        monitored(session_with_jobs, f"{application(session_with_jobs)}{attempt}/jobs/{job['jobId']}").json()["jobId"]
        == job["jobId"]
    )
    stages = monitored(session_with_jobs, f"{application(session_with_jobs)}{attempt}/stages", status="complete").json()
    assert set(job["stageIds"]) & {stage["stageId"] for stage in stages}


@pytest.mark.parametrize("below", ["/executors", "/allexecutors", "/environment", "/storage/rdd", "/sql", "/stages"])
def test_everything_spark_has_is_there(session_with_jobs: Session, below: str) -> None:
    answer = monitored(session_with_jobs, application(session_with_jobs) + below)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert isinstance(answer.json(), (list, dict))


def test_the_application_itself(session_with_jobs: Session) -> None:
    assert (
        monitored(session_with_jobs, application(session_with_jobs)).json()["id"] == session_with_jobs.view()["appId"]
    )


@pytest.mark.parametrize(
    "below",
    ["/applications/nosuch/jobs", "{app}/jobs/99999", "{app}/nosuch", "{app}/jobs/%0d%0aX", "{app}/jobs?status=%ff"],
)
def test_what_is_not_there_is_an_error_in_fabrics_form(session_with_jobs: Session, below: str) -> None:
    answer = monitored(session_with_jobs, below.format(app=application(session_with_jobs)))
    assert answer.status_code == 404
    assert set(answer.json()) == {"errorCode", "message", "requestId", "moreDetails"}


def test_no_port_is_opened_for_it(session_with_jobs: Session) -> None:
    answer = monitored(session_with_jobs, f"{application(session_with_jobs)}/environment")
    assert dict(answer.json()["sparkProperties"])["spark.ui.enabled"] == "false"


def test_driver_logs_whole_in_parts_and_their_metadata(session_with_jobs: Session) -> None:
    session_with_jobs.text('println("seen"); System.err.println("in the driver\'s log")', "spark")
    logs = f"{application(session_with_jobs)}/logs"
    whole = monitored(session_with_jobs, logs, type="driver", fileName="stderr").content
    assert b"in the driver's log" in whole
    meta = monitored(session_with_jobs, logs, type="driver", meta="true", fileName="stderr").json()
    assert meta["containerLogMeta"]["fileName"] == "stderr"
    assert meta["containerLogMeta"]["length"] >= len(whole)
    part = {"isDownload": "true", "isPartial": "true", "offset": 5, "size": 10}
    assert monitored(session_with_jobs, logs, type="driver", fileName="stderr", **part).content == whole[5:15]
    rolling = monitored(session_with_jobs, logs, type="rollingdriver", meta="true", filenamePrefix="std").json()
    assert "stderr" in [one["fileName"] for one in rolling["containerLogMeta"]]
    assert (
        monitored(session_with_jobs, "/applications/none/logs", type="livy", meta="true").json()["fileName"]
        == "livy.log"
    )


def test_the_log_of_the_one_container_is_read_from_its_beginning(session_with_jobs: Session) -> None:
    logs = f"{application(session_with_jobs)}/logs"
    whole = monitored(session_with_jobs, logs, type="driver", fileName="stderr").content
    (container,) = monitored(session_with_jobs, logs, type="executor", meta="true").json()
    sizes = {one["fileName"]: one["fileSize"] for one in container["containerLogMeta"]}
    assert int(sizes["stderr"]) >= len(whole)
    one = {"type": "executor", "containerId": container["containerId"], "fileName": "stderr"}
    assert monitored(session_with_jobs, logs, **one, size=10).content == whole[:10]
    some = monitored(session_with_jobs, logs, type="executor", meta="true", filenamePrefix="stdo").json()
    assert "stderr" not in [file["fileName"] for file in some[0]["containerLogMeta"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"type": "driver"}, 404),
        ({"type": "driver", "fileName": "../session.log"}, 404),
        ({"type": "executor"}, 404),
        ({"type": "executor", "containerId": "container_1", "fileName": "stderr"}, 404),
        ({"type": "nosuch"}, 400),
        ({"type": "driver", "fileName": "stderr", "isDownload": "true", "isPartial": "true", "offset": "x"}, 400),
    ],
)
def test_wrong_log_requests_are_refused(session_with_jobs: Session, query: dict[str, str], status: int) -> None:
    assert monitored(session_with_jobs, f"{application(session_with_jobs)}/logs", **query).status_code == status


def test_the_list_of_livy_sessions(session_with_jobs: Session) -> None:
    lakehouse = session_with_jobs.api.base.partition("/livyapi/")[0]
    workspace = lakehouse.partition("/lakehouses/")[0]
    for url in (f"{lakehouse}/livySessions", f"{workspace}/spark/livySessions"):
        listed = {one["livyId"]: one for one in session_with_jobs.api.http.get(url, timeout=60).json()["value"]}
        assert listed[session_with_jobs.id]["state"] == "InProgress"
        assert listed[session_with_jobs.id]["sparkApplicationId"] == session_with_jobs.view()["appId"]
    assert monitored(session_with_jobs, "").json()["livyName"] == "shared"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_chunked_answers_are_joined(parts: list[bytes]) -> None:
    from fabric_livy_magic.local.spark.rest import RestAnswer, read_answer

    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    expected = RestAnswer(200, "text/plain", b"".join(parts))
    assert read_answer(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) == expected
    assert read_answer(head + b"Connection: close\r\n\r\n" + b"".join(parts)) == expected
