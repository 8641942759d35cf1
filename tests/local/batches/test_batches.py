"""Batches: real applications through Spark's submitter. A Python one costs about five seconds, so tests share them."""

from __future__ import annotations

import json
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import MarkedServer
from tests.support.service import Api, Session

pytestmark = pytest.mark.spark

ENDED = ("success", "dead", "killed")
# As in Microsoft's sample (learn.microsoft.com/fabric/data-engineering/get-started-api-livy-batch), and what is to be known.
SAMPLE = """
    import os, sys, json
    import pyspark
    from pyspark.sql import SparkSession
    from pyspark.conf import SparkConf
    from pyspark.sql.functions import col
    from helper import doubled

    class Kept:  # pickled by value, as it is of `__main__`
        def __init__(self, value): self.value = doubled(value)

    if __name__ == "__main__":
        spark_session = (SparkSession
            .builder
            .appName("livybatchdemo")
            .enableHiveSupport()
            .getOrCreate())
        spark_context = spark_session.sparkContext
        targetLakehouse = spark_context.getConf().get("spark.targetLakehouse")
        rows = spark_session.sql("SELECT * FROM given WHERE id > 0")
        rows.withColumn("twice", col("id") * 2).write.mode("overwrite").saveAsTable("CleanedTransactions")
        with open("Files/written.txt", "w") as file:
            file.write("by a relative path")
        report = {
            "argv": sys.argv, "file": __file__, "cwd": os.getcwd(), "target": targetLakehouse,
            "app": spark_context.appName,
            "path": sys.path[0], "main": sys.modules["__main__"].__dict__ is globals(),
            "data": open(pyspark.SparkFiles.get("data.txt")).read(),
            "mapped": spark_context.parallelize(range(3), 2).map(lambda n: Kept(n).value).collect(),
            "input": sys.stdin.read(),
        }
        spark_session.stop()
        again = SparkSession.builder.getOrCreate()
        report["after a stop"] = [again.table("CleanedTransactions").count(), again.sparkContext.applicationId]
        print("report:" + json.dumps(report))
        sys.exit(0)
"""
FAILING = """
    print("before")
    def inner():
        raise ValueError("the telling line")
    inner()
"""
# It makes a table, starts a child, and goes on for good.
ENDLESS = """
    import subprocess, time
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.getOrCreate()
    spark.sql("create table made_before_the_kill using parquet as select 1 as a")
    subprocess.Popen(["sleep", "300"])
    time.sleep(1.5)
    print("ready", flush=True)
    while True: pass
"""
JAVA = """
    import org.apache.spark.sql.SparkSession;
    public class Job {
        public static void main(String[] args) {
            SparkSession spark = SparkSession.builder().getOrCreate();
            System.out.println("lines: " + spark.read().text(args[0]).count() + " of " + args[1]);
            if (args.length > 2) throw new IllegalStateException(args[2]);
        }
    }
"""


class Batch:
    def __init__(self, api: Api, **request: Any) -> None:
        self.api = api
        answer = api.post("/batches", request)
        assert answer.status_code == 202, answer.text
        self.early: dict[str, Any] = answer.json()
        self.path = f"/batches/{self.early['id']}"

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = self.api.get(self.path).json()
        return view

    def wait(self, until: Callable[[dict[str, Any]], bool], within_s: float = 120) -> dict[str, Any]:
        limit = time.monotonic() + within_s
        while not until(view := self.view()):
            assert time.monotonic() < limit, view
            time.sleep(0.1)
        return view

    def ended(self) -> dict[str, Any]:
        return self.wait(lambda view: view.get("state") in ENDED)


def write(lakehouse: Path, name: str, code: str) -> None:
    (lakehouse / "Files").mkdir(parents=True, exist_ok=True)
    (lakehouse / "Files" / name).write_text(textwrap.dedent(code).lstrip(), encoding="utf-8")


def abfss(api: Api, path: str) -> str:
    parts = api.base.split("/")
    return f"abfss://{parts[5]}@onelake.dfs.fabric.microsoft.com/{parts[7]}/{path}"


@pytest.fixture(scope="module")
def filled(session: Session, lakehouse: Path) -> Session:
    """A session that has a table, and has made a jar with the compiler that comes with Spark."""
    session.rows("create table given using parquet as select id from range(4)")
    source = textwrap.dedent(JAVA)
    session.text(f"c = sc._jvm.org.codehaus.janino.SimpleCompiler(); c.cook({source!r})")
    text = session.text("c.getBytecodes()['Job'].hex()")
    with zipfile.ZipFile(lakehouse / "Files" / "job.jar", "w") as jar:
        jar.writestr("Job.class", bytes.fromhex(text.strip("'")))
    return session


@pytest.fixture(scope="module")
def sample(api: Api, lakehouse: Path, filled: Session) -> Batch:
    write(lakehouse, "payload é.py", SAMPLE)
    write(lakehouse, "helper.py", "def doubled(value): return 2 * value")
    (lakehouse / "Files" / "data.txt").write_text("data", encoding="utf-8")
    return Batch(
        api,
        name="livybatchdemo_with",
        file=abfss(api, "Files/payload é.py"),
        conf={"spark.targetLakehouse": "Fabric_LakehouseID"},
        args=["a", "b c", "é\n'\"$x"],
        pyFiles=[abfss(api, "Files/helper.py")],
        files=["Files/data.txt"],
        tags={"k": "v"},
    )


@pytest.fixture(scope="module")
def endless(api: Api, lakehouse: Path, sample: Batch) -> Batch:
    sample.ended()
    write(lakehouse, "endless.py", ENDLESS)
    return Batch(api, file="Files/endless.py", name="endless")


def test_microsofts_sample_runs(sample: Batch, lakehouse: Path) -> None:
    """POST, poll until it is over, read the log; the script as it stands, with arguments, settings, files and Python files."""
    assert sample.early["fabricBatchStateInfo"] == {"state": "queued"}
    assert "state" not in sample.early
    view = sample.ended()
    assert (view["state"], view["result"]) == ("success", "Succeeded"), view
    (line,) = [line for line in view["log"] if line.startswith("report:")]
    report = json.loads(line.removeprefix("report:"))
    script = str(lakehouse / "Files" / "payload é.py")
    assert report == {
        "argv": [script, "a", "b c", "é\n'\"$x"],
        "file": script,
        "path": str(lakehouse / "Files"),
        "main": True,
        "cwd": str(lakehouse),
        "target": "Fabric_LakehouseID",
        "app": "livybatchdemo",
        "data": "data",
        "mapped": [0, 2, 4],
        "input": "",
        "after a stop": [3, view["appId"]],
    }
    assert (lakehouse / "Files" / "written.txt").read_text() == "by a relative path"
    assert not (lakehouse / "metastore_db").exists()


def test_a_session_sees_the_table_that_a_batch_made(sample: Batch, filled: Session) -> None:
    sample.ended()
    assert filled.rows("select * from CleanedTransactions order by id") == [[1, 2], [2, 4], [3, 6]]


def test_a_batch_is_monitored_with_its_logs(api: Api, sample: Batch) -> None:
    view = sample.ended()
    jobs = f"{api.base.partition('/livyapi/')[0]}/livySessions"
    listed = {job["livyId"]: job for job in api.http.get(jobs, timeout=30).json()["value"]}[view["id"]]
    assert (listed["jobType"], listed["state"], listed["livyName"]) == (
        "SparkBatch",
        "Succeeded",
        sample.view()["name"],
    )
    assert api.http.get(f"{jobs}/{view['id']}", timeout=30).json() == listed
    application = f"{jobs}/{view['id']}/applications/{view['appId']}"
    log = api.http.get(f"{application}/logs", params={"type": "driver", "fileName": "stdout"}, timeout=30)
    assert (log.status_code, log.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert log.text
    assert "its logs only" in api.http.get(f"{application}/jobs", timeout=30).json()["message"]


def test_a_batch_that_is_over_has_the_documented_fields(sample: Batch) -> None:
    view = sample.ended()
    assert view["name"] == "livybatchdemo_with"
    assert view["jobType"] == "SparkBatch"
    assert view["tags"] == {"k": "v"}
    assert view["appId"].startswith("local-")
    assert view["errorInfo"] == []
    assert view["fabricBatchStateInfo"] == {"state": "unknown"}
    livy, scheduler, plugin = view["livyInfo"], view["schedulerInfo"], view["pluginInfo"]
    moments = [livy[f"{name}At"] for name in ("notStarted", "starting", "running", "success")]
    assert moments == sorted(moments)
    assert (livy["currentState"], scheduler["currentState"], plugin["currentState"]) == ("success", "Ended", "Ended")
    assert scheduler["endedAt"] == livy["successAt"]
    assert set(livy["jobCreationRequest"]) == {"name", "file", "jars", "files", "pyFiles", "archives"}
    assert view["log"][0] == "stdout: "
    assert "\nstderr: " in view["log"]


def test_an_exception_is_the_end_and_the_reason(api: Api, lakehouse: Path) -> None:
    write(lakehouse, "failing.py", FAILING)
    view = Batch(api, file="/lakehouse/default/Files/failing.py").ended()
    assert (view["state"], view["result"]) == ("dead", "Failed")
    (error,) = view["errorInfo"]
    assert (error["errorCode"], error["source"]) == ("LIVY_JOB_STATE_DEAD", "User")
    assert "exit code 1" in error["message"]
    assert "ValueError: the telling line" in error["message"]
    assert view["fabricBatchStateInfo"] == {"state": "error", "errorMessage": error["message"]}
    script = lakehouse / "Files" / "failing.py"
    at = view["log"].index("before")
    assert view["log"][at : at + 8] == [  # as Python tells it, with no frames of ours
        "before",
        "Traceback (most recent call last):",
        f'  File "{script}", line 4, in <module>',
        "    inner()",
        f'  File "{script}", line 3, in inner',
        '    raise ValueError("the telling line")',
        "ValueError: the telling line",
        "\nstderr: ",
    ]


def test_a_missing_file_is_reported_by_python(api: Api, lakehouse: Path) -> None:
    view = Batch(api, file=f"file:{lakehouse}/Files/nosuch.py").ended()
    assert view["state"] == "dead"
    where = lakehouse / "Files" / "nosuch.py"
    assert any(f"can't open file '{where}': [Errno 2] No such file or directory" in line for line in view["log"])
    assert "exit code 2" in view["errorInfo"][0]["message"]


@pytest.mark.parametrize(
    ("more", "state", "reason"),
    [([], "success", ""), (["asked to fail"], "dead", "java.lang.IllegalStateException: asked to fail")],
)
def test_a_jar_runs_its_class(api: Api, filled: Session, more: list[str], state: str, reason: str) -> None:
    batch = Batch(
        api, file=abfss(api, "Files/job.jar"), className="Job", args=["Files/data.txt", "é x", *more], name="a jar"
    )
    view = batch.ended()
    assert view["state"] == state, view
    assert "lines: 1 of é x" in view["log"]
    assert view["appId"].startswith("local-")
    assert reason in "".join(error["message"] for error in view["errorInfo"])


def test_a_class_that_the_jar_does_not_have_is_named(api: Api, filled: Session) -> None:
    view = Batch(api, file=abfss(api, "Files/job.jar"), className="NoSuchJob", name="another class").ended()
    assert view["state"] == "dead", view
    assert "NoSuchJob" in "".join(error["message"] for error in view["errorInfo"])


def test_a_cancelled_batch_is_killed_with_all_it_started_and_stays_listed(
    endless: Batch, filled: Session, api: Api
) -> None:
    view = endless.wait(lambda view: "ready" in view.get("log", []))
    assert (view["state"], view["livyInfo"]["currentState"]) == ("running", "running")
    assert "result" not in view
    began = time.monotonic()
    assert api.delete(endless.path).status_code == 200
    assert time.monotonic() - began < 5
    view = endless.view()
    assert (view["state"], view["result"]) == ("killed", "Cancelled")
    assert view["fabricBatchStateInfo"] == {"state": "cancelled"}
    assert view["cancellationReason"]
    assert view["schedulerInfo"]["cancellationRequestedAt"] <= view["livyInfo"]["killedAt"]
    assert "ready" in view["log"]
    assert filled.rows("select * from made_before_the_kill") == [[1]]
    assert api.delete(endless.path).status_code == 200
    assert endless.view() == view


def test_batches_are_listed_by_pages(api: Api, sample: Batch) -> None:
    sample.ended()
    whole = api.get("/batches").json()
    assert whole["totalCountOfMatchedItems"] == len(whole["items"])
    (first,) = api.get("/batches?$top=1&$count=true").json()["items"]
    assert first == whole["items"][0]
    assert api.get("/batches?$skip=1").json()["items"] == whole["items"][1:]
    assert api.get("/batches?$top=x").status_code == 400
    entry = next(one for one in whole["items"] if one["id"] == sample.early["id"])
    assert (entry["livyState"], entry["result"], entry["schedulerState"]) == ("success", "Succeeded", "Ended")
    assert entry["endedAt"] > entry["startedAt"] >= entry["submittedAt"]
    assert not {"state", "errorCode", "errorSource"} & set(entry)


def test_a_batch_that_is_not_there(api: Api, session: Session) -> None:
    for path in ("/batches/nosuch", f"/batches/{session.id}"):
        for answer in (api.get(path), api.delete(path)):
            assert (answer.status_code, answer.json()["errorCode"]) == (404, "SparkCoreSessionNotFound")


@pytest.mark.parametrize(
    ("request_body", "reason"),
    [
        ({}, "'file' is needed"),
        ({"file": 1}, "'file' must be a string"),
        ({"file": "Files/x.py", "args": "a"}, "'args' must be a list"),
        ({"file": "Files/x.R"}, "neither a .py nor a .jar file"),
        ({"file": "Files/../../x.py"}, "'..'"),
        ({"file": "/etc/x.py"}, "neither in a lakehouse nor a temporary file"),
        ({"file": "abfss://nowhere@onelake.dfs.fabric.microsoft.com/x/Files/x.py"}, "no workspace 'nowhere'"),
        ({"file": "Files/x.py", "jars": ["/etc/x.jar"]}, "neither in a lakehouse nor a temporary file"),
        ({"file": "Files/x.py", "conf": {"spark.files": "/etc/passwd"}}, "neither in a lakehouse nor a temporary file"),
        ({"file": "Files/x.py", "driverMemory": "much"}, "'much' is no amount of memory"),
    ],
)
def test_a_request_that_cannot_run_is_refused(api: Api, request_body: dict[str, Any], reason: str) -> None:
    before = api.get("/batches").json()["totalCountOfMatchedItems"]
    answer = api.post("/batches", request_body)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert api.get("/batches").json()["totalCountOfMatchedItems"] == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_server_takes_its_batches_along(tmp_path: Path) -> None:
    """And a batch takes a place of the capacity while it is alive."""
    server = MarkedServer(tmp_path, "--capacity", "1")
    write(
        tmp_path / "lake", "long.py", "import os, subprocess, time\nsubprocess.Popen(['sleep', '300'])\ntime.sleep(300)"
    )
    Batch(server.api, file="Files/long.py")
    assert server.api.post("/batches", {"file": "Files/long.py"}).status_code == 430
    assert server.api.post("/sessions", {}).status_code == 430
    server.wait_for_process("sleep")
    server.process.kill()
    assert server.remaining() == ({}, [])
    server.close()
