"""What another user of the machine reaches of a session or a batch: nothing, as every port asks for a secret. And what they get of
the user's own secrets: none, unless it is meant for them."""

from __future__ import annotations

import ast
import json
import re
import socket
import sys
import textwrap
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.submit import spark_home
from fabric_livy_magic.started_processes import FEED_VARIABLES, SECRET_VARIABLES
from tests.support import service
from tests.support.service import Api, Session
from tests.support.spark_intruder import intruder

pytestmark = pytest.mark.spark

# Once a batch of a stream has been given to Python, and an RDD has been computed by Python.
EVERYTHING_LISTENS = """
rows = sc.parallelize([f"row {number}" for number in range(10)], 1).map(lambda row: row).cache()
rows.count()
seen = []
def see(frame, number): seen.append(frame.count())
stream = spark.readStream.format("rate").option("rowsPerSecond", 50).load().writeStream.foreachBatch(see).start()
while not seen and stream.exception() is None: stream.processAllAvailable()
stream.stop()
len(seen) > 0 and stream.exception() is None
"""
PORTS = """
store = sc._jsc.sc().statusStore()
[int(sc.getConf().get("spark.driver.port")), int(store.executorList(False).apply(0).hostPort().split(":")[1]), rows.id()]
"""
SECRET = """
hadoop = sc._jvm.org.apache.hadoop
key = hadoop.io.Text("sparkCookie")
bytes(hadoop.security.UserGroupInformation.getCurrentUser().getCredentials().getSecretKey(key)).decode()
"""
WITHOUT_SECRET = b"c\np0\ntoString\ne\n"  # py4j's protocol: call a method of an object


PRIVATE = "what-signs-in-elsewhere"
ENVIRONMENT = {
    **dict.fromkeys(sorted(SECRET_VARIABLES | FEED_VARIABLES), PRIVATE),
    "FABRIC_LIVY_TOKEN_STORAGE": "for notebookutils",
    "OWN_VARIABLE": "for my code",
}
BATCH = """
    import json, os, socket
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.config("spark.authenticate", "false").config("spark.ui.enabled", "true").getOrCreate()
    seen = []
    def see(frame, number): seen.append(frame.count())
    stream = spark.readStream.format("rate").option("rowsPerSecond", 50).load().writeStream.foreachBatch(see).start()
    while not seen: stream.processAllAvailable()
    stream.stop()
    with socket.create_connection(("127.0.0.1", spark.sparkContext._gateway._callback_server.port), timeout=5) as caller:
        caller.sendall(WITHOUT_SECRET)
        try:
            answer = caller.recv(1000).decode()
        except ConnectionResetError:
            answer = ""
    conf = spark.sparkContext.getConf()
    asks = [conf.get("spark.authenticate"), conf.get("spark.ui.enabled")]
    print(json.dumps({"answer": answer, "asks": asks, "environment": dict(os.environ)}))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def api(house: Path) -> Iterator[Api]:
    with service.serving(house, extra_env=ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="module")
def session(api: Api) -> Session:
    """One whose user asks for open ports."""
    started = api.start_session(conf={"spark.authenticate": "false", "spark.ui.enabled": "true"})
    started.wait_for("idle")
    assert started.text(EVERYTHING_LISTENS) == "True"
    return started


def listeners(api: Api) -> dict[int, str]:
    """Port → what listens there, of all processes that the server started, and its own."""
    found = {}
    server = psutil.Process(api.ready["pid"])
    for process in [server, *server.children(recursive=True)]:
        words = " ".join(process.cmdline())
        kind = next(
            (name for name in ("spark.properties", "forked_repl.py", "pyspark.daemon") if name in words), "server"
        )
        for one in process.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN:
                assert one.laddr.ip.removeprefix("::ffff:") == "127.0.0.1", one
                found[one.laddr.port] = kind
    return found


@pytest.mark.skipif(sys.platform == "darwin", reason="listing the connections of processes takes root there")
def test_all_that_listens_is_known_and_closes_on_who_brings_no_secret(api: Api, session: Session) -> None:
    kinds = listeners(api)
    assert sorted(kinds.values()) == [
        *2 * ["forked_repl.py"],  # accumulators; callbacks of py4j
        "pyspark.daemon",  # secret in the first bytes
        *2 * ["server"],  # HTTP; runs of other notebooks
        *3 * ["spark.properties"],  # py4j; Spark's RPC and block manager: see below
    ]
    for port in kinds:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as caller:
            caller.sendall(WITHOUT_SECRET)
            try:
                answer = caller.recv(1000)
            except (TimeoutError, ConnectionResetError):
                answer = b""  # it waits for more of a secret, or is closed
        refusals = rb"|!xsAuthentication error.*|HTTP/1.1 400.*"
        if kinds[port] == "pyspark.daemon":
            refusals = rb".{4}(\0\0\0\x03err)?"  # the number of its process, before it reads the secret
        assert re.fullmatch(refusals, answer, re.DOTALL), (kinds[port], answer)


def test_a_spark_without_the_secret_reads_no_cached_rows(session: Session) -> None:
    rpc_port, block_port, rdd_id = json.loads(session.text(PORTS))
    with intruder(find_java(version("pyspark")), spark_home() / "jars") as other_spark:
        with pytest.raises(Py4JJavaError, match="Expected SaslMessage"):
            other_spark.block_location(rpc_port, rdd_id)
        with pytest.raises(Py4JJavaError, match="Expected SaslMessage"):
            other_spark.block(block_port, rdd_id)
    assert session.text("rows.first()") == "'row 0'"


def test_the_secret_is_in_no_setting_and_no_command_line(api: Api, session: Session) -> None:
    secret = ast.literal_eval(session.text(SECRET))
    assert len(secret) >= 32
    assert (
        session.text("[key for key, _ in sc.getConf().getAll() if 'authenticate' in key]") == "['spark.authenticate']"
    )
    folders = Path(session.text("import os; print(os.environ['SPARK_CONF_DIR'])").strip())
    texts = [file.read_bytes() for file in folders.rglob("*") if file.is_file()]
    processes = psutil.Process(api.ready["pid"]).children(recursive=True)
    texts += [" ".join([*one.cmdline(), *one.environ().values()]).encode() for one in processes]
    assert not any(secret.encode() in text for text in texts)


def test_secrets_of_the_environment_reach_no_process_of_a_session(api: Api, session: Session) -> None:
    for process in psutil.Process(api.ready["pid"]).children(recursive=True):  # JVM, Python, PySpark's daemon, reaper
        assert PRIVATE not in process.environ().values(), process.cmdline()
        if "spark.properties" in " ".join(process.cmdline()):
            assert "FABRIC_LIVY_TOKEN_STORAGE" not in process.environ()
    names = [*SECRET_VARIABLES, *FEED_VARIABLES, "OWN_VARIABLE", "FABRIC_LIVY_TOKEN_STORAGE"]
    seen = session.text(f"import os; [name for name in {names} if name in os.environ]")
    assert ast.literal_eval(seen) == ["OWN_VARIABLE", "FABRIC_LIVY_TOKEN_STORAGE"]
    assert session.text("notebookutils.credentials.getToken('storage')") == "'for notebookutils'"


def test_a_batch_is_as_closed_and_gets_as_little(api: Api, house: Path) -> None:
    script = textwrap.dedent(BATCH).replace("WITHOUT_SECRET", repr(WITHOUT_SECRET))
    (house / "Files").mkdir(exist_ok=True)
    (house / "Files" / "batch.py").write_text(script, encoding="utf-8")
    path = f"/batches/{api.post('/batches', {'file': 'Files/batch.py'}).json()['id']}"
    until = time.monotonic() + 120
    while (view := api.get(path).json())["state"] not in ("success", "dead"):
        assert time.monotonic() < until, view
        time.sleep(0.1)
    (line,) = [line for line in view["log"] if line.startswith('{"answer"')] or view["log"]
    seen = json.loads(line)
    assert (seen["answer"], seen["asks"]) == ("", ["true", "false"])
    assert PRIVATE not in seen["environment"].values()
    assert seen["environment"]["OWN_VARIABLE"] == "for my code"
