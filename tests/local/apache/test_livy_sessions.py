"""Livy's dialect on running sessions, for what the recorded answers do not show."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import livy_dialect
from tests.support.livy_dialect import Livy, LivySession, bare, message
from tests.support.scala_words import in_this_scala

pytestmark = pytest.mark.spark

FINISHED_JOB = ("SUCCEEDED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with livy_dialect.serving(tmp_path_factory.mktemp("lake")) as running:
        yield running


@pytest.fixture(scope="module")
def session_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the session request names; their paths need quoting."""
    folder = tmp_path_factory.mktemp("brought é %20")
    (folder / "brought.py").write_text("VALUE = 'a module'\n", encoding="utf-8")
    (folder / "data.txt").write_text("a file", encoding="utf-8")
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("inside.txt", "an archive")
    with zipfile.ZipFile(folder / "resources.jar", "w") as jar:
        jar.writestr("in-the-jar.txt", "a jar")
    return folder


@pytest.fixture(scope="module")
def session(api: Livy, session_files: Path) -> LivySession:
    started = api.start_session(
        kind="pyspark",
        name="shared",
        pyFiles=[str(session_files / "brought.py")],
        files=[(session_files / "data.txt").as_uri()],
        archives=[f"{session_files}/packed.zip#unpacked"],
        jars=[(session_files / "resources.jar").as_uri()],
    )
    started.wait_for("idle")
    return started


# ------------------------------------------------------------------------------------------------ files
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import brought; brought.VALUE", "'a module'"),
        ("sc.parallelize([1]).map(lambda _: __import__('brought').VALUE).collect()", "['a module']"),
        ("from pyspark import SparkFiles; open(SparkFiles.get('data.txt')).read()", "'a file'"),
        ("from pyspark import SparkFiles; open(SparkFiles.get('unpacked/inside.txt')).read()", "'an archive'"),
    ],
)
def test_a_session_finds_the_files_of_its_request(session: LivySession, code: str, text: str) -> None:
    assert session.text(code) == text


def test_a_jar_of_the_session_is_on_scalas_class_path(session: LivySession) -> None:
    code = 'scala.io.Source.fromInputStream(getClass.getResourceAsStream("/in-the-jar.txt")).mkString'
    assert session.text(code, "spark") == in_this_scala("res0: String = a jar\n")


def test_its_view_names_them_as_in_the_request(session: LivySession, session_files: Path) -> None:
    view = session.view()
    assert view["files"] == [(session_files / "data.txt").as_uri()]
    assert view["archives"] == [f"{session_files}/packed.zip#unpacked"]


def upload(session: LivySession, what: str, name: str, content: bytes) -> int:
    part = "jar" if what == "jar" else "file"
    files = {part: (name, io.BytesIO(content))}
    return session.api.http.post(f"{session.api.base}{session.path}/upload-{what}", files=files, timeout=60).status_code


def test_a_module_that_was_uploaded_can_be_imported(session: LivySession) -> None:
    assert upload(session, "pyfile", "uploaded.py", b"VALUE = 7") == 200
    assert session.text("import uploaded; uploaded.VALUE") == "7"


@pytest.mark.parametrize("name", ["plain.txt", "ünï cödé.txt", "../../up.txt"])
def test_a_file_that_was_uploaded_is_there_by_its_own_name(session: LivySession, name: str) -> None:
    assert upload(session, "file", name, b"content") == 200
    code = f"from pyspark import SparkFiles; open(SparkFiles.get({Path(name).name!r})).read()"
    assert session.text(code) == "'content'"


def test_a_jar_that_was_uploaded_is_known_to_spark(session: LivySession) -> None:
    assert upload(session, "jar", "more.jar", b"PK\x05\x06" + bytes(18)) == 200
    assert "more.jar" in session.text("sc._jsc.sc().listJars().mkString(',')")


def test_a_missing_file_is_reported_with_javas_message(session: LivySession, session_files: Path) -> None:
    for what in ("file", "pyfile"):  # of a jar Spark itself only logs it
        status, text = bare(session.api.post(f"{session.path}/add-{what}", {"uri": f"{session_files}/nosuch.{what}"}))
        assert status == 500
        assert text.startswith("java.util.concurrent.ExecutionException: java.lang.RuntimeException: java.io.")
    status, text = message(session.api.post(f"{session.path}/add-file", {"uri": "/etc/passwd"}))
    assert (status, text) == (400, "requirement failed: Local path /etc/passwd cannot be added to user sessions.")


# ------------------------------------------------------------------------------------------------ jobs
def pickled(function: Any) -> str:
    from pyspark import cloudpickle

    return base64.b64encode(cloudpickle.dumps(function)).decode("ascii")


def job(session: LivySession, function: Any) -> dict[str, Any]:
    """How it ended."""
    answer = session.api.post(f"{session.path}/submit-job", {"job": pickled(function), "jobType": "pyspark"})
    assert answer.status_code == 201
    submitted = answer.json()
    assert submitted == {"id": submitted["id"], "state": "SENT", "result": None, "error": None}
    until = time.monotonic() + 60
    while (status := session.api.get(f"{session.path}/jobs/{submitted['id']}").json())["state"] not in FINISHED_JOB:
        assert status["state"] in ("QUEUED", "STARTED"), status  # all that Livy's own client understands
        assert time.monotonic() < until
        time.sleep(0.02)
    return status


def result_of(status: dict[str, Any]) -> Any:
    from pyspark import cloudpickle

    assert status["state"] == "SUCCEEDED", status
    return cloudpickle.loads(base64.b64decode(base64.b64decode(status["result"])))


def test_a_job_gets_spark_and_gives_any_value(session: LivySession) -> None:
    def count(context: Any) -> Any:
        print("what a job prints is no part of its result")
        return {"sum": context.sc.parallelize(range(10)).sum(), "rows": context.spark_session.range(3).count()}

    assert result_of(job(session, count)) == {"sum": 45, "rows": 3}
    assert session.text("1") == "1"


def test_jobs_share_objects(session: LivySession) -> None:
    job(session, lambda context: context.set_shared_object("n", 5))
    assert result_of(job(session, lambda context: context.get_shared_object("n"))) == 5


def test_a_job_that_fails_reports_its_error(session: LivySession) -> None:
    def fail(_context: Any) -> None:
        raise TypeError("no good")

    status = job(session, fail)
    assert status["state"] == "FAILED"
    assert status["error"].rstrip().endswith("TypeError: no good")
    assert "pyjobs" not in status["error"]


def test_a_job_runs_beside_a_statement_in_the_same_python(session: LivySession) -> None:
    """Queued behind the statement, it would never run."""
    running = session.submit("import builtins, time\nwhile not hasattr(builtins, 'a_job_ran'): time.sleep(0.01)")
    result_of(job(session, lambda _context: setattr(__import__("builtins"), "a_job_ran", True)))
    assert session.wait(running)["output"]["status"] == "ok"


def test_a_job_can_be_cancelled(session: LivySession) -> None:
    answer = session.api.post(
        f"{session.path}/run-job",
        {"job": pickled(lambda _context: __import__("time").sleep(60)), "jobType": "pyspark"},
    )
    path = f"{session.path}/jobs/{answer.json()['id']}"
    until = time.monotonic() + 30
    assert session.api.get(path).json()["state"] == "STARTED"
    assert session.view()["state"] == "idle"
    assert session.api.post(f"{path}/cancel").content == b""
    while (status := session.api.get(path).json())["state"] != "CANCELLED":
        assert time.monotonic() < until, status


def test_jobs_of_java_are_refused(session: LivySession) -> None:
    status, text = message(session.api.post(f"{session.path}/submit-job", {"job": "AAAA", "jobType": "spark"}))
    assert (status, "pyspark only" in text) == (400, True)


# ------------------------------------------------------------------------------------------------ statements
def test_statements_are_listed_newest_first_on_request(session: LivySession) -> None:
    ids = [session.submit("1") for _ in range(3)]
    session.wait(ids[-1])
    listed = session.api.get(f"{session.path}/statements?order=desc&size=2").json()["statements"]
    assert [one["id"] for one in listed] == [ids[2], ids[1]]


def test_what_the_jvm_prints_is_in_the_log_apart_from_the_rest(session: LivySession) -> None:
    session.text('System.out.println("to stdout"); System.err.println("to stderr")', "spark")
    lines = session.api.get(f"{session.path}/log?size=-1").json()["log"]
    assert lines.index("stdout: ") < lines.index("to stdout") < lines.index("\nstderr: ") < lines.index("to stderr")


# ------------------------------------------------------------------------------------------------ the end
def test_an_idle_session_is_deleted(api: Livy) -> None:
    made = api.start_session(kind="pyspark", idleTimeout="1500ms")
    made.wait_for("idle")
    states = api.wait_until_gone(f"{made.path}/state")
    assert states[0] == "idle"
    assert set(states) <= {"idle", "shutting_down", "dead"}


def test_a_session_that_was_stopped_keeps_its_log(api: Livy, session: LivySession) -> None:
    """The last one on this session."""
    before = api.get(f"{session.path}/log?size=-1").json()
    assert api.post("/sessions/shared/stop").status_code == 204
    assert session.view()["state"] == "dead"
    assert api.get(f"{session.path}/log?size=-1").json()["log"][: before["total"]] == before["log"]
    assert message(api.get(f"{session.path}/jobs/1")) == (400, "requirement failed: Session isn't active.")
    assert api.delete(session.path).json() == {"msg": "deleted"}
