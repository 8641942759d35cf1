"""Run by an inner pytest as test_bad_notebooks.py: see tests/testing/test_plugin.py. Most fail, and the report says why."""

import pytest


def test_hangs(run_notebook):
    run_notebook("Hangs", cell_timeout_s=5)


def test_hangs_in_spark(run_notebook):
    run_notebook("Hangs in Spark", cell_timeout_s=2)


def test_holds_on(run_notebook):
    run_notebook("Holds on", cell_timeout_s=1)


def test_slow(run_notebook):
    run_notebook("Slow", timeout_s=1.5)


def test_kills_its_python(run_notebook, spark_session):
    spark_session.run("here = 1")
    try:
        run_notebook("Kills its Python")
    finally:
        assert spark_session.run("here").text == "1"


def test_kills_the_jvm(run_notebook):
    run_notebook("Kills the JVM")


def test_stops_spark(run_notebook):
    run_notebook("Stops Spark")


def test_prints_much(run_notebook):
    result = run_notebook("Prints much", lines=100_000)
    assert result.exit_value == "printed"
    assert len(result.text) < 64 * 1024 * 1024


def test_leaves_a_stream(run_notebook):
    run_notebook("Leaves a stream")


def test_no_stream_is_there(spark_session):
    active = "len(sc.statusTracker().getActiveJobsIds())"
    until = "import time\nuntil = time.monotonic() + 20\n"
    assert (
        spark_session.run(f"{until}while {active} and time.monotonic() < until: time.sleep(0.1)\n{active}").text == "0"
    )


def test_unreadable(run_notebook):
    run_notebook("Unreadable")


def test_no_such_notebook(run_notebook):
    run_notebook("Writes trip")


def test_a_parameter_that_is_no_value(run_notebook):
    run_notebook("Writes trips", rows=object())


@pytest.mark.parametrize("rows", [2, 3])
def test_same_names(run_notebook, rows):
    assert len(run_notebook("Writes trips", rows=rows).tables["trips"]) == rows


def test_two_more_starts_of_spark(fabric, lakehouse):
    assert fabric.spark_starts == 3
