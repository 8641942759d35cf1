"""What cannot run is refused clearly, and starts nothing."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook


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
