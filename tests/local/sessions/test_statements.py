"""Statements of all kinds on real Spark."""

from __future__ import annotations

import itertools
import re
import time
import uuid
from typing import Any

import pytest

from tests.support.scala_words import IS_213, in_this_scala
from tests.support.service import Api, Session

pytestmark = pytest.mark.spark


def test_a_new_session_shows_itself_as_fabric_does(api: Api, session: Session) -> None:
    view = session.view()
    assert view["id"] == session.id
    assert uuid.UUID(session.id)
    assert view["name"] == "shared"
    assert view["livyInfo"]["currentState"] == view["state"]
    assert view["appId"].startswith("local-")
    listed = api.get("/sessions").json()
    assert listed["totalCountOfMatchedItems"] >= 1
    assert session.id in [item["id"] for item in listed["items"]]


def test_the_first_answer_has_no_state_yet(api: Api) -> None:
    view = api.post("/sessions", {"name": "early", "unknownField": {"of": "Fabric"}, "tags": {"a": "b"}}).json()
    early = Session(api, view["id"])
    assert view["fabricSessionStateInfo"] == {"state": "acquiringSession"}
    assert "state" not in view
    assert api.delete(early.path).status_code == 200  # while it starts
    assert api.get(early.path).status_code == 404
    assert api.delete(early.path).status_code == 404


TEXTS = [
    ("pyspark", "1 + 2", "3"),
    ("pyspark", "sc.parallelize(range(100)).map(lambda x: x * 2).reduce(lambda x, y: x + y)", "9900"),
    ("pyspark", "spark.range(3)", "DataFrame[id: bigint]"),
    ("pyspark", "type(sqlContext).__name__, __name__", "('SQLContext', '__main__')"),
    ("pyspark", "import time; time.tzname[0], spark.conf.get('spark.sql.session.timeZone')", "('UTC', 'UTC')"),
    ("spark", "val greeting = 1\n\nval y = 2", "greeting: Int = 1\ny: Int = 2\n"),
    ("spark", 'println("Hello World")', "Hello World\n"),
    ("spark", "println(1)\nprintln(2)", "1\n2\n"),
    ("spark", "val r = 1\n// comment\n/*\ncomment\n*/", "r: Int = 1\n"),
    ("spark", 'println("é☃")', "é☃\n"),
    ("spark", "spark.range(5).map(_ + 1).collect().toList.foreach(println)", "1\n2\n3\n4\n5\n"),
    ("spark", "val chain = List(1,2,3).\n  map(_ + 1).\n  sum", "chain: Int = 9\n"),
    ("spark", "val line = scala.io.StdIn.readLine()", "line: String = null\n"),
    ("pyspark", "import sys\nsys.stdout.write('abc')", "abc"),
]


@pytest.mark.parametrize(("kind", "code", "text"), TEXTS)
def test_text(session: Session, kind: str, code: str, text: str) -> None:
    assert session.text(code, kind) == (in_this_scala(text) if kind == "spark" else text)


def test_scala_results_are_numbered(session: Session) -> None:
    first = re.fullmatch(in_this_scala("resN: Int = 2\n").replace("N", r"(\d+)"), session.text("1 + 1", "spark"))
    assert first
    assert session.text("1 + 2", "spark") == in_this_scala(f"res{int(first[1]) + 1}: Int = 3\n")


def test_a_case_class_works_in_its_cell_and_in_later_ones(session: Session) -> None:
    code = (
        "case class Item(x: Int)\nval items = spark.range(3).map(i => Item(i.toInt))\nprintln(items.collect().toList)"
    )
    assert session.text(code, "spark").endswith("List(Item(0), Item(1), Item(2))\n")
    assert session.text("println(items.map(i => Item(i.x + 1)).collect().toList)", "spark").endswith(
        "List(Item(1), Item(2), Item(3))\n"
    )
    assert session.text("println(items.rdd.map(_.x).sum())", "spark") == "3.0\n"


def test_functions_and_classes_of_a_cell_travel_to_the_executors(session: Session) -> None:
    code = """
from pyspark.sql.functions import udf
class Doubler:
    def __init__(self, by): self.by = by
    def __call__(self, x): return x * self.by
@udf("int")
def doubled(x): return Doubler(2)(x)
[row.d for row in spark.range(3).select(doubled("id").alias("d")).collect()], sc.parallelize([Doubler(3)]).map(lambda d: d(5)).collect()
"""
    assert session.text(code) == "([0, 2, 4], [15])"


def test_kinds_share_spark_but_no_variables(session: Session) -> None:
    session.text("shared_x = 1\nspark.range(4).createOrReplaceTempView('of_python')")
    assert session.rows("select count(*) from of_python") == [[4]]
    assert session.text('println(spark.table("of_python").count())', "spark") == "4\n"
    assert session.error("shared_x", "spark")["ename"] == "Error"


def test_sql_gives_schema_and_rows(session: Session) -> None:
    output = session.output("select 1 as a, 'é' as b, cast(1.5 as decimal(5,2)) as c, cast(null as date) as d", "sql")
    table = output["data"]["application/json"]
    assert list(table) == ["schema", "data"]
    assert [field["type"] for field in table["schema"]["fields"]] == ["integer", "string", "decimal(5,2)", "date"]
    assert table["data"] == [[1, "é", 1.5, None]]
    assert session.rows("select timestamp'2020-01-01 01:02:03Z', array(1), map('k', 2)") == [
        ["2020-01-01T01:02:03Z", [1], {"k": 2}]
    ]


def test_sql_is_cut_at_a_thousand_rows(session: Session) -> None:
    rows = session.rows("select * from range(2000)")
    assert (len(rows), rows[-1]) == (1000, [999])


def test_ddl_gives_an_empty_table(session: Session) -> None:
    output = session.output("create or replace temp view w as select 1 as z", "sql")
    assert output["data"] == {"application/json": {"schema": {"type": "struct", "fields": []}, "data": []}}


ERRORS: list[tuple[str, str, str, str]] = [
    ("pyspark", "undefined_name", "NameError", "name 'undefined_name' is not defined"),
    ("pyspark", "spark.table('nope')", "AnalysisException", "TABLE_OR_VIEW_NOT_FOUND"),
    ("pyspark", "input()", "EOFError", "EOF"),
    ("spark", "undefinedName", "Error", "error: not found: value undefinedName"),
    ("spark", "throw new IllegalStateException()", "Error", "java.lang.IllegalStateException"),
    ("spark", "sc.", "Error", "incomplete statement"),
    ("sql", "select * from nope", "Error", "TABLE_OR_VIEW_NOT_FOUND"),
    ("sql", "selec 1", "Error", "PARSE_SYNTAX_ERROR"),
    ("sql", "", "Error", "PARSE_EMPTY_STATEMENT" if IS_213 else "PARSE_SYNTAX_ERROR"),
    ("sql", "select 1; select 2", "Error", "PARSE_SYNTAX_ERROR"),
    ("sparkr", "1 + 1", "InterpreterError", "R is not part of the embedded Fabric"),
]


@pytest.mark.parametrize(("kind", "code", "ename", "part"), ERRORS)
def test_errors_are_available_statements(session: Session, kind: str, code: str, ename: str, part: str) -> None:
    view = session.wait(session.submit(code, kind))
    assert (view["state"], view["output"]["status"], view["output"]["ename"]) == ("available", "error", ename)
    assert part in view["output"]["evalue"]
    assert view["output"]["execution_count"] == view["id"]


def test_scala_errors_keep_what_was_printed_and_what_was_defined(session: Session) -> None:
    output = session.error(
        'val kept = 5\nprintln("line2")\nthrow new RuntimeException("third")\nval never = 1', "spark"
    )
    assert output["evalue"] == "java.lang.RuntimeException: third"
    assert output["data"] == {"text/plain": in_this_scala("kept: Int = 5\nline2")}
    assert session.text("println(kept)", "spark") == "5\n"
    assert "not found: value never" in session.error("never", "spark")["evalue"]


def test_a_scala_magic_shows_the_value_of_the_line_above(session: Session) -> None:
    assert session.output("BigDecimal(1)\n%json x", "spark")["data"] == {"application/json": 1.0}
    assert session.output("1\n%json x\n// a comment", "spark")["data"] == {"application/json": 1}
    code = 'println("above")\n1\n%json x\nprintln("é")\nval below = 2'
    assert session.text(code, "spark") == in_this_scala("é\nbelow: Int = 2\n")
    for code in ("%json x", "import java.util.UUID\n%json x", "println()\n%table x"):
        output = session.error(code, "spark")
        assert (output["ename"], output["evalue"]) == ("NameError", "Value x does not exist")
    assert session.error("7\n%json x\nsc.", "spark")["evalue"] == "incomplete statement"


def test_sql_errors_carry_the_frames_of_the_jvm(session: Session) -> None:
    traceback = session.error("select * from nope", "sql")["traceback"]
    assert traceback
    assert not any(line.startswith(("\t", "at ")) for line in traceback)


def test_what_children_and_c_code_write_belongs_to_their_statement(session: Session) -> None:
    code = "import os, subprocess, sys\nos.system('echo child')\nos.write(1, b'raw\\n')\nprint('py')"
    assert sorted(session.text(code + "\n_ = subprocess.run(['echo', 'sub'], stdout=sys.stdout)").split("\n")) == [
        "child",
        "py",
        "raw",
        "sub",
    ]
    assert [session.text(str(number)) for number in range(3)] == ["0", "1", "2"]


def test_output_that_is_large(session: Session) -> None:
    assert len(session.text("'x' * 25_000_000")) == 25_000_002


def test_statements_run_in_the_order_they_came(session: Session) -> None:
    session.text("import time")
    ids = [
        session.submit("time.sleep(0.7); done = [1]"),
        session.submit("select 1", "sql"),
        session.submit("done.append(2)"),
        session.submit("println(1)", "spark"),
    ]
    waiting = session.statement(ids[3])
    assert (waiting["state"], waiting["progress"], waiting["started"], waiting["output"]) == ("waiting", 0.0, 0, None)
    assert session.view()["state"] == "busy"
    views = [session.wait(number) for number in ids]
    assert [view["output"]["status"] for view in views] == ["ok"] * 4
    assert all(a["completed"] <= b["started"] for a, b in itertools.pairwise(views))
    assert all(view["progress"] == 1.0 for view in views)
    session.wait_for("idle", within_s=5)


def test_source_id_and_code_come_back(session: Session) -> None:
    view = session.wait(session.submit("1\r\n2", sourceId="cell-7"))
    assert (view["sourceId"], view["code"], view["output"]["data"]["text/plain"]) == ("cell-7", "1\n2", "2")


def test_progress_grows_while_a_job_runs(session: Session) -> None:
    number = session.submit("import time\nsc.parallelize(range(8), 8).map(lambda i: time.sleep(0.6)).count()")
    seen = set()
    while (view := session.statement(number))["state"] != "available":
        seen.add(view["progress"])
        time.sleep(0.05)
    assert any(0 < progress < 1 for progress in seen)


def test_relative_paths_are_those_of_the_lakehouse(session: Session) -> None:
    session.text("open('Files/one.csv', 'w').write('a,b\\n1,2\\n')")
    assert session.text("spark.read.option('header', True).csv('Files/one.csv').collect()") == "[Row(a='1', b='2')]"
    assert session.rows("select * from csv.`Files/one.csv`") == [["a", "b"], ["1", "2"]]


def test_the_servers_secrets_are_not_in_the_session(session: Session) -> None:
    assert session.text("import os; [k for k in os.environ if k.startswith('FABRIC_LIVY')]") == "[]"


BAD: list[tuple[Any, str]] = [
    ({"kind": "pyspark"}, "'code'"),
    ({"code": 5, "kind": "pyspark"}, "'code'"),
    ({"code": "1"}, "'kind'"),
    ({"code": "1", "kind": "cobol"}, "cobol"),
    ({"code": "1", "kind": ["sql"]}, "'kind'"),
    ({"code": "1", "kind": "sql", "sourceId": 7}, "'sourceId'"),
]


@pytest.mark.parametrize(("body", "word"), BAD)
def test_statement_bodies_that_are_wrong(session: Session, body: Any, word: str) -> None:
    answer = session.api.post(f"{session.path}/statements", body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "InvalidInput")
    assert word in answer.json()["message"]


def test_unknown_statements(session: Session) -> None:
    for path, status in (("999999", 404), ("x", 400), ("-1", 400), ("99999999999999999999", 400)):
        assert session.api.get(f"{session.path}/statements/{path}").status_code == status
        assert session.api.post(f"{session.path}/statements/{path}/cancel", {}).status_code == status


def test_reset_timeout(session: Session) -> None:
    answer = session.api.post(f"{session.path}/reset-timeout")
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_last_hundred_statements_are_kept(session: Session) -> None:
    for _ in range(105):
        last = session.submit("1")
    session.wait(last)
    listed = session.api.get(f"{session.path}/statements").json()
    assert listed["total_statements"] == len(listed["statements"]) == 100
    assert [view["id"] for view in listed["statements"]] == list(range(last - 99, last + 1))
    assert session.api.get(f"{session.path}/statements/{last - 100}").status_code == 404
