"""Background cells, `%livy cancel`, time-outs, `%livy restart`."""

from __future__ import annotations

from tests.magics.conftest import start_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import sql_output
from tests.support.timing import eventually


# ------------------------------------------------------------------------------------------------ background cells
def test_a_background_cell_gives_a_handle_and_the_notebook_goes_on(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    ran = nb_with_session.ok("%%livy_pyspark -b -o job\nslow('SECRET CODE')")
    assert "pyspark on 'main'" in ran.text
    assert "SECRET" not in ran.text + ran.html
    assert nb_with_session.ok("1 + 1").value == 2
    assert eventually(lambda: nb_with_session.names["job"].state == "running")
    nb_with_session.ok("job.cancel()")
    assert "StatementCancelled" in nb_with_session.fails("job.result()")
    assert nb_with_session.names["job"].state == "cancelled"


def test_a_handle_without_a_variable_is_the_value_of_its_cell(nb_with_session: Notebook) -> None:
    handle = nb_with_session.ok("%%livy_pyspark -b\n1+1").value
    assert handle.result(5).text == "2"
    assert nb_with_session.ok("handle = %livy_pyspark -b 1+1\nhandle.result().text").value == "2"


def test_background_cells_are_listed_and_waited_for(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    assert (
        nb_with_session.ok("%livy statements").text.strip() == "No background statements. `-b` on a cell makes it one."
    )
    fabric.answer("SELECT 1", sql_output([("one", "integer")], [[1]]))
    first = nb_with_session.ok("%%livy_sql -b\nSELECT 1").value
    nb_with_session.ok("%%livy_pyspark -b -q -o other\n1+1")
    assert eventually(lambda: first.done and nb_with_session.names["other"].done)
    listed = nb_with_session.ok("%livy statements").text
    assert f"{first.number}" in listed
    assert listed.count("available") == 2
    assert "SELECT" not in listed
    shown = nb_with_session.ok(f"%livy wait {first.number}")
    assert "1 row" in shown.text
    assert "<table" in shown.html
    assert nb_with_session.ok("%livy wait").text.strip() == "2"
    assert "No background statements" in nb_with_session.ok("%livy statements").text
    assert "There is no background statement 4711" in nb_with_session.fails("%livy wait 4711")


def test_waiting_for_a_failed_cell_fails_as_the_cell_would_have(nb_with_session: Notebook) -> None:
    nb_with_session.ok("%%livy_pyspark -b -q\n1/0")
    assert "ZeroDivisionError" in nb_with_session.fails("%livy wait")
    assert "No background statements" in nb_with_session.ok("%livy statements").text
    assert "ZeroDivisionError" in nb_with_session.ok("%livy error").text


def test_a_cell_that_waits_behind_another_is_not_sent_to_a_session_that_was_started_anew(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    nb_with_session.ok("%%livy_pyspark -b -q -o first\nslow()")
    nb_with_session.ok("%%livy_pyspark -b -q -o second\nafter()")
    assert eventually(lambda: len(fabric.posted_code) == 1)
    nb_with_session.ok("%livy restart")
    assert "SessionLostError" in nb_with_session.fails("second.result()")
    assert fabric.posted_code == [("pyspark", "slow()\n")]
    nb_with_session.names["first"].cancel()


def test_a_high_concurrency_session_whose_answer_was_lost_is_not_asked_for_twice(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    fabric.fault("POST", "/highConcurrencySessions", closes=True)
    assert "It is not known whether the server acted on it" in nb_with_session.fails(
        "%livy start side --high-concurrency --tag both"
    )
    asked = fabric.seen("POST", "/highConcurrencySessions")
    assert [one.body["sessionTag"] for one in asked] == ["both"]


def test_an_apache_livy_has_no_high_concurrency_sessions(nb_with_session: Notebook, apache_livy: FakeFabric) -> None:
    nb_with_session.ok(f"%livy use {apache_livy.url}")
    assert "start several sessions instead" in nb_with_session.fails("%livy start side --high-concurrency")


# ------------------------------------------------------------------------------------------------ cancel, timeout
def test_cancel_ends_what_runs_and_what_waits(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    nb_with_session.ok("%%livy_pyspark -b -q -o first\nslow()")
    nb_with_session.ok("%%livy_pyspark -b -q -o second\nafter()")
    assert eventually(lambda: nb_with_session.names["first"].state == "running")
    said = nb_with_session.ok("%livy cancel").text
    assert f"Background statement {nb_with_session.names['second'].number}: It had not been sent: " in said
    assert "Statement 0 was cancelled on the session." in said
    assert "StatementCancelled" in nb_with_session.fails("first.result()")
    assert "StatementCancelled" in nb_with_session.fails("second.result()")
    assert len(fabric.posted_code) == 1


def test_cancel_says_what_became_of_one_whose_request_is_on_its_way(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    fabric.fault("POST", "/statements", acts=True, delay_s=0.5)
    nb_with_session.ok("%%livy_pyspark -b -q -o first\nslow()")
    assert eventually(lambda: len(fabric.posted_code) == 1)
    said = nb_with_session.ok("%livy cancel").text
    number = nb_with_session.names["first"].number
    assert f"Background statement {number}: Statement 0 was cancelled on the session." in said
    assert eventually(lambda: len(fabric.seen("POST", "/statements/0/cancel")) >= 1)


def test_cancel_takes_the_number_of_a_statement(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    nb_with_session.ok("%livy_pyspark 1+1")
    nb_with_session.ok("%livy cancel 0")
    assert [one.path.rsplit("/", 2)[-2:] for one in fabric.seen("POST", "/cancel")] == [["0", "cancel"]]


def test_cancel_with_nothing_to_cancel_says_so(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    assert nb_with_session.ok("%livy cancel").text.strip() == "Nothing runs on the session."
    assert fabric.seen("POST", "/cancel") == []


def test_a_cancel_that_does_not_reach_the_code_says_that_it_runs_on_and_what_to_do(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    fabric.cancel_goes("cancelling")
    nb_with_session.ok("%%livy_pyspark -b -q -o job\nwhile True: pass")
    assert eventually(lambda: len(fabric.posted_code) == 1)
    said = nb_with_session.ok("%livy cancel").text
    assert "its code still runs" in said
    assert "`%livy restart` ends the session" in said
    nb_with_session.names["job"].cancel()
    assert "its code still runs" in nb_with_session.fails("job.result()")
    assert nb_with_session.names["job"].state == "cancelling"


def test_a_timeout_cancels_the_statement_on_the_session(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    said = nb_with_session.fails("%%livy_pyspark --timeout 0.2\nslow()")
    assert "WaitTimeout" in said
    assert "Statement 0 was cancelled on the session." in said
    assert len(fabric.seen("POST", "/statements/0/cancel")) == 1


# ------------------------------------------------------------------------------------------------ restart
def test_restart_starts_anew_with_the_same_settings_and_runs_nothing_again(
    nb_with_session: Notebook, fabric: FakeFabric
) -> None:
    nb_with_session.ok("%livy start big --conf spark.a=1 --driver-memory 28g")
    nb_with_session.ok("%livy_pyspark 1+1")
    before = list(fabric.sessions)
    assert "Nothing was run again" in nb_with_session.ok("%livy restart").text
    assert fabric.deleted == before[1:]
    bodies = [{**one.body, "name": ""} for one in fabric.seen("POST", "/sessions$")]
    assert bodies[-1] == bodies[-2]
    assert len(fabric.posted_code) == 1
    assert "big" in nb_with_session.ok("%livy status").text


def test_restart_of_a_lost_session_starts_one(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    fabric.forget_sessions()
    nb_with_session.fails("%livy_pyspark 1+1")
    nb_with_session.ok("%livy restart")
    assert nb_with_session.ok("%livy_pyspark 1+1").text.strip() == "2"


def test_restart_does_not_end_a_session_that_was_found(nb_with_session: Notebook, fabric: FakeFabric) -> None:
    found = start_elsewhere(fabric)
    nb_with_session.ok(f"%livy attach {found} --name found")
    assert "was not started here" in nb_with_session.fails("%livy restart")
    assert found in fabric.sessions
