"""Ends of sessions and servers: what a session answers then, and that no process or file is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import service
from tests.support.processes import MarkedServer, marked, still_running_after
from tests.support.service import Api, Session

pytestmark = [pytest.mark.spark, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

WITH_CHILD = "import subprocess, os\nsubprocess.Popen(['sleep', '300']).pid"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MarkedServer]:
    started = MarkedServer(tmp_path)
    yield started
    started.close()


def refused_statement(session: Session) -> str:
    answer = session.api.post(f"{session.path}/statements", {"code": "1", "kind": "sql"})
    assert answer.status_code == 404
    message: str = answer.json()["message"]
    return message


def test_a_python_process_that_dies_leaves_scala_and_sql(server: MarkedServer) -> None:
    session = server.session()
    output = session.error("import os, sys\nos.write(2, b'last words\\n')\nos._exit(3)")
    assert (output["ename"], output["evalue"]) == ("Error", "Interpreter died:\n\n\nlast words")
    assert session.view()["state"] == "error"
    assert session.rows("select 1") == [[1]]
    session.wait_for("idle", within_s=5)
    assert session.error("1")["evalue"] == "Interpreter died:\n"
    assert session.text("println(1)", "spark") == "1\n"

    # the same session, now without its JVM, and with statements under way
    running = session.submit("Thread.sleep(60000)", "spark")
    waiting = session.submit("select 2", "sql")
    session.wait(running, "running")
    os.kill(server.pid_of("java"), signal.SIGKILL)
    for number in (running, waiting):
        view = session.wait(number, within_s=10)
        assert (view["state"], view["output"]["status"]) == ("available", "error")
    view = session.view()
    assert (view["state"], view["livyInfo"]["currentState"], view["result"]) == ("dead", "dead", "Failed")
    assert view["fabricSessionStateInfo"]["state"] == "error"
    assert "JVM ended" in view["fabricSessionStateInfo"]["errorMessage"]
    assert "JVM ended" in view["errorInfo"][0]["message"]
    assert view["log"]
    assert "dead" in refused_statement(session)
    assert session.api.delete(session.path).status_code == 200
    assert session.api.get(session.path).status_code == 404


def test_a_kill_in_the_middle_of_python_code_is_its_end(server: MarkedServer) -> None:
    session = server.session()
    number = session.submit("while True: pass")
    session.wait(number, "running")
    time.sleep(0.3)
    os.kill(server.pid_of("interpreters/worker.py"), signal.SIGKILL)
    assert session.wait(number, within_s=5)["output"]["evalue"] == "Interpreter died:\n\n"
    assert session.rows("select 1") == [[1]]

    # a JVM that answers nothing any more can still be deleted
    os.kill(server.pid_of("java"), signal.SIGSTOP)
    began = time.monotonic()
    assert session.api.delete(session.path).status_code == 200
    assert time.monotonic() - began < 12
    assert not any("java" in command for command in marked(server.mark).values())


USES_SPARK = [
    ("pyspark", "spark.range(3).count()"),
    ("sql", "select 1"),
    ("spark", "println(spark.range(3).count())"),
]
STOPPED = "Spark was stopped in this session. `spark = SparkSession.builder.getOrCreate()` in a PySpark statement starts it anew"
RESTART = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.range(3).count()"


def test_a_spark_context_that_user_code_made_after_it_stopped_ours_is_that_of_all_kinds(server: MarkedServer) -> None:
    session = server.session()
    session.text("spark.range(4).write.format('parquet').saveAsTable('kept')\nspark.stop()")
    refused_sql = session.error("select 1", "sql")
    assert refused_sql["ename"] == "InterpreterError"
    assert "SparkSession.builder.getOrCreate()" in refused_sql["evalue"]
    assert session.text("println(1)", "spark") == "1\n"
    assert all(STOPPED in session.error(code, kind)["evalue"] for kind, code in USES_SPARK)
    assert session.text(RESTART) == "3"
    assert session.text("spark.range(2).count()", "spark").endswith("Long = 2\n")

    # Scala stops it as well as Python, and what either starts anew is that of both
    session.text("spark.stop()", "spark")
    assert all(STOPPED in session.error(code, kind)["evalue"] for kind, code in USES_SPARK)
    session.text("val again = org.apache.spark.sql.SparkSession.builder().getOrCreate()", "spark")
    assert session.text("spark.range(4).count()") == "4"
    assert session.rows("select count(*) from range(5)") == [[5]]
    assert session.rows("select count(*) from kept") == [[4]]
    session.output("create temp view v as select 5 as z", "sql")
    assert session.text("spark.table('v').first().z") == "5"
    assert session.text('println(spark.table("v").as[Int].map(_ + 1).collect().toList)', "spark") == "List(6)\n"

    # and its jobs can be cancelled
    number = session.submit(
        "import time\nsc = spark.sparkContext\nsc.parallelize([1], 1).map(lambda i: time.sleep(60)).count()"
    )
    session.wait(number, "running")
    time.sleep(2)
    session.cancel(number)
    assert session.wait(number, within_s=15)["state"] == "cancelled"
    assert session.text("sc.statusTracker().getActiveJobsIds()") == "[]"

    # the end of the JVM while Python waits for it
    output = session.error("spark._jvm.System.exit(0)")
    assert (output["ename"], "JVM ended" in output["evalue"]) == ("SessionEnded", True)


@pytest.mark.parametrize(
    ("request_body", "word"),
    [
        ({"conf": {"spark.sql.shuffle.partitions": "abc"}}, "spark.sql.shuffle.partitions should be int"),
        ({"conf": {"spark.driver.extraJavaOptions": "-Xms2g -Xmx1g"}}, "heap size"),
        ({"conf": {"spark.jars.packages": "nonsense"}}, "nonsense"),
    ],
)
def test_a_session_that_cannot_start_is_dead_and_shows_the_reason(
    server: MarkedServer, request_body: dict[str, dict[str, str]], word: str
) -> None:
    session = server.api.start_session(**request_body)
    until = time.monotonic() + 30
    while (view := session.view()).get("state") != "dead":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert word in view["errorInfo"][0]["message"]
    assert word in view["fabricSessionStateInfo"]["errorMessage"]
    assert word in "\n".join(view["log"])
    assert word in refused_statement(session)
    until = time.monotonic() + 5
    while any("java" in command or "worker.py" in command for command in marked(server.mark).values()):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_deleting_a_session_ends_its_processes_and_removes_its_files_but_its_log(server: MarkedServer) -> None:
    session = server.session()
    session.text(WITH_CHILD)
    application = session.view()["appId"]
    session.submit("while True: pass")
    assert session.api.delete(session.path).status_code == 200
    left = marked(server.mark)
    assert not any("java" in c or "sleep" in c or "worker.py" in c for c in left.values()), left
    assert [one.name for one in next(iter(server.temp.glob("fabric-livy-*"))).iterdir()] == ["ended"]

    # the Monitoring hub goes on to show it
    api = session.api
    runs = f"{api.base.partition('/livyapi/')[0]}/livySessions"
    (listed,) = (one for one in api.http.get(runs, timeout=30).json()["value"] if one["livyId"] == session.id)
    assert (listed["state"], listed["sparkApplicationId"]) == ("Cancelled", application)
    assert listed["endDateTime"]
    logs = f"{runs}/{session.id}/applications/{application}/logs"
    assert "is ready" in api.http.get(logs, params={"type": "driver", "fileName": "stderr"}, timeout=30).text
    assert "only its logs are left" in api.http.get(logs.replace("/logs", "/jobs"), timeout=30).json()["message"]
    assert session.id not in [one["id"] for one in api.get("/sessions").json()["items"]]


def test_an_idle_session_times_out(server: MarkedServer) -> None:
    session = server.api.start_session(conf={"spark.livy.session.idle.timeout": "2s"})
    session.wait_for("idle")
    until = time.monotonic() + 10
    while (view := session.view())["state"] != "dead":
        assert time.monotonic() < until
        time.sleep(0.2)
    assert view["errorInfo"][0]["errorCode"] == "LIVY_JOB_TIMED_OUT"


@pytest.mark.parametrize("busy", ["while True: pass", "sc._jvm.java.lang.Thread.sleep(60000)"])
def test_sigkill_of_the_server_leaves_nothing(tmp_path: Path, busy: str) -> None:
    server = MarkedServer(tmp_path)
    session = server.session()
    session.text(WITH_CHILD)
    session.submit(busy)
    time.sleep(0.3)
    server.process.kill()
    assert server.remaining() == ({}, [])
    server.close()


def test_sigkill_of_the_server_while_a_session_starts_leaves_nothing(tmp_path: Path) -> None:
    server = MarkedServer(tmp_path)
    server.api.start_session()
    server.wait_for_process("java")
    server.process.kill()
    assert server.remaining() == ({}, [])
    server.close()


def test_without_its_reaper_the_session_still_ends_with_the_server(tmp_path: Path) -> None:
    server = MarkedServer(tmp_path)
    session = server.session()
    session.submit("while True: pass")
    time.sleep(0.3)
    os.kill(server.pid_of("reaper.py"), signal.SIGKILL)
    server.process.kill()
    assert still_running_after(server.mark, 10) == {}
    server.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(tmp_path: Path, number: int) -> None:
    server = MarkedServer(tmp_path)
    server.api.start_session()
    server.wait_for_process("java")
    os.kill(server.process.pid, number)
    assert server.process.wait(15) == 0
    assert server.remaining(within_s=1) == ({}, [])
    server.close()


def test_an_owned_server_ends_with_its_input(tmp_path: Path) -> None:
    server = MarkedServer(tmp_path, "--owned")
    session = server.session()
    session.submit("import time; time.sleep(60)")
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(15) == 0
    assert server.remaining(within_s=1) == ({}, [])
    server.close()


def test_a_port_that_is_in_use(tmp_path: Path, server: MarkedServer) -> None:
    port = server.api.base.split(":")[2].split("/")[0]
    command = service.command(tmp_path / "other", "--port", port)
    second = subprocess.run(command, cwd=service.ROOT, capture_output=True, text=True, timeout=30)
    assert (second.returncode, second.stdout) == (2, "")
    assert (
        second.stderr
        == f"fabric-livy serve: port {port} is in use; choose another --port, or leave it out for a free one\n"
    )


def test_a_person_is_shown_the_endpoint_the_token_and_a_line_that_works_as_pasted(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "fabric_livy_magic",
        "serve",
        "--token-file",
        "-",
        "--lakehouse",
        str(tmp_path / "lh"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("for-show\n")
        process.stdin.flush()
        lines = [process.stdout.readline().rstrip() for _ in range(9)]
        assert lines[1] == "Token:         for-show"
        assert b"for-show" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        (pasted,) = [line for line in lines if line.startswith("%livy use ")]
        script = f"from fabric_livy_magic.sessions.runner import Runner; r = Runner(); r.account.use({pasted.split()[-1]!r}); print(r.account.client().list_sessions())"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert done.stdout == "[]\n", done.stderr
    assert not list((tmp_path / "state").rglob("*.token"))


def test_two_apis_of_one_server(server: MarkedServer) -> None:
    """What is printed for a person is a sentence and a line to paste; what is printed for programs is one JSON line."""
    assert set(server.api.ready) == {"api_url", "livy_endpoint", "token", "pid"}
    assert server.api.ready["pid"] == server.process.pid
    assert Api(server.api.ready).get("/sessions").status_code == 200
