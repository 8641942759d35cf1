"""`fabric-livy` in a terminal: files that are one statement, exit codes, config, login."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fabric_livy_magic import __version__
from fabric_livy_magic.cli.exit_codes import READER_LEFT
from fabric_livy_magic.cli.main import _run, main
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.running.results import Printed
from tests.support.commands import fabric_livy
from tests.support.fakes import FakeFabric
from tests.support.outputs import error_output, sql_output
from tests.support.timing import interrupt_after

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def target(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.session_goes("idle")
    return fabric.url


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_reader_that_leaves_ends_it_without_a_word(tmp_path: Path) -> None:
    """As in `fabric-livy config | head`."""
    command = [sys.executable, "-m", "fabric_livy_magic", "config"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == READER_LEFT


def test_a_stream_without_the_characters_gets_their_numbers(tmp_path: Path) -> None:
    """As in a pipe of Windows, or under `LC_ALL=C` where Python is told to stay out of UTF-8."""
    write(tmp_path, "größe.txt", "1")
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = fabric_livy("run", "größe.txt", folder=tmp_path, **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert "gr\\xf6\\xdfe.txt" in done.stderr or "gr\\udcc3" in done.stderr
    assert "Traceback" not in done.stderr
    shown = fabric_livy("config", "show", folder=tmp_path, **environ)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\\u2500\\u2500" in shown.stdout


def test_a_setting_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = fabric_livy("config", "set", "rows_shown", "5", folder=tmp_path, XDG_CONFIG_HOME="/dev/null/config")
    assert done.returncode == 2
    assert "config.toml could not be written" in done.stderr
    assert "FABRIC_LIVY_ROWS_SHOWN" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.py", "\ufeffprint('é')".encode(), "pyspark"),
        ("a.py", "# coding: latin-1\nprint('é')".encode("latin-1"), "pyspark"),
        ("a.sql", "\ufeffSELECT 'é'".encode(), "sql"),
        ("a.scala", "\ufeffval é = 1".encode("utf-16-le"), "spark"),
    ],
)
def test_a_file_runs_in_the_encoding_that_it_says(
    target: str, fabric: FakeFabric, tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(["run", str(tmp_path / name), "--target", target]) == 0
    ((ran_as, code),) = fabric.posted_code
    assert ran_as == kind
    assert "é" in code
    assert code.isprintable() or code.startswith("# coding: latin-1\n")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.py", "pyspark"), ("a.sql", "sql"), ("a.scala", "spark"), ("a.r", "sparkr"), ("a.R", "sparkr")],
)
def test_a_file_runs_as_the_kind_of_its_ending(
    target: str, fabric: FakeFabric, tmp_path: Path, name: str, kind: str
) -> None:
    assert main(["run", write(tmp_path, name, "some é code"), "--target", target]) == 0
    assert fabric.posted_code == [(kind, "some é code")]
    assert fabric.left_running == []


def test_a_script_that_asks_for_its_file_has_it(target: str, fabric: FakeFabric, tmp_path: Path) -> None:
    script = write(tmp_path, "it's.py", "print(__file__)")
    assert main(["run", script, "--target", target]) == 0
    assert fabric.posted_code == [("pyspark", f"__file__ = {script!r}"), ("pyspark", "print(__file__)")]


def test_the_result_of_a_file_is_printed(target: str, fabric: FakeFabric, tmp_path: Path, capsys: Capture) -> None:
    fabric.answer("SELECT n", sql_output([("n", "long")], [[1], [22]]))
    assert main(["run", write(tmp_path, "a.sql", "SELECT n"), "--target", target]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:4] == [" n", "──", " 1", "22"]
    assert out[4].startswith("2 rows · ")


def test_a_failed_statement_is_reported_on_stderr_with_code_1(
    target: str, fabric: FakeFabric, tmp_path: Path, capsys: Capture
) -> None:
    fabric.answer("x", {**error_output("E", "v"), "data": {"text/plain": "printed"}})
    assert main(["run", write(tmp_path, "a.py", "x"), "--target", target]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("printed\n", "E: v\n")
    assert fabric.left_running == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "nosuch.py"], 2, "There is no file nosuch.py"),
        (["run", "a.txt"], 2, "ends in .ipynb, .py, .sql, .scala, .r"),
        (["run", "a.py"], 2, "No target was chosen"),
        (["run", "a.py", "--target", "lokal"], 2, "Did you mean 'local'?"),
        (["run", "bad.py", "--target", "http://127.0.0.1:9"], 2, "bad.py"),
        (["run", "bad.ipynb"], 1, "This is no notebook"),
        (["run", "a.py", "--target", "http://127.0.0.1:9"], 1, "No server answers at 127.0.0.1:9"),
    ],
)
def test_wrong_use_and_failures_differ_in_their_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "a.txt", "bad.ipynb"):
        write(tmp_path, name, "1+1")
    (tmp_path / "bad.py").write_bytes(b"\xff\xfe\x00")
    assert main(words) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("fabric-livy: ")
    assert says in captured.err
    assert "Traceback" not in captured.err


def test_ctrl_c_cancels_stops_and_ends_with_130(
    target: str, fabric: FakeFabric, tmp_path: Path, capsys: Capture
) -> None:
    fabric.statement_goes("running")
    interrupt = interrupt_after(0.3)
    assert main(["run", write(tmp_path, "a.py", "slow()"), "--target", target]) == 130
    interrupt.join()
    assert "Interrupted. Statement 0 was cancelled on the session." in capsys.readouterr().err
    assert fabric.left_running == []


def test_config_shows_every_setting_and_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    long_target = f"https://api.fabric.microsoft.com/v1/{'x' * 200}"
    monkeypatch.setenv("FABRIC_LIVY_TARGET", long_target)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "SECRET")
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"target +{long_target} +environment FABRIC_LIVY_TARGET", out)
    assert "SECRET" not in out


def test_a_bad_variable_is_wrong_use(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("FABRIC_LIVY_ROWS_SHOWN", "many")
    assert main(["config"]) == 2
    assert "FABRIC_LIVY_ROWS_SHOWN" in capsys.readouterr().err


def test_a_mistake_in_the_settings_ends_a_run_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_LANGUAGE", "perl")
    cell = '{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, "source": "1"}'
    notebook = write(
        tmp_path, "a.ipynb", f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 2}}'
    )
    assert main(["run", notebook]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "FABRIC_LIVY_LANGUAGE" in line
    assert "not 'perl'" in line


@pytest.mark.parametrize("option", ["--cell-timeout", "--timeout"])
def test_a_time_limit_cancels_a_file_s_statement_too(
    target: str, fabric: FakeFabric, tmp_path: Path, capsys: Capture, option: str
) -> None:
    fabric.statement_goes("running")
    assert main(["run", write(tmp_path, "a.py", "slow()"), "--target", target, option, "0.5"]) == 124
    assert "Statement 0 was cancelled" in capsys.readouterr().err
    assert fabric.left_running == []


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan"])
def test_a_time_limit_is_a_number_above_0(text: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["run", "a.py", "--timeout", text])
    assert "a number of seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["nosuch"], ["run"], ["config", "--x"]])
def test_words_that_are_no_command_end_with_2(words: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "usage: fabric-livy" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == f"fabric-livy-magic {__version__}"


def test_nothing_is_written_beside_a_notebook_that_cannot_be_read(tmp_path: Path) -> None:
    assert main(["run", write(tmp_path, "bad.ipynb", json.dumps({"cells": 5}))]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.ipynb"]


def test_config_sets_a_value_in_the_user_file_and_shows_where_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["config", "set", "rows_shown", "7"]) == 0
    assert "config.toml" in capsys.readouterr().out
    assert main(["config", "path"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8") == "rows_shown = 7\n"
    assert main(["config", "set", "client_secret", "x"]) == 2
    assert "a secret stays out of settings" in capsys.readouterr().err


def test_login_and_logout_in_a_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "eyJ.a.b")
    assert main(["login", "--method", "token"]) == 0
    assert main(["logout"]) == 0
    shown = capsys.readouterr()
    assert "Signed out" in shown.out
    assert main(["logout", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"signed_out": True}
    assert "eyJ.a.b" not in shown.out + shown.err


@pytest.mark.parametrize(("parts", "printed"), [((Printed("once", "stdout"),), ""), ((), "once\n")])
def test_what_a_failed_statement_printed_is_shown_once(
    parts: tuple[Printed, ...], printed: str, capsys: Capture
) -> None:
    """Parts have been shown by the command itself, where they came."""

    def command(_options: argparse.Namespace) -> int:
        raise StatementError("ValueError", "why", [], "once", parts=parts)

    assert _run(argparse.Namespace(command=command)) == 1
    assert capsys.readouterr().out == printed
