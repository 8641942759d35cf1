"""`%livy spark`, `%livy logs` and `%livy runs` in a notebook whose target is a scripted server."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fabric_livy_magic.errors import AccessError, Interrupted, MonitoringError
from tests.support.fakes import APPLICATION, FakeFabric
from tests.support.monitored_spark import EXECUTORS, RUNS, monitored_spark
from tests.support.notebook import Notebook
from tests.support.spark_json import job, stage
from tests.support.timing import interrupt_after

HTML = "<!DOCTYPE html><html><body>Sign in to your proxy</body></html>"
CONTAINER = "container_1764360000000_0007_01_00000"


@pytest.fixture
def watched(nb_with_session: Notebook, fabric: FakeFabric) -> Notebook:
    """A notebook whose session has a Spark application to look at."""
    fabric.monitoring_goes(([], []))
    fabric.monitoring.spark = monitored_spark()
    return nb_with_session


def the_session(fabric: FakeFabric) -> str:
    return next(iter(fabric.sessions))


# ------------------------------------------------------------------------------------------------ spark
def test_it_shows_what_is_wrong_first_then_what_ran(watched: Notebook) -> None:
    shown = watched.ok("%livy spark")
    order = ["skew", "spill", "lost", "Failed tasks", "Statements", "Stages", "Executors"]
    assert sorted(order, key=shown.text.index) == ["lost", "skew", "spill", *order[3:]]
    assert f"{APPLICATION} · 1 task runs · 16 cores" in shown.text
    assert "ZeroDivisionError: division by zero" in shown.text
    assert "<img" not in shown.html


def test_with_json_it_is_data(watched: Notebook) -> None:
    (data,) = watched.ok("%livy spark --json").value
    assert {one["kind"] for one in data["hints"]} == {"lost", "skew", "spill"}
    assert [one["statement"] for one in data["statements"]] == [1, 2]
    assert data["capacity_unit_seconds"] == pytest.approx(data["vcore_seconds"] / 2, abs=0.1)
    assert {one["executor"] for one in data["executors"]} == {"3", *(one["id"] for one in EXECUTORS)}


def test_another_session_is_named_by_its_name_or_its_id(watched: Notebook, fabric: FakeFabric) -> None:
    watched.ok("%livy start second")
    watched.ok("%livy spark main")
    watched.ok(f"%livy spark {the_session(fabric)}")
    assert {one.path.split("/")[7] for one in fabric.monitoring_calls} == {the_session(fabric)}
    assert "There is no session 'nonsense' in this notebook." in watched.fails("%livy spark nonsense")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        pytest.param(
            {"status": 403, "body": '{"errorCode":"InsufficientScopes","message":"no"}'},
            r"does not give its Spark application to this account \(403\).*Lakehouse\.Read\.All",
            id="403",
        ),
        pytest.param({"status": 403, "body": HTML}, r"does not give .* \(403\)", id="a page with 403"),
        pytest.param({"status": 200, "body": HTML}, "answered .* with a page .* Does a proxy answer", id="a page"),
        pytest.param({"status": 302, "headers": {"Location": "https://example.org/"}}, "with a page", id="a redirect"),
        pytest.param({"status": 404, "body": HTML}, "has no answer about its Spark application", id="404"),
        pytest.param({"status": 200, "body": "{}", "cuts": True}, "gave no answer .* in time", id="cut off"),
    ],
)
@pytest.mark.parametrize("line", ["spark", "logs --driver", "runs"])
def test_a_monitoring_without_an_answer_is_told_and_the_next_cell_runs(
    watched: Notebook, fabric: FakeFabric, line: str, how: dict[str, Any], says: str
) -> None:
    fabric.fault("GET", "/(jobs|logs|livySessions)$", times=1000, **how)
    outcome = watched.run(f"%livy {line}")
    assert isinstance(outcome.error, MonitoringError)
    what = {"spark": "its Spark application", "logs --driver": "the driver's log", "runs": "the runs of the lakehouse"}
    text = " ".join(outcome.text.split())
    assert re.search(says.replace("its Spark application", what[line]), text), text
    assert "The session and its cells are not affected." in text
    fabric.answer("1+1", {"status": "ok", "data": {"text/plain": "2"}})
    assert watched.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_one_that_answers_late_is_given_up(
    watched: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabric_livy_magic.livy.monitoring.ASKED_WITHIN_S", 0.5)
    fabric.fault("GET", "/jobs$", times=1000, acts=True, delay_s=20)
    outcome = watched.run("%livy spark")
    assert isinstance(outcome.error, MonitoringError)
    assert "gave no answer about its Spark application in time" in " ".join(outcome.text.split())


def test_a_sign_in_that_is_missing_stays_one(watched: Notebook, fabric: FakeFabric) -> None:
    fabric.fault("GET", "/jobs$", times=1000, status=401)
    assert isinstance(watched.run("%livy spark").error, AccessError)


# ------------------------------------------------------------------------------------------------ logs
def test_each_log_is_read_where_it_is(watched: Notebook, fabric: FakeFabric) -> None:
    fabric.monitoring.files = {
        ("driver", "", "stdout"): b"printed 1\nprinted 2\n[live fabric-livy 00] of a cell\n",
        ("driver", "", "stderr"): b"warned\nno line break at the end",
        ("livy", "", ""): b"livy 1\nlivy 2\n",
        ("executor", f"{CONTAINER}1", "stdout"): b"of the driver\n",
        ("executor", f"{CONTAINER}2", "stdout"): b"of the first 1\nof the first 2\n",
        ("executor", f"{CONTAINER}2", "stderr"): b"",
        ("executor", f"{CONTAINER}9", "stderr"): b"of the second\n",
        ("executor", f"{CONTAINER}9", "stderr-active"): b"and its newest\n",
        ("executor", f"{CONTAINER}9", "launch_container.sh"): b"no log\n",
    }
    assert watched.ok("%livy logs --driver").text == (
        "stdout:\nprinted 1\nprinted 2\nstderr:\nwarned\nno line break at the end\n"
    )
    assert watched.ok("%livy logs --livy -n 1").text == "livy 2\n"
    assert watched.ok("%livy logs --executor 1 --lines 1").text == "of the first 2\n"
    assert watched.ok("%livy logs --executor 2").text == ("stderr:\nof the second\nstderr-active:\nand its newest\n")
    assert watched.ok("%livy logs main --executor driver --json").value == [{"line": "of the driver"}]
    assert watched.ok(f"%livy logs --executor {CONTAINER}2").text == "of the first 1\nof the first 2\n"
    assert "There is no log of an executor '7'. This application has had: driver, 1, 2, 3." in " ".join(
        watched.fails("%livy logs --executor 7").split()
    )


def test_a_log_is_followed_until_the_session_ends(watched: Notebook, fabric: FakeFabric) -> None:
    file = ("driver", "", "stdout")
    fabric.monitoring.files[file] = b"old\none\nhal"
    fabric.monitoring.grows[file] = [b"f\n", b"last"]
    fabric.session_becomes("idle", "idle", "idle", "dead")
    assert watched.ok("%livy logs --driver -f -n 1").text == "one\nhalf\nlast\nIt has ended: nothing more comes.\n"


def test_an_interrupt_ends_the_following_alone(watched: Notebook, fabric: FakeFabric) -> None:
    interrupt_after(0.4)
    outcome = watched.run("%livy logs --follow")
    assert isinstance(outcome.error, Interrupted)
    assert f"The session goes on (id {the_session(fabric)})" in " ".join(outcome.text.split())
    assert fabric.deleted == []


def test_options_that_exclude_one_another_are_told(watched: Notebook) -> None:
    assert "not allowed with argument" in watched.fails("%livy logs --driver --livy")
    assert "Take one of them." in watched.fails("%livy logs -f --json")
    assert "a number above 0, not 'x'" in watched.fails("%livy logs -n x")


def test_no_line_of_a_log_steers_the_front_end(watched: Notebook, fabric: FakeFabric) -> None:
    fabric.monitoring.files[("driver", "", "stdout")] = "\x1b]0;title\x07\u202e\n".encode()
    assert "\x1b" not in watched.ok("%livy logs --driver").text


# ------------------------------------------------------------------------------------------------ runs
def test_the_latest_runs_come_first_with_names_and_reasons(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.monitoring.runs, fabric.monitoring.page_size = RUNS, 2
    fabric.session_goes("idle", submitterId=RUNS[0]["submitter"]["id"], submitterName="Ada")
    nb.ok("%livy start")
    shown = nb.ok("%livy runs")
    assert shown.text.index("nightly load") < shown.text.index("a notebook")
    assert "Ada" in shown.text
    assert "out of memory" in shown.text
    assert "The latest 1 of 3; -n shows more." in nb.ok("%livy runs -n 1").text
    records = nb.ok("%livy runs --json --limit 2").value
    assert [(one["state"], one["ran_s"], one["kind"]) for one in records] == [
        ("InProgress", 60.0, "session"),
        ("Failed", 180.0, "batch"),
    ]


def test_one_run_is_shown_with_all_that_is_known(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.monitoring.runs = RUNS
    failed = next(one for one in RUNS if one["state"] == "Failed")
    shown = nb.ok(f"%livy runs {failed['livyId']}").text
    for text in ("nightly load", "Failed", "out of memory", "3 min", "`%livy batch logs ", "`%livy spark "):
        assert text in shown, text
    (data,) = nb.ok(f"%livy runs {failed['livyId']} --json").value
    assert (data["has_ended"], data["submitted"]) == (True, "2026-01-31T15:32:03Z")


def test_an_unknown_run_is_told(nb: Notebook) -> None:
    for line in ("runs 77", "spark 77", "logs 77"):
        assert "There is no run 77 on" in " ".join(nb.fails(f"%livy {line}").split())


def test_of_a_livy_server_its_own_lists_are_the_runs(bare: Notebook, apache_livy: FakeFabric) -> None:
    bare.ok(f"%livy use {apache_livy.url}")
    apache_livy.session_goes("idle", owner="ada")
    bare.ok("%livy start")
    bare.ok("%livy batch submit /srv/job.py")
    records = bare.ok("%livy runs --json").value
    assert [(one["kind"], one["submitter"]) for one in records] == [("session", "ada"), ("batch", None)]


def test_spark_of_a_livy_server_is_asked_where_livy_says(bare: Notebook, apache_livy: FakeFabric) -> None:
    bare.ok(f"%livy use {apache_livy.url}")
    apache_livy.monitoring.spark = {**monitored_spark(), "jobs": [job(0, "0", 1, 1)], "stages": [stage(0, 1, 1)]}
    apache_livy.session_goes("idle", appInfo={"sparkUiUrl": f"{apache_livy.url}/ui"})
    bare.ok("%livy start")
    (data,) = bare.ok("%livy spark --json").value
    assert (data["application"], data["jobs"], data["spark_ui"]) == ("local-1", 1, f"{apache_livy.url}/ui")
    apache_livy.session_goes("idle")
    bare.ok("%livy start plain")
    assert "names no Spark UI for this session" in bare.fails("%livy spark")
    assert "--driver is for Fabric" in bare.fails("%livy logs --driver")


def test_of_a_very_large_log_of_an_executor_the_beginning_is_read_and_told_so(
    watched: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fabric_livy_magic.livy.run_logs.MOST_EXECUTOR_BYTES", 20)
    fabric.monitoring.files[("executor", f"{CONTAINER}2", "stdout")] = b"0123456789\n" * 4
    shown = watched.ok("%livy logs --executor 1").text
    assert shown.splitlines()[:2] == ["0123456789", "012345678"]
    assert "the rest is not read" in shown
