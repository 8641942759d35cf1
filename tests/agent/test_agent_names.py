"""Completions and descriptions of the session's names: the agent's part, in this process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent import chains, magics, names


class Reader:
    """Reads."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def option(self, name: str) -> Reader:
        """Sets an option."""
        return self

    @property
    def table(self) -> Table:
        raise AssertionError("a completion calls nothing")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Table:
    rows = 0

    def first(self) -> Reader:
        raise AssertionError("a completion calls nothing")


class Columns:
    def __init__(self) -> None:
        self.columns = ["town", "größe"]


NAMESPACE: dict[str, Any] = {
    "reader": Reader(),
    "math": math,
    "settings": {"alpha": 1, "beta": 2, 3: 4},
    "frame": Columns(),
    "_hidden": 1,
    "number": 5,
    "rows": [Reader("first")],
}


def found(code: str) -> list[str]:
    return [text for text, _ in names.complete(NAMESPACE, code)["matches"]]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("numb", ["number"]),
        ("x = 1\nnumb", ["number"]),
        ("print(numb", ["number"]),
        ("math.sq", ["sqrt"]),
        ("math.pi.real.bit", []),
        ("reader.opt", ["option"]),
        ("reader.option('a').opt", ["option"]),
        ("reader.option('a', b=[1, 2]).option(\"(\").opt", ["option"]),
        ("(reader\n    .option('a')\n    .opt", ["option"]),
        ("reader.table.fir", ["first"]),
        ("rows[0].opt", ["option"]),
        ("'text'.upp", ["upper"]),
        ("settings['", ["alpha", "beta"]),
        ("settings['al", ["alpha"]),
        ("frame['", ["town", "größe"]),
        ("frame[['town', 'g", ["größe"]),
        ("nothing.", []),
        ("number.nothing.", []),
        ("'inside a numb", []),
        ("_hid", ["_hidden"]),
    ],
)
def test_what_could_stand_at_the_cursor(code: str, wanted: list[str]) -> None:
    assert found(code) == wanted


def test_a_match_says_where_it_begins_and_of_what_kind_it_is() -> None:
    told = names.complete(NAMESPACE, "y = math.sq")
    assert told == {"start": 9, "matches": [["sqrt", "function"]]}
    kinds = dict(names.complete(NAMESPACE, "reader.")["matches"])
    assert (kinds["option"], kinds["table"]) == ("function", "property")
    assert "_hidden" not in found("")
    assert {"number", "for", "print"} <= set(found(""))


@given(st.text(st.sampled_from("abx.()[]'\"{}, \n=#"), max_size=30))
def test_any_text_gets_an_answer(code: str) -> None:
    told = names.complete(NAMESPACE, code)
    assert 0 <= told["start"] <= len(code)
    assert chains.chain_before(code) in code


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("math.sqrt", "Return the square root"),
        ("reader.option", "Signature: option(name: 'str')"),
        ("number", "Value: 5"),
        ("nothing", ""),
        ("1 + 1", ""),
    ],
)
def test_a_name_is_described(path: str, says: str) -> None:
    told = names.inspect_name(NAMESPACE, path)
    assert says in told
    assert bool(told) == bool(says)


def test_a_detailed_description_has_the_source() -> None:
    assert "return self" in names.inspect_name(NAMESPACE, "reader.option", 1)


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
    assert magics.expanded(command, NAMESPACE) == runs


def test_a_magic_that_is_none_of_the_sessions_says_where_it_runs() -> None:
    with pytest.raises(Exception, match="runs in the notebook's own Python"):
        magics.Notebook({}).run_line_magic("load_ext", "x")


def test_time_gives_the_value_and_tells_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    notebook = magics.Notebook(namespace)
    assert notebook.run_line_magic("time", "6 * 7") == 42
    assert notebook.run_line_magic("time", "x = 3") is None
    assert namespace["x"] == 3
    assert capsys.readouterr().out.count("wall time: ") == 2
    notebook.run_line_magic("timeit", "-n 2 -r 2 x + 1")
    assert "per loop (best of 2 runs, 2 loops each)" in capsys.readouterr().out


def test_lines_of_a_command_are_a_list() -> None:
    assert magics.Notebook({}).getoutput("echo a && echo b") == ["a", "b"]


def test_a_file_is_written_and_added_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = magics.Notebook({"folder": tmp_path})
    notebook.run_cell_magic("writefile", "{folder}/a.txt", "é\n")
    notebook.run_cell_magic("writefile", "-a {folder}/a.txt", "{folder}\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "é\n{folder}\n"
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["Wrote", "Added"]
    with pytest.raises(Exception, match="takes the name of a file"):
        notebook.run_cell_magic("writefile", "", "x")
