"""Clients of Apache Livy: pylivy (`livy` on PyPI), unchanged, and this package, set up with what `serve` prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.support.livy_dialect import Livy, serving
from tests.support.service import TOKEN

pylivy = pytest.importorskip("livy")
pytestmark = pytest.mark.spark
AUTH = ("livy", TOKEN)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Livy]:
    with serving(tmp_path_factory.mktemp("lake")) as running:
        yield running


def test_pylivy_runs_code_and_moves_frames(api: Livy, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"name": "frames", "spark_conf": {"spark.sql.shuffle.partitions": 2}, "heartbeat_timeout": 60}
    with pylivy.LivySession.create(api.base, auth=AUTH, **options) as session:
        session.run("print('from Spark')")
        assert capsys.readouterr().out == "from Spark\n"
        with pytest.raises(pylivy.SparkRuntimeError):
            session.run("1/0")
        frame = pd.DataFrame({"n": [1, 2], "word": ["a", "ü"]})
        session.upload("sent", frame)
        pd.testing.assert_frame_equal(session.download("sent"), frame, check_like=True)
        assert [one.session_id for one in session.client.list_sessions()] == [session.session_id]
        assert len(session.client.list_statements(session.session_id)) == 4
    assert session.client.get_session(session.session_id) is None
    session.client.close()


def test_pylivy_runs_a_batch(api: Livy, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('arguments', sys.argv[1:])\n", encoding="utf-8")
    batch = pylivy.LivyBatch.create(api.base, file=str(script), auth=AUTH, args=["one", "two"])
    assert batch.wait() is pylivy.SessionState.SUCCESS
    assert "arguments ['one', 'two']" in batch.log()
    batch.kill()
    assert batch.client.get_batch(batch.batch_id) is None
    batch.client.close()


def test_what_is_printed_for_a_person_works_as_pasted(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "fabric_livy_magic", "serve", "--dialect", "livy", "--token", "for-show"]
    with subprocess.Popen(
        [*command, "--lakehouse", str(tmp_path / "lh")], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip() for _ in range(13)]
        (pasted,) = [line for line in lines if line.startswith("%livy use ")]
        (with_password,) = [line for line in lines if "@" in line]
        use = (
            f"from fabric_livy_magic.sessions.runner import Runner; r = Runner(); r.account.use({pasted.split()[-1]!r})"
        )
        done = subprocess.run(
            [sys.executable, "-c", f"{use}; print(r.account.client().list_sessions())"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        client = pylivy.client.LivyClient(with_password)
        assert client.list_sessions() == []
        client.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert done.stdout == "[]\n", done.stderr
