"""The public Python API, without magics."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fabric_livy_magic import FabricLivyError, connect
from fabric_livy_magic.errors import (
    FrameError,
    Interrupted,
    SessionStartError,
    SettingsError,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.fakes import FakeFabric
from tests.support.outputs import sql_output
from tests.support.timing import AT_ONCE_S, interrupt_after


# ------------------------------------------------------------------------------------------------ connect
def test_connect_runs_statements_and_stops_its_session(target: str, fabric: FakeFabric) -> None:
    with connect(target) as session:
        assert session.run("1+1").text == "2"
        assert session.sql("SELECT 1 AS one").to_dict("list") == {"one": [1]}
        assert len(fabric.left_running) == 1
    assert fabric.left_running == []
    assert fabric.posted_code == [("pyspark", "1+1"), ("sql", "SELECT 1 AS one")]


def test_connect_takes_its_target_from_the_environment(
    target: str, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", target)
    with connect() as session:
        assert session.target.url == target


def test_connect_sends_name_and_conf_and_takes_settings(target: str, fabric: FakeFabric) -> None:
    with connect(target, name="nightly", conf={"spark.x": "1"}, request_timeout_s=5):
        assert fabric.requests[0].body == {"name": "nightly", "conf": {"spark.x": "1"}}


def test_connect_takes_a_credential(fabric: FakeFabric) -> None:
    class Own:
        def token(self, audience: str = "fabric", *, renew: bool = False) -> AccessToken:
            return AccessToken(fabric.token)

    with connect(fabric.url, credential=Own()) as session:
        assert session.run("1+1").text == "2"


@pytest.mark.parametrize(
    ("target", "choices", "says"),
    [
        (None, {}, "No target was chosen"),
        ("lokal", {}, "Did you mean 'local'?"),
        ("local", {"rows_shwn": 1}, "Did you mean 'rows_shown'?"),
        ("local", {"start_timeout_s": -1}, "above 0"),
    ],
)
def test_connect_refuses_what_it_cannot_read(target: str | None, choices: dict[str, float], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        connect(target, **choices)
    assert says in str(caught.value)


def test_an_error_in_the_with_block_stops_the_session_and_comes_out(target: str, fabric: FakeFabric) -> None:
    with pytest.raises(ZeroDivisionError), connect(target):
        1 / 0  # noqa: B018
    assert fabric.left_running == []


def test_a_failed_start_leaves_no_session(target: str, fabric: FakeFabric) -> None:
    fabric.session_goes("starting", "dead")
    with pytest.raises(SessionStartError):
        connect(target)
    assert fabric.left_running == []


def test_a_start_that_takes_too_long_leaves_no_session(target: str, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    with pytest.raises(WaitTimeout):
        connect(target, start_timeout_s=0.2)
    assert fabric.left_running == []


def test_ctrl_c_during_connect_leaves_no_session(target: str, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        connect(target)
    assert time.monotonic() - began < AT_ONCE_S
    assert fabric.left_running == []
    interrupt.join()


def test_a_session_that_cannot_be_stopped_at_the_end_is_warned_about(target: str, fabric: FakeFabric) -> None:
    fabric.fault("DELETE", "/sessions", status=503)
    session = connect(target)
    with pytest.warns(UserWarning, match=f"Session {session.id} could not be stopped"):
        session.__exit__(None, None, None)


def test_a_session_that_takes_long_to_end_is_not_called_one_that_could_not_be_stopped(apache_livy: FakeFabric) -> None:
    """A real Livy answers only when the code of the session has ended."""
    session = connect(apache_livy.url, request_timeout_s=0.5)
    apache_livy.fault("DELETE", "/sessions", acts=True, delay_s=2)
    with pytest.warns(UserWarning, match=f"Session {session.id} was told to stop, but the server has not confirmed it"):
        session.__exit__(None, None, None)
    assert apache_livy.left_running == []


def test_a_script_that_forgets_its_session_ends_it_with_its_process(target: str, fabric: FakeFabric) -> None:
    script = f"from fabric_livy_magic import connect\nprint(connect({target!r}).run('1+1').text)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "2"
    assert fabric.left_running == []


# ------------------------------------------------------------------------------------------------ results
def test_a_failed_statement_raises_with_its_parts(target: str) -> None:
    with connect(target) as session, pytest.raises(StatementError) as caught:
        session.run("1/0")
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")
    assert caught.value.traceback
    assert isinstance(caught.value, FabricLivyError)


def test_a_result_that_is_no_table_has_no_frame(target: str) -> None:
    with connect(target) as session, pytest.raises(FrameError, match="gave no table"):
        assert session.run("1+1").frame is None


def test_a_limit_is_kept_by_sql(target: str, fabric: FakeFabric) -> None:
    fabric.answer("q", sql_output([("n", "long")], [[n] for n in range(10)]))
    with connect(target) as session:
        assert len(session.sql("q", limit=3)) == 3


def test_an_unknown_kind_is_refused_with_a_guess(target: str, fabric: FakeFabric) -> None:
    with connect(target) as session, pytest.raises(SettingsError, match="Did you mean 'pyspark'"):
        session.run("1", "pyspak")
    assert fabric.posted_code == []


def test_a_statement_that_takes_too_long_is_cancelled(target: str, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    with connect(target) as session:
        with pytest.raises(WaitTimeout, match="was cancelled"):
            session.run("slow()", timeout_s=0.2)
        assert len(fabric.seen("POST", "/cancel")) == 1


def test_no_repr_shows_the_token(target: str, fabric: FakeFabric) -> None:
    with connect(target) as session:
        result = session.run("1+1")
        shown = [session, session.remote, session.remote.client.http, session._keeper, session._keeper.settings, result]
        assert all(fabric.token not in repr(one) for one in shown)


def test_two_threads_can_run_on_one_session(target: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with connect(target) as session, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: session.run("1+1").text, range(12))) == ["2"] * 12


def test_a_killed_connection_does_not_end_a_script_and_runs_nothing_twice(target: str, fabric: FakeFabric) -> None:
    with connect(target) as session:
        fabric.fault("POST", "/statements", closes=True, acts=True)
        assert session.run("1+1").text == "2"
        assert len(fabric.posted_code) == 1


def test_a_program_that_is_interrupted_at_a_statement_leaves_nothing(
    target: str, fabric: FakeFabric, tmp_path: Path
) -> None:
    fabric.statement_goes("running")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import signal, threading
        from fabric_livy_magic import connect
        with connect({target!r}) as session:
            threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
            session.run("slow()")
        """)
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert "Statement 0 was cancelled on the session" in done.stderr
    assert fabric.token not in done.stdout + done.stderr
    assert len(fabric.seen("POST", "/cancel")) == 1
    assert fabric.left_running == []
