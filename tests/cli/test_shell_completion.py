"""Completion of `fabric-livy` in the shells that this machine has: a real Tab, or fish's own word for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from fabric_livy_magic.cli.main import main
from fabric_livy_magic.cli.shell_completion import SHELLS
from tests.support.fakes import FakeFabric

BIN = Path(sys.executable).parent


def has(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} on this machine")


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.sql").write_text("SELECT 1")


@pytest.fixture
def etl(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is kept as `etl-nightly`."""
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.session_goes("idle")
    assert main(["start", "etl-nightly", "--target", fabric.url]) == 0
    fabric.requests.clear()


TYPED = [
    ("fabric-livy conv", "fabric-livy convert"),
    ("fabric-livy sql --form", "fabric-livy sql --format"),
    ("fabric-livy sql --format parq", "fabric-livy sql --format parquet"),
    ("fabric-livy sql -f rep", "fabric-livy sql -f report.sql"),
    ("fabric-livy sql --session etl", "fabric-livy sql --session etl-nightly"),
    ("fabric-livy stop etl", "fabric-livy stop etl-nightly"),
    ("fabric-livy use loc", "fabric-livy use local"),
    ("fabric-livy config set rows_f", "fabric-livy config set rows_fetched"),
    ("fabric-livy batch subm", "fabric-livy batch submit"),
]


def completed_by_tab(shell: str, options: list[str], begin: str, typed: list[str]) -> list[str]:
    """What stands on the line after a Tab, for each of the lines."""
    terminal = pexpect.spawn(shell, options, encoding="utf-8", timeout=60, dimensions=(40, 300))
    found = []
    try:
        terminal.sendline(f"PS1='READY> '; PROMPT='READY> '; {begin}; echo BEGUN''!")
        terminal.expect("BEGUN!")
        for line in typed:
            # The line is a comment once it is completed, so that nothing runs.
            terminal.send(f"{line}\t\x01: \x05")
            terminal.send("; echo ''DONE\n")
            terminal.expect("[\r\n]DONE\r\n")
            found.append(terminal.before)
    finally:
        terminal.close(force=True)
    return found


@pytest.mark.usefixtures("etl")
@pytest.mark.parametrize(
    ("shell", "options", "begin"),
    [
        pytest.param(
            "bash", ["--norc", "--noprofile", "-i"], 'eval "$(fabric-livy completion bash)"', marks=has("bash")
        ),
        pytest.param(
            "zsh",
            ["-f", "-i"],
            'autoload -U compinit; compinit -u -D; eval "$(fabric-livy completion zsh)"',
            marks=has("zsh"),
        ),
    ],
)
def test_tab_completes_commands_options_values_files_and_names_of_sessions(
    shell: str, options: list[str], begin: str, fabric: FakeFabric
) -> None:
    shown = completed_by_tab(shell, options, begin, [typed for typed, _ in TYPED])
    for (_, wanted), line in zip(TYPED, shown, strict=True):
        assert wanted in line, (wanted, line)
    assert fabric.requests == []  # typing is no consent to a call


@has("fish")
@pytest.mark.usefixtures("etl")
def test_fish_completes_the_same_with_descriptions(fabric: FakeFabric) -> None:
    asked = "; ".join(f"complete -C '{typed}'; echo =" for typed, _ in TYPED)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"fabric-livy completion fish | source; {asked}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    for (_, wanted), shown in zip(TYPED, done.stdout.split("=\n"), strict=False):
        assert wanted.rpartition(" ")[2] in [line.split("\t")[0].strip() for line in shown.splitlines()]
    assert "convert\ta notebook from .ipynb to Fabric's Git format, or back" in done.stdout
    assert fabric.requests == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_asks_this_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "fabric-livy" in script
    assert "_ARGCOMPLETE" in script


@has("pwsh")
def test_powershell_completes_commands() -> None:
    text = "fabric-livy completion powershell | Out-String | Invoke-Expression; (TabExpansion2 'fabric-livy conv' 16).CompletionMatches.CompletionText"
    done = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", text], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "convert"
