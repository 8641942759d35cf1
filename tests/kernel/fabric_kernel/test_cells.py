"""Cells of the Fabric Livy kernel, completion and inspection."""

from __future__ import annotations

import json
import re
import time
import zipfile
from pathlib import Path

import pytest

from tests.kernel.fabric_kernel.conftest import sessions
from tests.support import service
from tests.support.kernels import ANSI, TOOK, Kernel, kernel
from tests.support.scala_words import in_this_scala

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ cells
def test_a_bare_cell_runs_in_the_session_and_its_value_is_the_cells_result(started: Kernel) -> None:
    ran = started.run("x = 20\nx + 1")
    assert len({content["execution_count"] for _, content in ran.outputs if "execution_count" in content}) == 1
    assert [(kind, content["data"]["text/plain"]) for kind, content in ran.outputs if kind == "execute_result"] == [
        ("execute_result", "21")
    ]
    assert started.run("spark.range(2)").bundles[0]["text/html"].count("<tr>") == 3


def test_local_names_and_those_of_the_session_are_apart(started: Kernel) -> None:
    started.run("name = 'session'")
    started.run("%%local\nname = 'here'")
    assert started.run("name").text == "'session'"
    assert started.run("%%local\nname").text == "'here'"


def test_output_goes_to_a_local_variable_in_every_language(started: Kernel) -> None:
    started.run("%%sql -o from_sql\nSELECT 1 AS one")
    started.run("%%pyspark -o from_python\nspark.range(3)")
    ran = started.run('%%spark -o from_scala\nval texts = Seq((1, "a")).toDF("n", "t")\ntexts')
    assert ran.status == "ok", ran.traceback
    started.run("%%spark -o scala_text\n1 + 1")
    shown = started.run("%%local\nprint(from_sql.one[0], len(from_python), from_scala.t[0], scala_text)").printed
    assert re.fullmatch("1 3 a " + in_this_scala("resN: Int = 2").replace("N", r"\d+") + "\n+", shown)


def test_scala_displays_tables_and_html_as_pyspark_does(started: Kernel) -> None:
    frame = 'val shown = Seq((1, "a"), (2, null)).toDF("n", "<t>")'
    ran = started.run(f'%%spark\n{frame}\nprint("above")\ndisplay(shown)\ndisplayHTML("<b>é</b>")\nprintln("below")')
    assert ran.status == "ok", ran.traceback
    table, html = [
        bundle["text/html"]
        for bundle in ran.bundles
        if "text/html" in bundle and not TOOK.fullmatch(bundle["text/plain"])
    ]
    assert table.count("<tr>") == 3
    assert "&lt;t&gt;" in table
    assert html == "<b>é</b>"
    assert ran.printed.endswith("abovebelow\n")
    assert "fabric-livy" not in ran.printed
    assert started.run("%%sql\nSHOW VIEWS LIKE 'fabric_livy_*'").bundles[0]["text/html"].count("<tr>") <= 1


def test_what_scala_displayed_before_an_error_is_shown_and_the_error_names_its_line(started: Kernel) -> None:
    failed = started.run("%%spark\ndisplay(spark.range(3))\nList(0)\n  .map(1 / _)")
    tables = [
        bundle["text/html"]
        for bundle in failed.bundles
        if "text/html" in bundle and not TOOK.fullmatch(bundle["text/plain"])
    ]
    assert (failed.status, tables[0].count("<tr>")) == ("error", 4)
    assert "in line 3 of the cell: .map(1 / _)" in failed.traceback
    wrong = started.run("%%spark\nval sum = 1 +\n  nosuch")
    assert "<console>:2: error: not found: value nosuch" in wrong.traceback


def test_an_error_of_the_session_is_an_error_of_the_cell(started: Kernel) -> None:
    failed = started.run("print('before')\n1 / 0")
    assert (failed.status, failed.ename, failed.evalue) == ("error", "ZeroDivisionError", "division by zero")
    (error,) = [content for kind, content in failed.outputs if kind == "error"]
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert failed.printed == "before\n"
    assert "1 / 0" in failed.traceback
    assert "fabric_livy_magic" not in failed.traceback


def test_the_whole_of_an_error_is_folded_below_it(started: Kernel) -> None:
    failed = started.run("spark.range(1).selectExpr(\"raise_error('no such customer')\").collect()")
    shown = [(kind, content) for kind, content in failed.outputs if kind in {"error", "display_data", "execute_result"}]
    assert [kind for kind, _ in shown] == ["error", "display_data"]
    assert failed.traceback.startswith("java.lang.RuntimeException: no such customer")
    folded = shown[1][1]["data"]
    assert folded["text/html"].startswith("<details")
    assert "\tat org.apache.spark" in folded["text/html"]
    assert "`%livy error` shows the whole error" in folded["text/plain"]
    assert "\tat org.apache.spark" in started.run("%livy error").text
    assert [kind for kind, _ in started.run("1 / 0").outputs if kind == "display_data"] == []  # all of it is told


def test_an_error_of_a_notebook_that_run_ran_names_the_notebook(started: Kernel) -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "def child(x):\n    return x['missing']\nchild({})",
        "outputs": [],
    }
    notebook = {"cells": [{**cell, "execution_count": None}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    started.run(
        f"%%local\nfrom pathlib import Path\n_ = Path('Child That Fails.ipynb').write_text({json.dumps(notebook)!r})"
    )
    failed = started.run("%run 'Child That Fails'")
    assert failed.traceback.splitlines()[:2] == ["KeyError: 'missing'", "In Child That Fails.ipynb, which %run ran."]
    assert "return x['missing']" in failed.traceback


def test_a_traceback_names_the_cell_by_the_number_beside_it(started: Kernel) -> None:
    defined = started.run("def fails():\n    1 / 0\n%livy config rows_shown\ndef fails_too():\n    fails()")
    failed = started.run("fails_too()")
    first, last = (
        next(content["execution_count"] for kind, content in ran.outputs if kind == "execute_input")
        for ran in (defined, failed)
    )
    frames = re.findall(r'File "<cell ([^>]*)>", line (\d+).*\n +(.*)', failed.traceback)
    assert frames == [(f"{last}", "1", "fails_too()"), (f"{first} (2)", "2", "fails()"), (f"{first}", "2", "1 / 0")]


def test_lines_for_the_session_and_for_here_may_stand_in_one_cell(started: Kernel) -> None:
    ran = started.run("a = 1\n%livy config rows_shown\n%time a + 1\n!echo {a} from the shell\n")
    assert "rows_shown" in ran.text
    assert "wall time" in ran.printed
    assert "1 from the shell" in ran.printed


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("%%time\n1 + 1", "2"),
        ("%%time\n%%sql\nSELECT 3 AS three", "three"),
        ("%%time\n%%local\n2 + 2", "4"),
        ("%%local\n%time 2 + 3", "5"),
    ],
)
def test_the_time_of_a_cell_is_told_and_its_value_is_shown(started: Kernel, code: str, shows: str) -> None:
    ran = started.run(code)
    assert re.search(r"Wall time: [\d.]+ [mμn]?s", ran.printed)
    assert shows in ran.text


def test_a_cell_that_fails_is_timed_too(started: Kernel) -> None:
    failed = started.run("%%time\n1 / 0")
    assert (failed.status, failed.ename) == ("error", "ZeroDivisionError")
    assert "Wall time: " in failed.printed


def test_what_the_session_gives_can_be_captured(started: Kernel) -> None:
    captured = started.run("%%capture kept\nin_session = 5\nprint('loud')\nin_session + 1")
    assert (captured.status, captured.text) == ("ok", "")
    shown = started.run(
        "%%local\nprint(kept.stdout.strip(), kept.outputs[0].data['text/plain'], 'in_session' in dir())"
    )
    assert shown.printed == "loud 6 False\n"
    assert started.run("in_session").text == "5"
    failed = started.run("%%capture kept\n1 / 0")
    assert (failed.status, failed.ename) == ("error", "ZeroDivisionError")
    assert "1 / 0" in failed.traceback


def test_what_a_magic_of_a_local_cell_runs_is_local(started: Kernel) -> None:
    started.run("%%local\n%%capture kept\nonly_here = 9")
    assert started.run("%%local\nonly_here").text == "9"
    assert started.run("only_here").ename == "NameError"


def test_an_interrupt_ends_a_captured_cell(started: Kernel) -> None:
    request = started.send("%%capture kept\nimport time\ntime.sleep(60)")
    time.sleep(1.5)
    began = time.monotonic()
    started.interrupt()
    started.wait(request, timeout_s=20)
    assert time.monotonic() - began < 5
    assert started.run("'next'", timeout_s=30).text == "'next'"


def test_a_line_magic_s_value_is_shown_or_assigned_here(started: Kernel) -> None:
    assert "one" in started.run("%sql SELECT 1 AS one").text
    assert "Available line magics" in started.run("a = 1\n%lsmagic").text
    started.run("a = 1\nframe_here = %sql SELECT 2 AS two")
    assert started.run("%%local\nrepr(frame_here.two.dtype), int(frame_here.two[0])").text == "(\"dtype('int32')\", 2)"


def test_a_file_that_a_cell_writes_is_there_for_the_session(started: Kernel) -> None:
    started.run("%%writefile written_here_81.txt\nof this cell")
    assert started.run("!cat written_here_81.txt").printed.strip() == "of this cell"
    assert "written_here_81.txt" in started.run("%ls").printed
    assert started.run("open('written_here_81.txt').read()").text == repr("of this cell")


def test_history_has_the_cells_as_they_were_typed(started: Kernel) -> None:
    started.run("%%sql\nSELECT 'typed'")
    reply = started.client.history(hist_access_type="tail", n=1, raw=True, output=False, reply=True, timeout=10)
    assert reply["content"]["history"][-1][-1] == "%%sql\nSELECT 'typed'"


def test_user_expressions_and_the_count_are_those_of_this_kernel(started: Kernel) -> None:
    started.run("%%local\nhere_value = 5")
    request = started.client.execute("x = 1", user_expressions={"it": "here_value + 1"})
    while (reply := started.client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != request:
        pass
    assert reply["content"]["user_expressions"]["it"]["data"]["text/plain"] == "6"
    first = reply["content"]["execution_count"]
    request = started.client.execute("x = 2")
    while (reply := started.client.get_shell_msg(timeout=20))["parent_header"].get("msg_id") != request:
        pass
    assert reply["content"]["execution_count"] == first + 1


def test_input_is_refused_in_the_session_with_where_to_ask(started: Kernel) -> None:
    failed = started.run("input('name? ')")
    assert failed.status == "error"
    assert "cannot be answered here" in failed.traceback


def test_input_works_in_a_local_cell(started: Kernel) -> None:
    request = started.send("%%local\nprint('hello', input('name? '))")
    request_for_input = started.client.get_stdin_msg(timeout=10)
    assert request_for_input["content"]["prompt"] == "name? "
    started.client.input("Ada")
    assert started.wait(request).printed == "hello Ada\n"


def test_pip_installs_for_this_session_alone(started: Kernel, tmp_path: Path) -> None:
    wheel, about = tmp_path / "only_here_67-1-py3-none-any.whl", "only_here_67-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("only_here_67.py", "VALUE = 67\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: only-here-67\nVersion: 1\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    ran = started.run(f"%pip install {wheel}\nimport only_here_67\nonly_here_67.VALUE")
    assert ran.status == "ok", ran.traceback
    assert ran.bundles[-1]["text/plain"] == "67"
    assert started.run("%%local\nimport only_here_67").ename == "ModuleNotFoundError"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("spark.ran", "range"),
        ("frame.groupBy('ident').", "agg"),
        ("spark.read.format('delta').", "load"),
        ("import pyspark.sql.functions as F\nF.col('", "'ident'"),
        ("frame.select('", "'ident'"),
        ('frame["', '"ident"'),
        ("frame.filter(frame.ident > 1).sel", "select"),
        ("%livy at", "attach"),
        ("%livy start --ex", "--executor-memory"),
        ("%livy switch ", "main"),
        ("%livy config language s", "sql"),
        ("%%sql\nSELECT cou", "count"),
        ("%%sql\nSELECT * FROM sh", "shops"),
        ("%%sql\nSELECT  FROM shops", None),
        ("%%sql\nSELECT s. FROM shops s", None),
        ("%%sq", "%%sql"),
        ("%%local\nimport jso", "json"),
    ],
)
def test_completions_know_the_session(started: Kernel, code: str, found: str | None) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')\nimport pyspark.sql.functions as F")
    started.run("%%sql\nCREATE OR REPLACE TEMPORARY VIEW shops AS SELECT 1 AS shop_id, 'x' AS town")
    cursor = len(code) if found else code.index("  ") + 1 if "  " in code else code.index("s.") + 2
    for _ in range(3):  # a loaded machine may answer late: then the next one has it
        reply = started.client.complete(code, cursor, reply=True, timeout=10)["content"]
        if reply["matches"]:
            break
        time.sleep(1)
    assert (found or "shop_id") in reply["matches"]
    kinds = {one["text"]: one["type"] for one in reply["metadata"].get("_jupyter_types_experimental", ())}
    assert set(reply["matches"]) <= set(kinds)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("spark.range", "Signature: range(start: int"),
        ("frame", "ident: bigint"),
        ("%livy start", "--driver-memory"),
        ("%%sql\nSELECT concat", "Returns the concatenation"),
        ("%%local\nlen", "Return the number of items"),
    ],
)
def test_inspection_shows_signatures_columns_and_help(started: Kernel, code: str, says: str) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')")
    content = started.client.inspect(code, len(code), reply=True, timeout=10)["content"]
    assert content["found"]
    assert says in content["data"]["text/plain"]


def test_each_side_s_names_are_described_from_the_other(started: Kernel) -> None:
    started.run("there = spark.range(3)\nboth = 'of the session'")
    started.run("%%local\nhere = {'a': 1}\nboth = 'of the notebook'")

    def says(code: str, cursor: int | None = None) -> str:
        content = started.client.inspect(code, len(code) if cursor is None else cursor, reply=True, timeout=10)[
            "content"
        ]
        assert content["found"] == bool(content["data"])
        return ANSI.sub("", content["data"].get("text/plain", ""))

    assert "{'a': 1}" in says("here", 0), "as VS Code's Variables view asks for its rows"
    assert "{'a': 1}" in says("print(1)\nhere + 1", 13)
    assert "{'a': 1}" in says("%%sql\nSELECT :here")
    assert "of the session" in says("both")
    assert "of the notebook" in says("%%local\nboth")
    assert "of the notebook" in says("both", 0), "the Variables view lists the names of this Python"
    assert "id: bigint" in says("%%local\nthere")
    assert says("nowhere") == says("%%spark\nprint") == says("nowhere", 0) == ""


def test_a_restart_stops_the_session(api: service.Api, tmp_path: Path) -> None:
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    before = {session["id"] for session in sessions(api)}
    with kernel(environ, tmp_path, spec="fabric-livy") as running:
        running.run("1")
        (own_id,) = {session["id"] for session in sessions(api)} - before
        running.manager.restart_kernel()
        running.client.wait_for_ready(timeout=60)
        assert api.get(f"/sessions/{own_id}").status_code == 404 or own_id not in {one["id"] for one in sessions(api)}


def test_a_sql_parameter_is_the_session_s_variable_then_the_one_here_and_the_cell_says_which(started: Kernel) -> None:
    started.run("import decimal\nof_both = decimal.Decimal('1.50')\nof_session = [1, 2]")
    started.run("%%local\nof_both = 'here'\nof_here = 3")
    query = "SELECT typeof(:of_both) AS a, typeof(:of_session) AS b, typeof(:of_here) AS c"
    done = started.run(f"%%sql\n{query}")
    assert "decimal(3,2)" in done.text
    assert "array<int>" in done.text
    assert (
        done.printed
        == ":of_both is the session's variable, not the one of %%local. For that one: `%%sql -p of_both=of_both`.\n"
    )
    chosen = started.run(f"%%sql -p of_both=of_both\n{query}")
    assert "string" in chosen.text
    assert chosen.printed == ""
    refused = started.run("of_both = spark\n")
    assert refused.status == "ok"
    assert "variable of_both cannot be the SQL parameter" in started.run("%%sql\nSELECT :of_both").evalue
    assert "there is no variable of that name" in started.run("%%sql\nSELECT :of_nobody").evalue
