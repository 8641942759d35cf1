"""The subcommands of `%livy`: what they show and do."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fabric_livy_magic.local.server.discovery import published_token
from fabric_livy_magic.settings_files import user_file
from tests.magics.conftest import start_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook


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


def test_words_of_livys_own_request_go_to_an_apache_livy_server(bare: Notebook, apache_livy: FakeFabric) -> None:
    bare.ok(f"%livy use {apache_livy.url}")
    bare.ok('%%livy_configure\n{"ttl": "8h", "queue": "a"}')
    bare.ok("%livy start main --livy queue=nightly --livy jars=hdfs:///a.jar,hdfs:///b.jar")
    body = apache_livy.seen("POST", "/sessions$")[0].body
    assert (body["ttl"], body["queue"], body["jars"]) == ("8h", "nightly", ["hdfs:///a.jar", "hdfs:///b.jar"])
    assert "Apache Livy has no tags" in bare.fails("%livy start second --tag team=sales")


def test_an_auth_class_is_told_as_who_calls(bare: Notebook, apache_livy: FakeFabric) -> None:
    bare.ok(f"%livy use {apache_livy.url}")
    assert "without a sign-in" in bare.ok("%livy whoami").text
    bare.ok("%livy config livy_auth kerberos")
    assert "is called by kerberos" in bare.ok("%livy whoami").text


def test_words_of_livys_own_request_are_refused_on_fabric(nb: Notebook) -> None:
    assert "Fabric has no queues" in nb.fails("%livy start second --livy queue=nightly")


# ------------------------------------------------------------------------------------------------ Run All, once more
def test_a_session_that_runs_goes_on_when_it_is_started_once_more(started: Notebook, fabric: FakeFabric) -> None:
    text = started.ok("%livy start").text
    assert "Session 'main' runs already" in text
    assert "`%livy start --fresh` starts it anew" in text
    assert "something else" not in text
    started.ok("%livy start second --name nightly")
    assert "which was something else" in started.ok("%livy start main --conf spark.x=1").text
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2", "and it is the current one again"
    assert fabric.seen("POST", "/statements")[-1].path.split("/")[2] == next(iter(fabric.sessions))
    assert "runs already" in started.ok("%livy start second --name nightly").text
    assert len(fabric.sessions) == 2


def test_fresh_stops_the_session_first(started: Notebook, fabric: FakeFabric) -> None:
    (old,) = fabric.sessions
    text = started.ok("%livy start --fresh --conf spark.x=1").text
    assert "Session 'main' is ready after" in text
    calls = [(one.method, one.path.rsplit("/", 1)[-1]) for one in fabric.requests if one.method != "GET"]
    assert calls == [("POST", "sessions"), ("DELETE", old), ("POST", "sessions")]
    assert "is ready after" in started.ok("%livy start other --fresh").text, "also where none runs"
    started.ok(f"%livy attach {start_elsewhere(fabric)} --name theirs")
    assert "was not started here" in started.fails("%livy start theirs --fresh")


def test_a_session_that_has_ended_is_started_once_more(started: Notebook, fabric: FakeFabric) -> None:
    fabric.forget_sessions()
    text = started.ok("%livy start").text
    assert re.search(r"Session 'main' \(id \S+\) has ended: ", text)
    assert "is ready after" in text
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_keep_holds_for_a_session_that_runs(started: Notebook, fabric: FakeFabric) -> None:
    assert "It goes on when this notebook ends" in started.ok("%livy start --keep").text
    started.ok("%unload_ext fabric_livy_magic")
    assert len(fabric.left_running) == 1


def test_a_session_elsewhere_is_not_taken_for_one_here(started: Notebook, apache_livy: FakeFabric) -> None:
    started.ok(f"%livy use {apache_livy.url}")
    text = started.fails("%livy start")
    assert "Session 'main' runs on" in text
    assert "`%livy start main --fresh`" in text
    assert apache_livy.sessions == {}


def test_a_notebook_of_two_targets_runs_twice(nb: Notebook, fabric: FakeFabric, apache_livy: FakeFabric) -> None:
    fabric.session_goes("idle")
    apache_livy.session_goes("idle")
    for _ in range(2):
        for line in (f"use {fabric.url}", "start", f"use {apache_livy.url}", "start second"):
            nb.ok(f"%livy {line}")
    assert (len(fabric.sessions), len(apache_livy.sessions)) == (1, 1)


def test_using_the_same_target_says_what_runs_there(started: Notebook, fabric: FakeFabric) -> None:
    text = started.ok(f"%livy use {fabric.url}").text
    assert "Session 'main' runs there already, and the next cell goes on in it." in text
    assert "starts a session" not in text


def test_attaching_and_configuring_twice_changes_nothing(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("idle")
    attach, configure = f"%livy attach {start_elsewhere(fabric)}", '%%livy_configure\n{"conf": {"a": "1"}}'
    for line in (configure, attach):
        nb.ok(line)
    before = len(fabric.sessions)
    assert "It goes on." in nb.ok(configure).text
    assert "is in this notebook already, as 'main'" in nb.ok(attach).text
    assert (len(fabric.sessions), "main" in nb.ok("%livy status").text) == (before, True)


def test_the_token_of_a_served_endpoint_is_a_sign_in(
    bare: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with published_token(urlsplit(fabric.url).port or 0, fabric.token):
        text = bare.ok(f"%livy use {fabric.url}").text
        assert "The first cell starts a session" in text
        assert fabric.token not in text


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
    session_id = start_elsewhere(fabric)
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
    assert re.search(r"rows_shown +10 +default", nb.ok("%livy config").text)


@pytest.mark.parametrize("line", ["%livy", "%livy help", "%livy start --help", "%livy help stop", "%livy_sql --help"])
def test_help_is_text_in_the_cell(bare: Notebook, line: str) -> None:
    assert bare.ok(line).text.startswith("usage: %livy")


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
    assert "its variables are lost" in started.fails('%%livy_configure\n{"conf": {"a": "1"}}'), "it was not chosen"
    fabric.session_goes("idle")
    assert "is ready after" in started.ok('%%livy_configure -f\n{"conf": {"a": "1"}}').text
    assert "is ready after" in started.ok('%%livy_configure --force\n{"conf": {"a": "2"}}').text
    assert len([one for one in fabric.requests if one.method == "DELETE"]) == 2
    assert "%%livy_configure takes -f" in started.fails('%%livy_configure --fast\n{"conf": {"a": "2"}}')


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
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    user_file().parent.mkdir(parents=True)
    user_file().write_text(f'[profiles.test]\ntarget = "{fabric.url}"\nrows_shown = 3\n')
    assert fabric.url in bare.ok("%livy use test").text
    assert "profile test in" in bare.ok("%livy config rows_shown").text


def test_what_a_project_chose_in_vain_is_said_once_and_counts_after_trust(
    bare: Notebook, fabric: FakeFabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "pyproject.toml"
    project.write_text(f'[tool.fabric-livy]\nrows_shown = 3\ntarget = "{fabric.url}"\nmethod = "its.module:Class"\n')
    first = bare.ok("%livy status").text
    assert f"{project} chooses what does not count (target, method)" in first
    assert "`%livy trust`" in first
    assert "No target yet" in first
    assert str(project) not in bare.ok("%livy status").text
    shown = bare.ok("%livy config").text
    assert f'Does not count in {project}:\n  target = "{fabric.url}"\n  method = "its.module:Class"' in shown
    assert bare.ok("%livy config rows_shown").text.count(str(project)) == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert "`%livy trust --yes`" in bare.fails("%livy trust")  # nobody can be asked
    assert "No target yet" in bare.ok("%livy status").text
    trusting = bare.ok("%livy trust --yes").text
    assert f'{project} would choose:\n  target = "{fabric.url}"\n  method = "its.module:Class"' in trusting
    assert f"Target: {fabric.url}" in bare.ok("%livy status").text
    assert "is trusted, as it is now" in bare.ok("%livy trust").text
    assert "no longer trusted" in bare.ok("%livy trust --forget").text
    assert "No target yet" in bare.ok("%livy status").text


def test_login_with_a_given_token_tells_who_it_is(nb: Notebook) -> None:
    assert "Signed in as" in nb.ok("%livy login --method token").text
    assert "Signed out" in nb.ok("%livy logout").text
