"""IPython's lines in cells of the session, such as `%time` and `!command`: the agent's part, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.agent.remote.agent import magics


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("echo {number} $number", "echo 5 5"),
        ("echo $HOME {a,b} ${X}", "echo $HOME {a,b} ${X}"),
        ("echo {number + 1}", "echo 6"),
        ("echo $$number", "echo $number"),
        ("awk '{print $1}'", "awk '{print $1}'"),
    ],
)
def test_a_command_takes_the_values_of_names_and_leaves_the_rest_to_the_shell(command: str, runs: str) -> None:
    assert magics.expand_variables(command, {"number": 5}) == runs


def test_a_magic_that_is_none_of_the_sessions_says_where_it_runs() -> None:
    with pytest.raises(Exception, match="runs in the notebook's own Python"):
        magics.InteractiveShell({}).run_line_magic("load_ext", "x")


def test_time_gives_the_value_and_tells_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    shell = magics.InteractiveShell(namespace)
    assert shell.run_line_magic("time", "6 * 7") == 42
    assert shell.run_line_magic("time", "x = 3") is None
    assert namespace["x"] == 3
    assert capsys.readouterr().out.count("wall time: ") == 2
    shell.run_line_magic("timeit", "-n 2 -r 2 x + 1")
    assert "per loop (best of 2 runs, 2 loops each)" in capsys.readouterr().out


def test_lines_of_a_command_are_a_list() -> None:
    assert magics.InteractiveShell({}).getoutput("echo a && echo b") == ["a", "b"]


def test_a_file_is_written_and_added_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = magics.InteractiveShell({"folder": tmp_path})
    shell.run_cell_magic("writefile", "{folder}/a.txt", "é\n")
    shell.run_cell_magic("writefile", "-a {folder}/a.txt", "{folder}\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "é\n{folder}\n"
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["Wrote", "Added"]
    with pytest.raises(Exception, match="takes the name of a file"):
        shell.run_cell_magic("writefile", "", "x")
