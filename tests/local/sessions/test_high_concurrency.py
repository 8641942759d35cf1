"""High-concurrency sessions over HTTP, on real Spark: packing by tag, isolation, parallel statements, their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.service import FINISHED, Api

pytestmark = pytest.mark.spark

ACQUIRING = ("NotStarted", "AcquiringHighConcurrencySession")


class HcSession:
    """One acquired session that is Idle, with the calls of the documentation's walk-through."""

    def __init__(self, api: Api, tag: str | None = None, **request: Any) -> None:
        self.api = api
        answer = api.post("/highConcurrencySessions", request | ({"sessionTag": tag} if tag else {}))
        assert answer.status_code == 202, answer.text
        self.first_view: dict[str, Any] = answer.json()
        self.id: str = self.first_view["id"]
        self.path = f"/highConcurrencySessions/{self.id}"
        self.states = [self.first_view["state"]]

    def ready(self, within_s: float = 90) -> HcSession:
        until = time.monotonic() + within_s
        while (view := self.view())["state"] in ACQUIRING:
            assert time.monotonic() < until, view
            self.states += [view["state"]] if view["state"] != self.states[-1] else []
            time.sleep(0.05)
        self.states.append(view["state"])
        self.session_id, self.repl_id = view["sessionId"], view["replId"]
        self.statements = f"/highConcurrencySessions/{self.session_id}/repls/{self.repl_id}/statements"
        return self

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = self.api.get(self.path).json()
        return view

    def submit(self, code: str, kind: str = "pyspark") -> str:
        answer = self.api.post(self.statements, {"code": code, "kind": kind})
        assert answer.status_code == 200, answer.text
        return f"{self.statements}/{answer.json()['id']}"

    def wait(self, statement: str) -> dict[str, Any]:
        while (view := self.api.get(statement).json())["state"] not in FINISHED:
            time.sleep(0.02)
        found: dict[str, Any] = view
        return found

    def run(self, code: str, kind: str = "pyspark") -> dict[str, Any]:
        output: dict[str, Any] = self.wait(self.submit(code, kind))["output"]
        return output

    def text(self, code: str, kind: str = "pyspark") -> str:
        output = self.run(code, kind)
        assert output["status"] == "ok", output
        text: str = output["data"]["text/plain"]
        return text

    def delete(self) -> int:
        return self.api.delete(self.path).status_code


@pytest.fixture(scope="module")
def five(api: Api) -> Iterator[list[HcSession]]:
    """Five REPLs of one Livy session."""
    acquired = [HcSession(api, "demo-tag") for _ in range(5)]
    yield [one.ready() for one in acquired]
    for one in acquired:
        one.delete()


def test_the_states_are_the_documented_ones_and_ids_come_with_idle(five: list[HcSession]) -> None:
    first = five[0]
    assert first.first_view["sessionId"] is None
    assert first.first_view["replId"] is None
    assert first.states == ["NotStarted", "AcquiringHighConcurrencySession", "Idle"]
    assert first.view()["sessionTag"] == "demo-tag"


def test_one_tag_is_one_livy_session_with_a_repl_each(five: list[HcSession]) -> None:
    assert len({one.session_id for one in five}) == 1
    assert len({one.repl_id for one in five} | {one.id for one in five}) == 10
    listed = [item["id"] for item in five[0].api.get("/sessions").json()["items"]]
    assert five[0].session_id in listed
    assert five[0].api.get(f"/sessions/{five[0].session_id}").json()["name"].startswith("HC_")


def test_statements_of_five_repls_run_at_once(five: list[HcSession]) -> None:
    for one in five:
        one.text("import time")
    with ThreadPoolExecutor(5) as pool:
        views = list(pool.map(lambda one: one.wait(one.submit("time.sleep(3); 'slept'")), five))
    assert [view["output"]["data"]["text/plain"] for view in views] == ["'slept'"] * 5
    began, ended = max(view["started"] for view in views), min(view["completed"] for view in views)
    assert began < ended, "there was a moment at which all five ran"
    assert max(v["completed"] for v in views) - min(v["started"] for v in views) < 5_000


def test_variables_and_scala_values_belong_to_one_repl(five: list[HcSession]) -> None:
    one, other = five[:2]
    assert one.text("x = 42; print(x)") == "42"
    assert other.run("x")["ename"] == "NameError"
    for repl, value in ((one, 1), (other, 2)):
        repl.text(f"case class Mine(v: Int)\nval mine = {value}", "spark")
    code = "println(sc.parallelize(Seq(mine)).map(v => Mine(v).v).collect.mkString)"
    assert [one.text(code, "spark"), other.text(code, "spark")] == ["1\n", "2\n"]
    code = "println(Seq(Mine(mine)).toDS.map(m => Mine(m.v * 10)).collect.head.v + sc.parallelize(1 to 2).map(Mine(_)).collect.size)"
    assert [one.text(code, "spark"), other.text(code, "spark")] == ["12\n", "22\n"]
    assert "not found" in five[2].run("mine", "spark")["evalue"]


def test_temp_views_and_settings_belong_to_one_repl_tables_to_all(five: list[HcSession]) -> None:
    one, other = five[:2]
    one.text("spark.range(3).createOrReplaceTempView('mine')\nspark.conf.set('spark.sql.shuffle.partitions', '7')")
    assert one.run("select count(*) from mine", "sql")["data"]["application/json"]["data"] == [[3]]
    assert one.text('println(spark.table("mine").count)', "spark") == "3\n"
    assert "TABLE_OR_VIEW_NOT_FOUND" in other.run("select count(*) from mine", "sql")["evalue"]
    assert "TABLE_OR_VIEW_NOT_FOUND" in other.run("spark.table('mine')")["evalue"]
    assert other.text("spark.conf.get('spark.sql.shuffle.partitions')") != "'7'"
    one.text("spark.range(3).write.format('parquet').saveAsTable('of_all')")
    assert other.run("select count(*) from of_all", "sql")["data"]["application/json"]["data"] == [[3]]
    assert other.text("spark.sparkContext.applicationId") == one.text("sc.applicationId")
    assert other.text("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate() is spark") == "True"


def test_a_failure_or_a_cancel_in_one_repl_leaves_the_others_alone(five: list[HcSession]) -> None:
    one, other = five[:2]
    slow = other.submit("import time; time.sleep(2); 'mine goes on'")
    hanging = one.submit("import time; time.sleep(60)")
    one.api.post(f"{hanging}/cancel")
    assert one.wait(hanging)["state"] == "cancelled"
    assert other.wait(slow)["output"]["data"]["text/plain"] == "'mine goes on'"


def test_a_sixth_repl_begins_another_livy_session_whose_end_is_that_of_its_last_repl(five: list[HcSession]) -> None:
    sixth = HcSession(five[0].api, "demo-tag").ready()
    assert sixth.session_id != five[0].session_id
    assert sixth.delete() == 200
    assert sixth.api.get(f"/sessions/{sixth.session_id}").status_code == 404
    assert sixth.api.get(sixth.path).status_code == 404
    assert sixth.delete() == 404


def test_a_freed_place_is_taken_again(five: list[HcSession]) -> None:
    gone = five.pop()
    assert gone.delete() == 200
    assert gone.api.get(gone.statements).status_code == 404
    five.append(HcSession(gone.api, "demo-tag").ready())
    assert five[-1].session_id == five[0].session_id
    assert five[-1].text("1 + 1") == "2"


@pytest.mark.parametrize(
    "path",
    ["/sessions/{session}/statements", "/highConcurrencySessions/{session}/repls/nosuch/statements"],
)
def test_statements_are_taken_by_a_repl_only(five: list[HcSession], path: str) -> None:
    answer = five[0].api.post(path.format(session=five[0].session_id), {"code": "1", "kind": "pyspark"})
    assert (answer.status_code, answer.json()["errorCode"][:9]) == (404, "SparkCore")


def test_a_livy_session_that_ends_takes_its_repls_along(api: Api) -> None:
    alone = HcSession(api)
    assert "sessionTag" not in alone.ready().first_view
    assert alone.text("import os; os.getpid() > 0") == "True"
    alone.submit("sc._jvm.System.exit(3)")
    while (view := alone.view())["state"] == "Idle":
        time.sleep(0.05)
    assert view["state"] == "Dead"
    assert "the JVM ended" in view["fabricSessionStateInfo"]["errorMessage"]
    assert alone.delete() == 200
