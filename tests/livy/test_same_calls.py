"""The same calls on the scripted server, on the embedded Fabric in both its dialects, and, with --fabric, on a real
lakehouse, with --livy on an Apache Livy server.

What holds on all of them is what the client may rely on; and what the client sends is what the published contract names.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabric_livy_magic.errors import MonitoringError, NotFoundError, StatementCancelled
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import Output, StatementInfo, StatementState
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.spark_hints import hints_of
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.waiting import wait_until
from fabric_livy_magic.sessions.runs import reader_of_session, run_of, runs_of
from fabric_livy_magic.settings import SessionSpec, read_target, resolve
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.methods import Credential, credential_for
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.support import contract, service
from tests.support import livy_dialect as livy_dialect
from tests.support.fakes import FakeFabric
from tests.support.outputs import error_output

SLOW = "sum(sc.parallelize(range(4), 4).map(lambda x: __import__('time').sleep(120) or x).collect())"
START_TIMEOUT_S = 600


@dataclass
class Server:
    """A Livy server of any of the kinds, with one session that is ready."""

    client: LivyClient
    session: StandardSession
    fake: FakeFabric | None = None

    def run(self, code: str, kind: str) -> Output:
        output = self.session.run(code, kind).output
        assert output is not None
        return output

    def running(self, code: str) -> StatementInfo:
        """A statement that runs."""
        if self.fake:
            self.fake.statement_goes("waiting", "running")
        submitted = self.client.submit_statement(self.session.id, code, "pyspark", "contract-1")
        wait_until(
            lambda: self.client.get_statement(self.session.id, submitted.id),
            lambda info: info.state is StatementState.RUNNING,
            first=submitted,
            timeout_s=60,
        )
        if self.fake:
            self.fake.statement_goes("waiting", "available")
        else:
            time.sleep(2)  # so that its Spark job runs too: before that there would be nothing to cancel
        return submitted


def started(url: str, credential: Credential | None, fake: FakeFabric | None = None) -> Server:
    http = LivyHttp(url, BearerAuth(credential) if credential else None)
    client = LivyClient(http, Dialect.FABRIC if read_target(url).is_fabric_api else Dialect.APACHE_LIVY)
    session = StandardSession.create(client, SessionSpec())
    session.wait_ready(timeout_s=START_TIMEOUT_S)
    return Server(client, session, fake)


def scripted(*, apache: bool) -> Iterator[Server]:
    fake = FakeFabric(apache=apache)
    fake.answer("SELECT * FROM nosuch", error_output("Error", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `nosuch` …"))
    yield started(fake.url, None if apache else StaticToken(fake.token), fake)
    fake.stop()


def embedded(lakehouse: Path) -> Iterator[Server]:
    pytest.importorskip("pyspark")
    from fabric_livy_magic.local.server.launch import start_local_fabric

    fabric = start_local_fabric(lakehouse)
    try:
        yield started(fabric.livy_endpoint, StaticToken(fabric.token))
    finally:
        fabric.stop()


def embedded_livy(lakehouse: Path) -> Iterator[Server]:
    """Its other dialect, behind the same client as a real Apache Livy."""
    pytest.importorskip("pyspark")
    with livy_dialect.serving(lakehouse) as api:
        yield started(api.base, StaticToken(service.TOKEN))


def real(address: str) -> Iterator[Server]:
    target = read_target(address)
    server = started(target.url, credential_for(resolve()) if target.is_fabric_api else None)
    try:
        yield server
    finally:
        server.session.stop()


@pytest.fixture(
    scope="module",
    params=[
        "fake-fabric",
        "fake-apache",
        pytest.param("embedded", marks=pytest.mark.spark),
        pytest.param("embedded-livy", marks=pytest.mark.spark),
        pytest.param("tenant", marks=pytest.mark.fabric),
        pytest.param("livy", marks=pytest.mark.livy),
    ],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param == "embedded":
        yield from embedded(tmp_path_factory.mktemp("lakehouse"))
    elif request.param == "embedded-livy":
        yield from embedded_livy(tmp_path_factory.mktemp("lakehouse"))
    elif request.param == "tenant":
        yield from real(request.config.getoption("--fabric"))
    elif request.param == "livy":
        yield from real(request.config.getoption("--livy"))
    else:
        yield from scripted(apache=request.param == "fake-apache")


def test_a_session_has_an_id_and_is_idle(server: Server) -> None:
    info = server.session.info()
    assert info.id == server.session.id
    assert info.state.value == "idle"


def test_a_session_is_in_the_list_by_its_name(server: Server) -> None:
    name = server.session.info().name
    assert name
    assert server.session.id in [info.id for info in server.client.list_sessions() if info.name == name]


def test_a_pyspark_statement_gives_the_text_of_its_value(server: Server) -> None:
    output = server.run("1+1", "pyspark")
    assert (output.status, output.text) == ("ok", "2")


def test_a_sql_statement_gives_its_schema_and_rows(server: Server) -> None:
    table = server.run("SELECT 1 AS one", "sql").data["application/json"]
    assert [(f["name"], f["type"]) for f in table["schema"]["fields"]] == [("one", "integer")]
    assert table["data"] == [[1]]


def test_an_error_in_pyspark_names_its_exception(server: Server) -> None:
    output = server.run("1/0", "pyspark")
    assert (output.status, output.ename, output.evalue) == ("error", "ZeroDivisionError", "division by zero")
    assert output.traceback


def test_an_error_in_sql_has_sparks_message(server: Server) -> None:
    output = server.run("SELECT * FROM nosuch", "sql")
    assert output.status == "error"
    assert "TABLE_OR_VIEW_NOT_FOUND" in output.evalue


def test_scala_that_does_not_compile_is_an_error_with_its_place(server: Server) -> None:
    output = server.run("nosuch + 1", "spark")
    assert output.status == "error"
    assert "not found: value nosuch" in output.evalue + "".join(output.traceback)


FAILING = "sc.parallelize([1, 0], 2).map(lambda x: 1 / x).collect()"
UNEVEN = "sc.parallelize(1 to 6, 6).map { i => if (i == 6) Thread.sleep(5000); i }.count()"
SPILLING = """
spark.conf.set("spark.sql.windowExec.buffer.in.memory.threshold", "100")
spark.conf.set("spark.sql.windowExec.buffer.spill.threshold", "4000")
every = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
rows = spark.range(20000).selectExpr("id", f"sum(id) OVER (PARTITION BY id % 2 ORDER BY id {every}) AS s")
rows.write.format("noop").mode("overwrite").save()
"""


def test_failed_tasks_skew_and_spill_are_told_where_the_server_has_sparks_own_numbers(server: Server) -> None:
    reader = reader_of_session(server.session)
    if server.fake or server.client.dialect is Dialect.APACHE_LIVY:
        with pytest.raises(MonitoringError, match=r"not affected|names no Spark UI"):
            reader.spark()
        return
    assert server.run(FAILING, "pyspark").status == "error"
    for code, kind in ((UNEVEN, "spark"), (SPILLING, "pyspark")):
        output = server.run(code, kind)
        assert output.status == "ok", output.evalue
    report = reader.spark()
    assert "ZeroDivisionError: division by zero" in [one.reason for one in report.failures]
    assert {"skew", "spill"} <= {hint.kind for hint in hints_of(report)}
    failing, uneven, spilling = report.statements[-3:]
    assert failing.work.failed == 1
    assert uneven.work.task_s >= 5
    assert spilling.work.spilled_bytes > 0
    assert spilling.work.shuffle_bytes > 0
    assert report.vcore_seconds
    assert report.vcore_seconds > 5


def test_logs_are_read_where_the_server_has_them(server: Server) -> None:
    reader = reader_of_session(server.session)
    assert isinstance(reader.logs(), list)
    if server.fake or server.client.dialect is Dialect.APACHE_LIVY:
        with pytest.raises(MonitoringError, match=r"not affected|is for Fabric"):
            reader.logs("driver")
        return
    server.run('System.err.println("a line for its log")', "spark")
    for place in ({"source": "driver"}, {"source": "livy"}, {"executor": "driver"}):
        assert "a line for its log" in reader.logs(**place), place
    assert reader.logs("driver", lines=1) != []


def test_a_session_is_among_the_runs_of_its_server(server: Server) -> None:
    """The scripted Fabric's list is a test's own."""
    if server.fake and server.client.dialect is Dialect.FABRIC:
        server.fake.monitoring.runs = [{"livyId": server.session.id, "state": "InProgress"}]
    listed = {one.id: one for one in runs_of(server.client)}
    assert not listed[server.session.id].has_ended
    assert run_of(server.client, server.session.id).state in {"InProgress", "idle"}


def test_statements_are_numbered_and_listed_with_their_code(server: Server) -> None:
    first, second = (server.session.run("1+1", "pyspark").id for _ in range(2))
    assert second == first + 1
    listed = {info.id: info for info in server.client.newest_statements(server.session.id)}
    assert {first, second} <= set(listed)
    assert listed[second].code == "1+1"
    assert listed[second].state is StatementState.AVAILABLE


def test_the_source_id_comes_back_with_the_statement(server: Server) -> None:
    if server.client.dialect is Dialect.APACHE_LIVY:
        pytest.skip("Apache Livy has no source id")
    submitted = server.client.submit_statement(server.session.id, "1+1", "pyspark", "contract-2")
    assert server.client.get_statement(server.session.id, submitted.id).source_id == "contract-2"


def test_a_running_statement_can_be_cancelled_and_the_session_goes_on(server: Server) -> None:
    submitted = server.running(SLOW)
    server.client.cancel_statement(server.session.id, submitted.id)
    final = wait_until(
        lambda: server.client.get_statement(server.session.id, submitted.id),
        lambda info: info.state.is_final,
        timeout_s=60,
    )
    assert final.state is StatementState.CANCELLED
    assert server.run("1+1", "pyspark").text == "2"


def test_a_statement_that_is_cancelled_elsewhere_raises_here(server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    if server.fake:
        server.fake.statement_goes("waiting", "running")
    known = {info.id for info in server.client.newest_statements(server.session.id)}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run_statement, server.client, server.session.id, SLOW, "pyspark")
        new = wait_until(
            lambda: [one for one in server.client.newest_statements(server.session.id) if one.id not in known],
            lambda found: any(one.state is StatementState.RUNNING or server.fake for one in found),
            timeout_s=60,
        )
        time.sleep(0 if server.fake else 2)
        server.client.cancel_statement(server.session.id, new[0].id)
        with pytest.raises(StatementCancelled):
            waiting.result(60)
    if server.fake:
        server.fake.statement_goes("waiting", "available")


def test_a_missing_session_or_statement_is_not_found(server: Server) -> None:
    with pytest.raises(NotFoundError):
        server.client.get_statement(server.session.id, 99_999)
    with pytest.raises(NotFoundError):
        server.client.get_session("00000000-0000-4000-8000-000000000000")


def test_a_stopped_session_is_gone(server: Server) -> None:
    """The last test of this file on each server."""
    assert server.session.stop()
    with pytest.raises(NotFoundError):
        wait_until(lambda: server.client.get_session(server.session.id), lambda _: False, timeout_s=30)
    assert not server.client.delete_session(server.session.id)


# ------------------------------------------------------------------------------------------------ the published contract
@pytest.fixture
def everything_the_client_sends(fabric: FakeFabric) -> FakeFabric:
    fabric.session_goes("idle")
    server = started(fabric.url, StaticToken(fabric.token), fabric)
    submitted = server.running("slow()")
    server.client.cancel_statement(server.session.id, submitted.id)
    server.client.newest_statements(server.session.id)
    server.client.list_sessions()
    server.client.session_log(server.session.id)
    spec = SessionSpec(
        name="n",
        conf={"a": "b"},
        driver_memory="28g",
        driver_cores=4,
        executor_memory="28g",
        executor_cores=4,
        num_executors=2,
    )
    server.client.create_session(spec)
    server.session.stop()
    return fabric


def call_of(method: str, path: str) -> contract.Call | None:
    return next((call for call in contract.calls() if call.is_of(method, path)), None)


def test_every_path_and_parameter_that_the_client_sends_is_in_the_contract(
    everything_the_client_sends: FakeFabric,
) -> None:
    for request in everything_the_client_sends.requests:
        call = call_of(request.method, request.path)
        assert call, f"{request} is not in the published contract"
        assert set(request.query) <= call.query


def test_every_field_that_the_client_sends_is_in_the_contract(everything_the_client_sends: FakeFabric) -> None:
    for request in everything_the_client_sends.requests:
        call = call_of(request.method, request.path)
        if request.body:
            assert call
            assert call.body
            assert set(request.body) <= set(contract.fields(call.body)), str(request)


def test_the_base_path_is_the_contracts(fabric: FakeFabric) -> None:
    assert re.fullmatch(contract.any_of(contract.BASE), fabric.root, re.IGNORECASE)
    assert read_target(f"http://127.0.0.1{fabric.root}").is_fabric_api


def test_the_scripted_server_answers_with_fields_of_the_contract(fabric: FakeFabric) -> None:
    server = started(fabric.url, StaticToken(fabric.token), fabric)
    http = server.client.http
    session = http.get(f"/sessions/{server.session.id}")
    statement = http.post(f"/sessions/{server.session.id}/statements", {"code": "1+1", "kind": "pyspark"})
    (activity,) = http.get("/sessions")["items"]
    assert set(session) <= set(contract.fields("SessionResponse"))
    assert set(statement) <= set(contract.fields("StatementResponse"))
    assert set(activity) <= set(contract.fields("LivySparkActivity"))
