"""The magics in a real kernel on real Spark: what a person sees, interrupts, failures."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.errors import WRAPPED_AT
from tests.support.kernels import Kernel, kernel
from tests.support.options import SPARK_USES
from tests.support.timing import AT_ONCE_S

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel as a front end with a person drives it, on an embedded Fabric with a session."""
    folder = tmp_path_factory.mktemp("notebook")
    with kernel({"FABRIC_LIVY_LAKEHOUSE": str(folder / "lakehouse")}, folder, with_person=True) as running:
        assert running.run("%load_ext fabric_livy_magic").status == "ok"
        assert running.run("%livy use local").status == "ok"
        first = running.run("%%livy_pyspark\nx = 20\nx + 1")
        assert first.status == "ok", first.traceback
        assert "No session yet: starting one on local: " in first.everything  # while it started
        ready = first.bundles[0]["text/plain"]
        assert re.fullmatch(r"Session 'main' is ready after \d+ s \(id \S+ on local\)", ready)
        assert sorted(first.text.replace(ready, "").split()) == ["21"]  # printed, or in the place of a line of its own
        yield running


def test_a_cell_uses_what_an_earlier_cell_defined(notebook: Kernel) -> None:
    notebook.run("%%livy_pyspark\ny = 5")
    assert notebook.run("%%livy_pyspark\ny * x").text.strip() == "100"


def test_kinds_share_tables_and_views(notebook: Kernel) -> None:
    notebook.run("%%livy_pyspark\nspark.range(7).createOrReplaceTempView('seven')")
    assert notebook.run('%%livy_spark\nspark.table("seven").count()').text.strip().endswith("Long = 7")
    table = notebook.run("%%livy_sql -o seven\nSELECT count(*) AS n FROM seven")
    assert "1 row" in table.text
    assert notebook.run("int(seven.n[0])").text == "7"


def test_scala_may_continue_on_a_line_that_begins_with_a_dot_or_else(notebook: Kernel) -> None:
    cell = '%%livy_spark\nval n = spark.range(10)\n  // the even ones\n  .filter($"id" % 2 === 0)\n  .count\nif (n > 9) {\n  1\n}\nelse {\n  2\n}'
    done = notebook.run(cell)
    assert "n: Long = 5" in done.text
    assert "Int = 2" in done.text


def test_a_sql_result_is_an_html_table_with_types_and_a_dataframe(notebook: Kernel) -> None:
    shown = notebook.run("%%livy_sql -o f -n 2\nSELECT id, CAST(id AS DECIMAL(10,2)) AS d, '<b>' AS s FROM range(5)")
    html = shown.bundles[-1]["text/html"]
    assert "decimal(10,2)" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "there are more rows" in shown.bundles[-1]["text/plain"]
    assert notebook.run("len(f), str(f.d[1]), f.id.dtype.name").text == "(2, '1.00', 'int64')"


def test_a_decimal_has_all_its_digits(notebook: Kernel) -> None:
    notebook.run("%%livy_sql -q -o d\nSELECT 12345678901234567890.123456789BD AS x")
    assert notebook.run("str(d.x[0])").text == "'12345678901234567890.123456789'"


def test_the_line_form_of_sql_gives_a_dataframe(notebook: Kernel) -> None:
    notebook.run('g = %livy_sql SELECT "it\'s" AS word, 3 AS n')
    assert notebook.run("g.to_dict('records')").text == "[{'word': \"it's\", 'n': 3}]"


def test_output_comes_while_a_cell_runs_until_live_output_is_off(notebook: Kernel) -> None:
    cell = "%%livy_pyspark\nimport time\nfor n in range(5):\n    print(n)\n    time.sleep(0.5)"
    assert notebook.run("%livy config live_output off").status == "ok"
    at_its_end = notebook.run(cell)
    assert notebook.run("%livy config live_output on").status == "ok"
    as_it_comes = notebook.run(cell)
    assert at_its_end.printed == as_it_comes.printed == "0\n1\n2\n3\n4\n"
    pieces = [sum(kind == "stream" for kind, _ in done.outputs) for done in (at_its_end, as_it_comes)]
    assert pieces[0] == 1
    assert pieces[1] >= 2


def test_a_long_cell_shows_one_line_in_place_that_the_result_replaces(notebook: Kernel) -> None:
    done = notebook.run("%%livy_pyspark\nimport time; time.sleep(2); 'done'")
    kinds = [kind for kind, _ in done.outputs if kind != "execute_input"]
    assert kinds.count("display_data") == 1
    assert "update_display_data" in kinds
    assert "Running: 1 s" in str(done.outputs)
    assert done.text == "'done'"


def test_a_spark_job_shows_its_tasks_while_they_run_and_ends_as_one_line_above_the_result(notebook: Kernel) -> None:
    slow = "lambda n: __import__('time').sleep(0.5) or n"
    cell = f"%%livy_pyspark\nsum(spark.sparkContext.parallelize(range(16), 16).map({slow}).collect())"
    request = notebook.send(cell)
    done = notebook.wait(request)
    lines = [content["data"] for kind, content in done.outputs if kind in {"display_data", "update_display_data"}]
    texts = [line["text/plain"] for line in lines]
    counts = [int(found[1]) for text in texts if (found := re.search(r" · 1 job · (\d+) of 16 tasks", text))]
    assert len(set(counts)) >= 3
    assert counts == sorted(counts)
    during = next(line["text/html"] for line in lines if "of 16 tasks" in line["text/plain"])
    assert 'role="progressbar"' in during
    assert re.search(r"Stage \d+, collect at [^:<]*:\d+: \d+ of 16 tasks", during)
    assert done.text.strip() == "120"
    last = lines[-1]
    if "last seen" in last["text/plain"]:
        last = notebook.wait_for_output(request, "s · 1 job · 16 tasks")["data"]
    assert re.fullmatch(r"\d+(\.\d)? s · 1 job · 16 tasks · task time \d+(\.\d)? s", last["text/plain"])
    assert last["text/html"].count("<details") == 1
    assert ">collect at " in last["text/html"]


@pytest.mark.parametrize(
    ("end", "printed", "took"),
    [("print('done')", "done\n", "Ran for"), ("1 / 0", "", "Failed after"), ("", "", "Ran for")],
)
def test_the_line_of_a_long_cell_without_a_result_stays_as_how_long_it_took(
    notebook: Kernel, end: str, printed: str, took: str
) -> None:
    """An output that is erased stays as an empty row in VS Code, and in the file."""
    done = notebook.run(f"%%livy_pyspark\nimport time; time.sleep(1.6)\n{end}")
    assert done.printed == printed
    (line,) = (bundle["text/plain"] for bundle in done.bundles)
    assert re.fullmatch(rf"{took} \d+ s", line)


def test_an_error_has_colours_and_its_long_lines_are_wrapped(notebook: Kernel) -> None:
    failed = notebook.run("%%livy_sql\nSELECT * FROM no_such_table")
    (lines,) = [content["traceback"] for kind, content in failed.outputs if kind == "error"]
    assert lines[0].startswith("\x1b[31mAnalysisException: [TABLE_OR_VIEW_NOT_FOUND]\x1b[0m The table")
    assert max(map(len, lines)) <= WRAPPED_AT + len("\x1b[31m\x1b[0m") + 1


def test_a_background_cell_keeps_its_line_up_to_date_while_the_notebook_goes_on(notebook: Kernel) -> None:
    notebook.run("seconds = 1.5")
    begun = notebook.run("%%livy_sql -b -o job\nSELECT java_method('java.lang.Thread', 'sleep', 1500L), :seconds AS s")
    assert "running" in begun.text or "waiting" in begun.text
    notebook.run("seconds = 7")
    assert notebook.run("6 * 7").text == "42"
    assert notebook.run("float(job.result().frame.s[0])").text == "1.5"
    ended = notebook.run("import time; time.sleep(0.5); job")
    assert "available" in ended.text
    assert "1 row" in notebook.run("%livy wait").text
    notebook.run("%%livy_pyspark -b -q\nz = 4")
    assert notebook.run("%%livy_pyspark\nz").text.strip() == "4"


def test_a_quick_cell_shows_no_progress(notebook: Kernel) -> None:
    done = notebook.run("%%livy_pyspark\nprint('quick')")
    assert [kind for kind, _ in done.outputs if kind not in {"execute_input", "status"}] == ["stream"]


@pytest.mark.parametrize(
    ("cell", "ename", "says"),
    [
        (
            "%%livy_pyspark\nprint('before')\nundefined_name",
            "StatementError",
            "NameError: name 'undefined_name' is not defined",
        ),
        ('%%livy_spark\nval n: Int = "text"', "StatementError", "type mismatch"),
        ("%%livy_sql\nSELEC 1", "StatementError", "PARSE_SYNTAX_ERROR"),
        ("%%livy_sql\nSELECT * FROM no_such_table", "StatementError", "TABLE_OR_VIEW_NOT_FOUND"),
        ("%%livy_sparkr\n1 + 1", "StatementError", "R"),
        ("%%livy_pyspark", "UsageError", "cell body is empty"),
        ("%%livy_pyspark\n  \n", "SettingsError", "has no body"),
        ("%%livy_sql --outptu x\nSELECT 1", "SettingsError", "Did you mean '--output'?"),
        ("%livy strat", "SettingsError", "Did you mean 'start'?"),
        ("%livy stat", "SettingsError", "Did you mean 'status'?"),
        ("%%livy_pyspark -s nobody\n1", "SessionError", "There is no session 'nobody'"),
        ("%livy use lokal", "SettingsError", "Did you mean 'local'?"),
        ("%livy attach 00000000-0000-0000-0000-000000000000", "SessionLostError", "There is no session"),
    ],
)
def test_what_fails_fails_the_cell_and_says_it_short(notebook: Kernel, cell: str, ename: str, says: str) -> None:
    failed = notebook.run(cell)
    assert failed.status == "error"
    assert failed.ename == ename
    assert says in failed.traceback + failed.text  # IPython prints its own UsageError
    assert "fabric_livy_magic/" not in failed.traceback, "a traceback of our internals"
    assert len(failed.traceback.splitlines()) <= 16
    assert notebook.run("%%livy_pyspark\n'alive'").text.strip() == "'alive'"


def test_output_before_an_error_is_kept(notebook: Kernel) -> None:
    assert "before the error" in notebook.run("%%livy_pyspark\nprint('before the error')\n1/0").text


def test_the_whole_remote_traceback_is_there_on_demand(notebook: Kernel) -> None:
    notebook.run("%%livy_sql\nSELECT * FROM no_such_table")
    assert "org.apache.spark" in notebook.run("%livy error").printed


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("pyspark", "import time\ntime.sleep(60)"),
        ("pyspark", "while True: pass"),
        ("pyspark", "spark.range(1, 10**13).selectExpr('sum(sqrt(id))').collect()"),
        ("sql", "SELECT sum(sqrt(id)) FROM range(10000000000000)"),
        ("spark", "Thread.sleep(60000)"),
        ("spark", 'spark.range(1, 10000000000000L).selectExpr("sum(sqrt(id))").collect()'),
    ],
)
def test_an_interrupt_cancels_the_statement_and_the_next_cell_runs(notebook: Kernel, kind: str, code: str) -> None:
    request = notebook.send(f"%%livy_{kind}\n{code}")
    time.sleep(2)
    began = time.monotonic()
    notebook.interrupt()
    stopped = notebook.wait(request, timeout_s=20)
    took_s = time.monotonic() - began
    assert stopped.status == "error"
    assert stopped.ename == "Interrupted"
    assert "KeyboardInterrupt" in stopped.traceback
    assert took_s < AT_ONCE_S
    assert notebook.run("%%livy_pyspark\n'next'", timeout_s=30).text.strip() == "'next'"


def test_an_interrupt_stops_a_transfer_that_was_shown_and_leaves_no_variable(notebook: Kernel) -> None:
    request = notebook.send("%%livy_sql -o many -q --via inline\nSELECT id, rand() AS r FROM range(15000000)")
    notebook.wait_for_output(request, "Fetching")
    began = time.monotonic()
    notebook.interrupt()
    stopped = notebook.wait(request, timeout_s=20)
    assert time.monotonic() - began < AT_ONCE_S
    assert (stopped.status, stopped.ename) == ("error", "Interrupted")
    assert "The transfer was stopped." in stopped.evalue
    assert notebook.run("many").ename == "NameError"
    assert notebook.run("%%livy_pyspark\n'next'", timeout_s=30).text.strip() == "'next'"


def test_two_named_sessions_keep_their_variables_apart(notebook: Kernel) -> None:
    assert "is ready" in notebook.run("%livy start second").text
    notebook.run("%%livy_pyspark -s second\nx = 'other'")
    assert notebook.run("%%livy_pyspark -s main\nx").text.strip() == "20"
    assert notebook.run("%%livy_pyspark -s second\nx").text.strip() == "'other'"
    assert "second" in notebook.run("%livy status").text
    assert "stopped" in notebook.run("%livy stop second").printed
    notebook.run("%livy switch main")
    assert notebook.run("%%livy_pyspark -s second\n1").ename == "SessionError"


def test_every_option_that_needs_spark_does_what_it_says(notebook: Kernel) -> None:
    assert "is ready" in notebook.run("%livy start side").text
    notebook.run("%livy switch main")
    for cells in SPARK_USES.values():
        for cell, shows in cells:
            ran = notebook.run(cell)
            assert ran.status == "ok", cell + ran.traceback
            assert shows in ran.text, cell
    assert (
        notebook.run("%%livy_sql -p day='2024-01-31'\nSELECT :day AS day").text.splitlines()[2].strip() == "2024-01-31"
    )
    assert "NameError" in notebook.run("%%livy_sql -p x=nothing_here\nSELECT :x").traceback
    notebook.run("%livy stop side")
    notebook.run("%livy switch main")


def test_a_session_that_dies_is_explained_and_stays_lost_until_a_new_start(notebook: Kernel) -> None:
    notebook.run("%livy start doomed")
    died = notebook.run("%%livy_spark -s doomed\nsys.exit(3)")
    assert died.status == "error"
    again = notebook.run("%%livy_pyspark -s doomed\n1")
    assert again.ename == "SessionLostError"
    assert "gone" in again.traceback
    notebook.run("%livy stop doomed")
    notebook.run("%livy switch main")
    assert notebook.run("%%livy_pyspark\nx").text.strip() == "20"


def test_a_session_that_cannot_start_says_why(notebook: Kernel) -> None:
    failed = notebook.run("%livy start broken --conf spark.driver.extraJavaOptions=-Xmx1m")
    assert failed.status == "error"
    assert failed.ename == "SessionStartError"
    assert "Too small maximum heap" in failed.traceback
    assert "broken" not in notebook.run("%livy status").text
    notebook.run("%livy switch main")


def test_an_embedded_fabric_that_was_killed_is_explained_and_a_new_start_works(tmp_path: Path) -> None:
    with kernel({"FABRIC_LIVY_LAKEHOUSE": str(tmp_path / "lakehouse")}, tmp_path) as mine:
        mine.run("%load_ext fabric_livy_magic\n%livy use local")
        saved = mine.run("%livy_pyspark spark.range(3).write.format('parquet').saveAsTable('kept')")
        assert saved.status == "ok", saved.traceback
        server = (
            "list(get_ipython()._fabric_livy_magics.notebook.runner.account._connections._embedded.values())[0].pid"
        )
        os.kill(int(mine.run(server).text), signal.SIGKILL)
        time.sleep(1)
        failed = mine.run("%livy_pyspark 1")
        assert failed.ename == "SessionLostError"
        assert "embedded Fabric that this session ran on has ended" in failed.traceback
        assert "lost" in mine.run("%livy status").text
        assert mine.run("%livy start").status == "ok"
        counted = mine.run("%livy_pyspark spark.table('kept').count()")
        assert counted.text.strip() == "3", counted.traceback


def test_no_token_in_anything_that_was_shown(notebook: Kernel) -> None:
    token = notebook.run(
        "[f.token for f in get_ipython()._fabric_livy_magics.notebook.runner.account._connections._embedded.values()][0]"
    ).text.strip("'")
    assert len(token) > 16
    for line in ("status", "sessions", "config", "logs"):
        assert token not in notebook.run(f"%livy {line}").everything
    for what in ("", ".account", ".sessions"):
        assert token not in notebook.run(f"get_ipython()._fabric_livy_magics.notebook.runner{what}.__dict__").everything
    assert (
        token not in notebook.run("get_ipython()._fabric_livy_magics.notebook.runner.account.client().http").everything
    )
