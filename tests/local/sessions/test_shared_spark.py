"""`serve --share-spark`: sessions with catalogs, Python and lakehouses of their own in one Spark application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.guests import fits_a_guest
from fabric_livy_magic.local.spark.session_request import SessionRequest
from tests.support import service
from tests.support.scala_words import in_this_scala
from tests.support.service import Api, Session

APPLICATION = "print(sc.applicationId)"


@pytest.mark.parametrize(
    "request_",
    [
        SessionRequest(),
        SessionRequest(name="x", conf={"spark.sql.shuffle.partitions": "3", "spark.fabric_livy.notebook": "Load"}),
        SessionRequest(conf={"spark.databricks.delta.retentionDurationCheck.enabled": "false"}, ttl="10m"),
    ],
)
def test_a_session_that_asks_for_what_a_session_has_is_a_guest(request_: SessionRequest) -> None:
    assert fits_a_guest(request_)


@pytest.mark.parametrize(
    "request_",
    [
        SessionRequest(driver_memory="1g"),
        SessionRequest(num_executors=2),
        SessionRequest(jars=("x.jar",)),
        SessionRequest(conf={"spark.jars.packages": "a:b:1"}),
        SessionRequest(conf={"spark.sql.extensions": "its.Extension"}),
        SessionRequest(conf={"spark.sql.catalog.spark_catalog": "its.Catalog"}),
    ],
)
def test_one_that_asks_for_what_an_application_has_gets_its_own(request_: SessionRequest) -> None:
    assert not fits_a_guest(request_)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with service.serving(tmp_path_factory.mktemp("lake"), ["--token", service.TOKEN, "--share-spark"]) as found:
        yield found


def fresh(api: Api, folder: Path, **request: object) -> Session:
    """A session in a lakehouse of its own."""
    folder.mkdir(exist_ok=True)
    root = api.ready["api_url"].removesuffix("/v1")
    answer = api.http.post(f"{root}/embedded/freshLakehouses", json={"folder": str(folder)}, timeout=60)
    assert answer.status_code == 201, answer.text
    made = Api({**api.ready, "livy_endpoint": f"{api.ready['api_url']}/{answer.json()['livyPath']}"})
    session = made.start_session(**request)
    session.wait_for("idle")
    return session


@pytest.mark.spark
def test_guests_see_nothing_of_each_other(api: Api, tmp_path: Path) -> None:
    one, two = fresh(api, tmp_path / "one"), fresh(api, tmp_path / "two")
    assert one.text(APPLICATION) == two.text(APPLICATION)
    one.text("spark.range(3).write.saveAsTable('trips'); spark.range(1).createGlobalTempView('shared'); x = 1")
    one.text(
        "spark.sql('CREATE SCHEMA raw'); spark.sql('USE raw'); spark.conf.set('spark.sql.shuffle.partitions', '7')"
    )
    one.text("open('/lakehouse/default/Files/a.txt', 'w').write('a')")
    assert two.rows("SHOW TABLES") == []
    assert ["raw"] not in two.rows("SHOW SCHEMAS")
    assert two.error("x")["ename"] == "NameError"
    assert two.text(
        "print(spark.conf.get('spark.sql.shuffle.partitions') == '7', spark.catalog.currentDatabase())"
    ) == ("False dbo")
    assert "TABLE_OR_VIEW_NOT_FOUND" in two.error("SELECT * FROM global_temp.shared", "sql")["evalue"]
    assert two.text("import os; print(os.listdir('/lakehouse/default/Files'))") == "[]"
    two.text("spark.range(5).write.saveAsTable('trips')")
    assert (one.rows("SELECT count(*) FROM dbo.trips"), two.rows("SELECT count(*) FROM trips")) == ([[3]], [[5]])
    for session, number in ((one, 3), (two, 5)):
        path = "spark.read.format('delta').load('Tables/dbo/trips').count()"
        assert session.text(path) == str(number)


@pytest.mark.spark
def test_scala_of_a_guest_is_its_own_also_after_another_guest(api: Api, tmp_path: Path) -> None:
    for number in (1, 2):
        one = fresh(api, tmp_path / f"scala {number}")
        defined = one.text(f'println("guest {number}")\nval number = {number}', "spark")
        assert defined == in_this_scala(f"guest {number}\nnumber: Int = {number}\n")
        mapped = "Seq(1, 2).toDS.map(_ + number).collect.sum"  # a closure of this line, in an executor
        assert one.text(mapped, "spark") == in_this_scala(f"res1: Int = {3 + 2 * number}\n")
        assert one.api.delete(one.path).status_code == 200


@pytest.mark.spark
def test_what_a_guest_runs_ends_with_it(api: Api, tmp_path: Path) -> None:
    one, two = fresh(api, tmp_path / "one"), fresh(api, tmp_path / "two")
    start = "spark.readStream.format('rate').load().writeStream.format('memory').queryName('q').start()"
    one.text(f"query = {start}; print(query.id)")
    job = one.submit("spark.range(1 << 40).selectExpr('sum(id * id)').collect()")
    one.wait(job, "running")
    active = "len(sc.statusTracker().getActiveJobsIds())"
    assert one.api.delete(one.path).status_code == 200
    two.text(
        f"import time\nuntil = time.monotonic() + 20\nwhile {active} and time.monotonic() < until: time.sleep(0.1)"
    )
    assert two.text(f"print({active})") == "0"


@pytest.mark.spark
def test_a_session_with_a_size_of_its_own_has_its_own_application(api: Api, tmp_path: Path) -> None:
    guest, own = fresh(api, tmp_path / "one"), fresh(api, tmp_path / "two", driverMemory="700m")
    assert guest.text(APPLICATION) != own.text(APPLICATION)
    assert own.api.delete(own.path).status_code == 200
    assert guest.text("1 + 1") == "2"


@pytest.mark.spark
def test_after_the_end_of_the_shared_application_the_next_session_starts_another(api: Api, tmp_path: Path) -> None:
    one = fresh(api, tmp_path / "one")
    before = one.text(APPLICATION)
    one.submit("spark._jvm.java.lang.Runtime.getRuntime().halt(3)")
    two = fresh(api, tmp_path / "two")
    assert two.text(APPLICATION) != before
    two.text("spark.stop()")
    three = fresh(api, tmp_path / "three")
    assert json.loads(three.text("print(spark.range(3).count())")) == 3
