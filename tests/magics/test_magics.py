"""The magics in a real IPython shell against the scripted server: what a person sees, and what is left running."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from fabric_livy_magic import errors
from fabric_livy_magic.settings import SessionSpec
from tests.conftest import soon
from tests.livy.test_client import client_of
from tests.livy.test_statements import interrupt_after
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook, notebook
from tests.support.outputs import error_output, sql_output, text_output

TRIPS = sql_output(
    [("zone", "string"), ("trips", "long"), ("fare", "decimal(10,2)")],
    [["<b>Harlem</b>", 12, 7.5], [None, 3, None], ["Astoria", 1, 12.25]],
)


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Notebook]:
    """A notebook with the extension loaded, and no target."""
    with notebook(capsys, tmp_path) as one:
        one.ok("%load_ext fabric_livy_magic")
        yield one


@pytest.fixture
def nb(bare: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook whose target is the scripted Fabric. In the end no output may hold the token."""
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    bare.ok(f"%livy use {fabric.url}")
    yield bare
    assert fabric.token not in "\n".join(bare.everything)
    names = {name: value for name, value in bare.names.items() if not name.startswith("_")}
    assert fabric.token not in repr(names)


@pytest.fixture
def started(nb: Notebook, fabric: FakeFabric) -> Notebook:
    fabric.session_goes("idle")
    nb.ok("%livy start")
    return nb


def made_elsewhere(fabric: FakeFabric) -> str:
    """The id of a session that some other client started."""
    return client_of(fabric).create_session(SessionSpec()).id


# ------------------------------------------------------------------------------------------------ the main path
def test_the_first_cell_starts_a_session_and_says_so(nb: Notebook, fabric: FakeFabric) -> None:
    ran = nb.ok("%%livy_pyspark\n1+1")
    first, second, result = ran.text.strip().splitlines()
    assert first == f"No session yet: starting one on {fabric.url} …"
    assert re.fullmatch(rf"Session 'main' is ready after \d+ s \(id {next(iter(fabric.sessions))} on .*\)", second)
    assert result == "2"
    assert fabric.posted_code == [("pyspark", "1+1\n")]


def test_what_a_session_has_to_do_without_is_said_when_it_is_ready(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("idle", tags={"FallbackReasons": "Why", "FallbackMessages": "No <pool> fits."})
    lines = nb.ok("%livy start").text.strip().splitlines()
    assert lines[-1] == "No <pool> fits."
    assert "is ready after" in lines[-2]


def test_the_second_cell_runs_on_the_same_session_without_a_word(started: Notebook, fabric: FakeFabric) -> None:
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert len(fabric.seen("POST", "/sessions$")) == 1


@pytest.mark.parametrize("kind", ["sql", "spark", "pyspark", "sparkr"])
def test_each_cell_magic_sends_its_kind(started: Notebook, fabric: FakeFabric, kind: str) -> None:
    started.ok(f"%%livy_{kind}\nsome code")
    started.ok(f"%livy_{kind} other code")
    assert fabric.posted_code == [(kind, "some code\n"), (kind, "other code")]


@pytest.mark.parametrize(
    "code", ["x = '{undefined}' # $HOME {1+1} %s", "print(f'{x!r}')", "SELECT '$x', \"{y}\" FROM t"]
)
def test_nothing_of_a_cell_is_expanded(started: Notebook, fabric: FakeFabric, code: str) -> None:
    started.ok(f"%%livy_pyspark\n{code}")
    started.ok(f"%livy_pyspark {code}")
    assert [sent for _, sent in fabric.posted_code] == [f"{code}\n", code]


def test_printed_text_is_shown_as_it_came(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("show()", text_output("+---+\n| a |\n+---+\n\n"))
    ran = started.ok("%%livy_spark\nshow()")
    assert ran.text.startswith("+---+\n| a |\n+---+\n")
    assert ran.displays == []


def test_a_cell_without_output_shows_nothing(started: Notebook) -> None:
    assert started.ok("%%livy_pyspark\nx = 1").text.strip() == ""


# ------------------------------------------------------------------------------------------------ SQL results
def test_a_sql_result_is_a_table_with_types_and_a_caption(
    started: Notebook, fabric: FakeFabric, golden: Callable[[str, str], None]
) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql\nSELECT * FROM trips")
    (bundle,) = ran.displays
    assert set(bundle) == {"text/html", "text/plain"}
    assert "&lt;b&gt;Harlem&lt;/b&gt;" in bundle["text/html"]
    assert "<b>Harlem" not in bundle["text/html"]
    golden("sql_result.html", re.sub(r"\d+\.\d s", "0.0 s", bundle["text/html"].split("</style>")[1]) + "\n")
    golden("sql_result.txt", re.sub(r"\d+\.\d s", "0.0 s", bundle["text/plain"]) + "\n")


def test_output_puts_a_dataframe_into_a_variable_and_shows_the_table(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -o trips\nSELECT * FROM trips")
    trips = started.names["trips"]
    assert isinstance(trips, pd.DataFrame)
    assert list(trips["trips"]) == [12, 3, 1]
    assert len(ran.displays) == 1


def test_quiet_shows_nothing(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -q -o trips\nSELECT * FROM trips")
    assert (ran.text, ran.displays) == ("", [])
    assert len(started.names["trips"]) == 3


def test_limit_keeps_the_first_rows_and_the_caption_says_so(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -n 2 -o trips\nSELECT * FROM trips")
    assert len(started.names["trips"]) == 2
    assert "-n kept 2 of 3 rows" in ran.text


def test_a_limit_of_no_rows_keeps_the_columns(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    started.ok("%%livy_sql -n 0 -o trips\nSELECT * FROM trips")
    assert list(started.names["trips"].columns) == ["zone", "trips", "fare"]


def test_a_thousand_rows_may_not_be_all_and_the_caption_says_so(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT n", sql_output([("n", "long")], [[number] for number in range(1000)]))
    ran = started.ok("%%livy_sql\nSELECT n")
    assert "20 of 1,000 rows shown" in ran.text
    assert "there may be more" in ran.text
    assert ran.html.count("<tr>") == 21


def test_the_number_of_rows_shown_can_be_chosen(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT n", sql_output([("n", "long")], [[number] for number in range(30)]))
    started.ok("%livy config rows_shown 5")
    assert "5 of 30 rows shown" in started.ok("%%livy_sql\nSELECT n").text


def test_a_statement_without_rows_says_that_it_is_done(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("CREATE TABLE t (a INT)", sql_output([], []))
    assert "Done: this statement gives no rows" in started.ok("%%livy_sql\nCREATE TABLE t (a INT)").text


def test_a_line_of_sql_returns_its_dataframe(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("found = %livy_sql SELECT 1 AS one")
    assert started.names["found"].to_dict("list") == {"one": [1]}


def test_output_of_another_kind_is_its_text(started: Notebook) -> None:
    started.ok("%%livy_pyspark -o two\n1+1")
    assert started.names["two"] == "2"


def test_a_failed_cell_leaves_the_variable_as_it_was(started: Notebook) -> None:
    started.names["trips"] = "before"
    started.fails("%%livy_sql -o trips\nselec 1")
    assert started.names["trips"] == "before"


# ------------------------------------------------------------------------------------------------ remote errors
@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("%%livy_sql\nselec 1", "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.(line 1, pos 0)"),
        ("%%livy_spark\nnosuch + 1", "error: not found: value nosuch"),
        ("%%livy_pyspark\n1/0", "ZeroDivisionError: division by zero"),
    ],
    ids=["SQL that does not parse", "Scala that does not compile", "Python that raises"],
)
def test_a_remote_error_is_shown_short_and_fails_the_cell(started: Notebook, cell: str, shown: str) -> None:
    text = started.fails(cell)
    assert shown in text
    assert len(text.strip().splitlines()) <= 8
    assert "org.apache" not in text
    assert isinstance(started.run(cell).error, errors.StatementError)


def test_a_session_goes_on_after_a_remote_error(started: Notebook) -> None:
    started.fails("%%livy_pyspark\n1/0")
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_the_whole_remote_error_can_be_seen(started: Notebook) -> None:
    assert "No remote error so far" in started.ok("%livy error").text
    started.fails("%%livy_sql\nselec 1")
    assert "org.apache.spark.sql.catalyst.parser" in started.ok("%livy error").text


def test_what_was_printed_before_an_error_is_shown(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("print('a'); 1/0", {**error_output("E", "v"), "data": {"text/plain": "a"}})
    assert started.fails("%%livy_pyspark\nprint('a'); 1/0").splitlines()[0] == "a"


def test_run_all_stops_at_a_failed_cell(started: Notebook) -> None:
    started.fails("get_ipython().run_line_magic('livy_pyspark', '1/0')\nafter = 1")
    assert "after" not in started.names


# ------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("%livy strat", "There is no `%livy strat`. Did you mean 'start'?"),
        ("%livy start --drivr-memory 8g", "Did you mean '--driver-memory'?"),
        ("%livy start --conf nopair", "--conf takes KEY=VALUE"),
        ("%livy use lokal", "Did you mean 'local'?"),
        ("%livy use Bronze", "'Bronze' is no URL and no known name"),
        ("%livy use http://[::1", "not an http or https address"),
        ("%livy use https://me:hunter2@livy", "no place for a secret"),
        ("%livy switch other", "No session runs in this notebook"),
        ("%livy logs other", "No session runs in this notebook"),
        ("%livy config nosuch", "There is no setting 'nosuch'"),
        ("%livy config rows_shwn 5", "Did you mean 'rows_shown'?"),
        ("%livy config rows_shown many", "is a number, not 'many'"),
        ("%livy config target nonsense", "is no URL and no known name"),
        ("%livy stop a --all", "takes a name or --all, not both"),
        ("%%livy_sql", "cell body is empty"),
        ("%%livy_sql\n  ", "%%livy_sql has no body: write the code on the lines below it"),
        ("%livy_sql", "%livy_sql has no code"),
        ("%%livy_sql --outptu x\nSELECT 1", "Did you mean '--output'?"),
        ("%%livy_sql -o 2x\nSELECT 1", "-o takes the name of a variable"),
        ("%%livy_sql -n many\nSELECT 1", "-n takes a number of rows"),
        ("%%livy_sql 'x\nSELECT 1", "A quote is not closed"),
        ("%%livy_sql -s other\nSELECT 1", "No session runs in this notebook. `%livy start` starts one"),
    ],
)
def test_bad_input_is_refused_clearly_and_starts_nothing(
    nb: Notebook, fabric: FakeFabric, cell: str, shown: str
) -> None:
    text = nb.fails(cell)
    assert shown in text
    assert "hunter2" not in text.replace(cell, "")
    assert len(text.strip().splitlines()) <= 3
    assert fabric.requests == []


def test_a_cell_before_a_target_was_chosen_says_how_to_choose_one(bare: Notebook) -> None:
    text = bare.fails("%%livy_sql\nSELECT 1")
    assert "`%livy use local`" in text
    assert "Traceback" not in text


def test_a_session_name_that_does_not_exist_names_those_that_do(started: Notebook, fabric: FakeFabric) -> None:
    text = started.fails("%%livy_pyspark -s mian\n1+1")
    assert "There is no session 'mian' in this notebook. Did you mean 'main'? There are: main." in text
    assert fabric.posted_code == []


def test_a_session_that_dies_while_starting_shows_its_log_and_leaves_nothing(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting", "dead", log=["INFO x", "ERROR SparkContext: Cannot get 64 cores"])
    text = nb.fails("%%livy_pyspark\n1+1")
    assert "SessionStartError" in text
    assert "ERROR SparkContext: Cannot get 64 cores" in text
    assert len(fabric.deleted) == 1
    assert fabric.left_running == []
    assert "No session runs in this notebook" in nb.ok("%livy status").text


def test_a_dead_session_that_cannot_be_deleted_still_shows_why_it_died(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting", "dead", log=["ERROR SparkContext: Cannot get 64 cores"])
    fabric.fault("DELETE", "/sessions", status=400, body='{"message": "cannot delete"}', times=99)
    assert "Cannot get 64 cores" in nb.fails("%%livy_pyspark\n1+1")


def test_a_full_capacity_is_told_with_what_to_do(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.fault("POST", "/sessions", status=430, body='{"errorCode": "TooManyRequestsForCapacity", "message": "full"}')
    nb.ok("%livy config capacity_wait_s 0")
    text = nb.fails("%livy start")
    assert "CapacityError: The Spark capacity is full: TooManyRequestsForCapacity: full" in text
    assert "`%livy sessions` lists them" in text


def test_a_statement_on_a_session_stopped_elsewhere_is_not_run_again(started: Notebook, fabric: FakeFabric) -> None:
    fabric.forget_sessions()
    for _ in range(2):
        text = started.fails("%%livy_pyspark\n1+1")
        assert "The session is gone" in text
        assert "`%livy start` starts a new one. Nothing was run again." in text
    assert len(fabric.posted_code) == 1
    assert len(fabric.seen("POST", "/sessions$")) == 1
    started.ok("%livy start")
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_a_cell_after_stop_starts_a_new_session_and_says_so(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%livy stop")
    assert fabric.left_running == []
    assert "No session yet: starting one" in started.ok("%%livy_pyspark\n1+1").text


def test_a_server_that_answers_html_is_named(bare: Notebook, apache_livy: FakeFabric) -> None:
    apache_livy.fault("POST", "/sessions", status=200, body="<html><title>Welcome to nginx!</title></html>")
    apache_livy.fault("GET", "/sessions", status=200, body="<html><title>Welcome to nginx!</title></html>")
    bare.ok(f"%livy use {apache_livy.url}")
    text = bare.fails("%%livy_sql\nSELECT 1")
    assert "NotLivyError" in text
    assert "an HTML page, “Welcome to nginx!”" in text
    assert "Check the address" in text


def test_a_server_that_is_not_there_is_told_at_once(bare: Notebook) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bare.ok(f"%livy use http://127.0.0.1:{port}")
    began = time.monotonic()
    text = bare.fails("%%livy_sql\nSELECT 1")
    assert time.monotonic() - began < 5
    assert (
        f"No server answers at 127.0.0.1:{port}: Connection refused. Is the address right, and is it running?" in text
    )


def test_without_a_sign_in_the_message_says_how(
    nb: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FABRIC_LIVY_TOKEN")
    monkeypatch.setenv("PATH", str(tmp_path))
    text = nb.fails("%livy start")
    assert "NotSignedIn" in text
    assert "Run `%livy login`" in text
    assert fabric.requests == []


def test_a_token_that_expired_says_how_to_sign_in(nb: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "an-old-token")
    text = nb.fails("%livy start")
    assert "Not signed in: TokenExpired" in text
    assert "an-old-token" not in text


def test_a_token_that_cannot_be_one_is_not_quoted(nb: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "half-a-secret\nother-half")
    text = nb.fails("%livy start")
    assert "What was given as a token is none" in text
    assert "half" not in text


def test_a_token_is_not_sent_over_plain_http_to_another_machine(
    bare: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "SECRET")
    bare.ok("%livy use http://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01")
    text = bare.fails("%livy start")
    assert "A Fabric token is not sent to http://api.fabric.microsoft.com" in text
    assert "SECRET" not in text


# ------------------------------------------------------------------------------------------------ %livy …
def test_use_says_where_sessions_will_run(bare: Notebook, fabric: FakeFabric) -> None:
    text = bare.ok(f"%livy use {fabric.url}/sessions").text
    assert f"({fabric.url})" in text
    assert "Run `%livy login`" in text, "nobody is signed in"
    assert "real Spark" in bare.ok("%livy use local").text
    assert fabric.requests == []


def test_use_with_a_sign_in_leads_to_the_first_cell(nb: Notebook, fabric: FakeFabric) -> None:
    assert "The first cell starts a session" in nb.ok(f"%livy use {fabric.url}").text


def test_changing_the_target_leaves_what_runs_where_it_is(started: Notebook, apache_livy: FakeFabric) -> None:
    text = started.ok(f"%livy use {apache_livy.url}").text
    assert "Sessions that run elsewhere stay there: main. `%livy start <name>` starts one here." in text
    started.ok("%livy start second")
    assert len(apache_livy.sessions) == 1
    assert started.ok("%%livy_pyspark -s main\n1+1").text.strip() == "2"


def test_start_takes_every_option_to_the_server(nb: Notebook, fabric: FakeFabric) -> None:
    nb.ok("%livy start second --name nightly --conf spark.x=1 --driver-memory 28g --driver-cores 4 --num-executors 2")
    assert fabric.requests[0].body == {
        "name": "nightly",
        "conf": {"spark.x": "1"},
        "driverMemory": "28g",
        "driverCores": 4,
        "numExecutors": 2,
    }


def test_starting_a_name_twice_is_refused(started: Notebook, fabric: FakeFabric) -> None:
    text = started.fails("%livy start")
    assert "Session 'main' is there already" in text
    assert "`%livy stop main` ends it" in text
    assert len(fabric.sessions) == 1


def test_status_shows_target_and_sessions(nb: Notebook, fabric: FakeFabric) -> None:
    assert "No session runs in this notebook" in nb.ok("%livy status").text
    nb.ok("%livy start")
    nb.ok("%livy start second")
    lines = nb.ok("%livy status").text.splitlines()
    assert lines[0] == f"Target: {fabric.url}"
    main, second = (next(line for line in lines if f" {name} " in line) for name in ("main", "second"))
    assert second.startswith("→")
    assert not main.startswith("→")
    assert "idle" in main
    fabric.forget_sessions()
    assert "lost" in nb.ok("%livy status").text


def test_status_without_a_target_says_how_to_choose_one(bare: Notebook) -> None:
    assert "No target yet: `%livy use local`" in bare.ok("%livy status").text


def test_sessions_lists_what_the_server_has(nb: Notebook, fabric: FakeFabric) -> None:
    assert "There is no session on" in nb.ok("%livy sessions").text
    nb.ok("%livy start --name nightly")
    text = nb.ok("%livy sessions").text
    assert next(iter(fabric.sessions)) in text
    assert "nightly" in text
    assert "main" in text


def test_attach_takes_a_session_that_runs(started: Notebook, fabric: FakeFabric) -> None:
    session_id = made_elsewhere(fabric)
    text = started.ok(f"%livy attach {session_id} --name theirs").text
    assert f"Attached to session {session_id} as 'theirs'" in text
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert "no session nosuch on this server" in started.fails("%livy attach nosuch --name x")
    assert "Which session?" in started.fails("%livy attach")


def test_switch_changes_the_session_of_the_next_cell(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%livy start second")
    first, second = fabric.sessions
    started.ok("%livy switch main")
    started.ok("%%livy_pyspark\n1+1")
    started.ok("%%livy_pyspark -s second\n1+1")
    assert [one.path.split("/")[2] for one in fabric.seen("POST", "/statements")] == [first, second]
    assert "There is no session 'thrid'" in started.fails("%livy switch thrid")


def test_logs_shows_the_end_of_the_log(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("idle", log=[f"line {number}" for number in range(100)])
    nb.ok("%livy start")
    assert nb.ok("%livy logs").text.splitlines()[0] == "line 50"
    assert nb.ok("%livy logs main -n 2").text.splitlines() == ["line 98", "line 99"]


def test_stop_ends_the_current_a_named_or_all_sessions(started: Notebook, fabric: FakeFabric) -> None:
    for name in ("two", "three"):
        started.ok(f"%livy start {name}")
    assert "Session 'main' is stopped." in started.ok("%livy stop main").text
    assert "Session 'three' is stopped." in started.ok("%livy stop").text
    assert "Session 'two' is stopped." in started.ok("%livy stop --all").text
    assert "No session runs in this notebook." in started.ok("%livy stop").text
    assert fabric.left_running == []


def test_stopping_what_is_gone_says_so(started: Notebook, fabric: FakeFabric) -> None:
    fabric.forget_sessions()
    assert "Session 'main' was gone already." in started.ok("%livy stop").text


def test_config_shows_every_setting_with_its_origin(nb: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_ROWS_SHOWN", "7")
    nb.ok("%livy config progress off")
    text = nb.ok("%livy config").text
    assert re.search(r"rows_shown +7 +environment FABRIC_LIVY_ROWS_SHOWN", text)
    assert re.search(r"progress +off +notebook", text)
    assert re.search(r"start_timeout_s +900.0 +default", text)
    assert "FABRIC_LIVY_TOKEN" not in text
    assert nb.ok("%livy config rows_shown").text.count("\n") < 6


def test_a_setting_that_does_not_fit_changes_nothing(nb: Notebook) -> None:
    nb.fails("%livy config rows_shown 0")
    assert re.search(r"rows_shown +20 +default", nb.ok("%livy config").text)


@pytest.mark.parametrize("line", ["%livy", "%livy help", "%livy start --help", "%livy help stop", "%livy_sql --help"])
def test_help_is_text_in_the_cell(bare: Notebook, line: str) -> None:
    assert bare.ok(line).text.startswith("usage: %livy")


# ------------------------------------------------------------------------------------------------ interrupts
def test_ctrl_c_in_a_cell_cancels_its_statement_and_keeps_the_session(started: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    text = started.fails("%%livy_pyspark\nslow()")
    assert time.monotonic() - began < 0.3 + 1.5
    interrupt.join()
    assert "KeyboardInterrupt: Statement 0 was cancelled on the session." in text
    assert len(fabric.seen("POST", "/cancel")) == 1
    fabric.statement_goes("available")
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


@pytest.mark.parametrize("cell", ["%livy start", "%%livy_pyspark\n1+1"], ids=["start", "first cell"])
def test_ctrl_c_while_a_session_starts_leaves_none(nb: Notebook, fabric: FakeFabric, cell: str) -> None:
    fabric.session_goes("starting")
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    text = nb.fails(cell)
    assert time.monotonic() - began < 0.3 + 1.5
    interrupt.join()
    assert "KeyboardInterrupt: The session that was starting was stopped." in text
    assert fabric.left_running == []
    assert fabric.posted_code == []


def test_an_interrupted_start_whose_session_cannot_be_stopped_says_so_and_keeps_it_in_sight(
    nb: Notebook, fabric: FakeFabric
) -> None:
    fabric.session_goes("starting")
    fabric.fault("DELETE", "/sessions", status=400, body='{"message": "not now"}')
    interrupt = interrupt_after(1.5)  # it has been asked for by then, on a busy machine, too
    text = nb.fails("%livy start")
    interrupt.join()
    (session_id,) = fabric.left_running
    assert f"The session that was starting (id {session_id}) could not be stopped" in text
    assert session_id in nb.ok("%livy status").text
    nb.ok("%livy stop")
    assert fabric.left_running == []


def test_an_interrupted_start_whose_stop_breaks_is_stopped_behind_the_cell(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    fabric.fault("DELETE", "/sessions", status=503)
    interrupt = interrupt_after(1.5)  # it has been asked for by then, on a busy machine, too
    text = nb.fails("%livy start")
    interrupt.join()
    assert "could not be stopped: " in text
    assert "It is told to stop once more, if this process still runs." in text
    assert soon(lambda: not fabric.left_running)


def test_ctrl_c_while_an_attached_session_starts_leaves_it_alone(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    session_id = made_elsewhere(fabric)
    nb.ok(f"%livy attach {session_id}")
    interrupt = interrupt_after(0.3)
    assert "goes on starting" in nb.fails("%%livy_pyspark\n1+1")
    interrupt.join()
    assert fabric.left_running == [session_id]


def test_a_session_that_is_slow_to_start_is_waited_for_by_the_next_cell(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    nb.ok("%livy config start_timeout_s 0.2")
    assert "goes on starting" in nb.fails("%%livy_pyspark\n1+1")
    fabric.session_becomes("idle")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert len(fabric.seen("POST", "/sessions$")) == 1


# ------------------------------------------------------------------------------------------------ the end
def test_unloading_stops_every_session_that_was_started_here(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%livy start second")
    started.ok("%unload_ext fabric_livy_magic")
    assert fabric.left_running == []
    assert "not found" in started.fails("%livy status")


def test_an_attached_session_outlives_the_notebook(nb: Notebook, fabric: FakeFabric) -> None:
    session_id = made_elsewhere(fabric)
    nb.ok(f"%livy attach {session_id}")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    nb.ok("%unload_ext fabric_livy_magic")
    assert fabric.left_running == [session_id]


def test_a_session_that_cannot_be_stopped_at_the_end_is_named(started: Notebook, fabric: FakeFabric) -> None:
    (session_id,) = fabric.sessions
    fabric.fault("DELETE", "/sessions", status=503, times=99)
    assert f"Session {session_id} could not be stopped" in started.ok("%unload_ext fabric_livy_magic").text


def test_the_extension_can_be_loaded_again(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%reload_ext fabric_livy_magic")
    assert fabric.left_running == []
    started.ok(f"%livy use {fabric.url}")
    assert "2" in started.ok("%%livy_pyspark\n1+1").text


# ------------------------------------------------------------------------------------------------ progress
def test_headless_runs_print_a_start_and_an_end_line_only(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes(*["starting"] * 5, "idle")
    fabric.statement_goes(*["running"] * 30, "available")
    ran = nb.ok("%%livy_pyspark\n1+1")
    assert len(ran.text.strip().splitlines()) == 3
    assert ran.displays == []


def test_progress_off_prints_the_result_only(nb: Notebook) -> None:
    nb.ok("%livy config progress off")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"


# ------------------------------------------------------------------------------------------------ configure, profiles, login
def test_configure_shows_the_whole_request_and_the_next_session_gets_it(nb: Notebook, fabric: FakeFabric) -> None:
    nb.ok('%%livy_configure\n{"conf": {"a": "1"}}')
    shown = nb.ok('%%livy_configure\n{"conf": {"b": "2"}, "driverCores": 4}').text
    assert '"a": "1"' in shown
    fabric.session_goes("idle")
    nb.ok("%livy start --conf c=3")
    (body,) = [one.body for one in fabric.requests if one.method == "POST" and one.path.endswith("/sessions")]
    assert body["conf"] == {"a": "1", "b": "2", "c": "3"}
    assert body["driverCores"] == 4


def test_configure_does_not_take_a_running_session_away_unasked(started: Notebook, fabric: FakeFabric) -> None:
    assert "its variables are lost" in started.fails('%%livy_configure\n{"conf": {"a": "1"}}')
    fabric.session_goes("idle")
    assert "is ready after" in started.ok('%%livy_configure -f\n{"conf": {"a": "1"}}').text
    assert len([one for one in fabric.requests if one.method == "DELETE"]) == 1


@pytest.mark.parametrize("option", ["--secret", "--client-secret", "--password", "--passphrase", "--token"])
def test_a_secret_on_the_line_is_refused_and_not_repeated(nb: Notebook, option: str) -> None:
    text = nb.fails(f"%livy login --method secret {option} geheim123")
    assert "A secret does not belong into a notebook" in text
    assert "AZURE_CLIENT_SECRET" in text


def test_a_size_that_no_node_has_is_refused_before_anything_starts(nb: Notebook, fabric: FakeFabric) -> None:
    before = len(fabric.requests)
    assert "4 cores with 28g" in nb.fails("%livy start --driver-cores 5")
    assert len(fabric.requests) == before


def test_a_profile_is_a_target_with_all_that_it_sets(
    bare: Notebook, fabric: FakeFabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.fabric-livy.profiles.test]\ntarget = "{fabric.url}"\nrows_shown = 3\n'
    )
    monkeypatch.chdir(tmp_path)
    assert fabric.url in bare.ok("%livy use test").text
    assert "profile test in" in bare.ok("%livy config rows_shown").text


def test_login_with_a_given_token_tells_who_it_is(nb: Notebook) -> None:
    assert "Signed in as" in nb.ok("%livy login --method token").text
    assert "Signed out" in nb.ok("%livy logout").text
