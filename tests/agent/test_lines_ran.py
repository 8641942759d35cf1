"""Which lines of cells and modules ran, for the coverage of notebook tests."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.agent.remote.agent.lines_ran import LinesRan
from tests.support.agent_process import AgentProcess, agent_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder) as process:
        assert process.call("watch_lines", [str(folder)], str(folder / "lines.json")).error is None
        yield process


def what_ran(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "lines.json").read_text(encoding="utf-8")))


def cell_of(folder: Path, code: str) -> dict[str, Any]:
    (found,) = (one for one in what_ran(folder)["cells"] if one["code"] == code)
    return dict(found)


CASES = {
    "x = 1\ny = 2": ([1, 2], [1, 2]),
    "if True:\n    x = 1\nelse:\n    x = 2\nx": ([1, 2, 4, 5], [1, 2, 5]),
    "if False:\n    x = 1\nelif True:\n    x = 2": ([1, 2, 3, 4], [1, 3, 4]),
    "def unused():\n    '''Its text.'''\n    return 1": ([1, 3], [1]),
    "for n in range(2):\n    if n:\n        break\nelse:\n    never = 1": ([1, 2, 3, 5], [1, 2, 3]),
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    x = 1\nfinally:\n    x = 2": ([1, 2, 4, 6], [1, 2, 4, 6]),
    "from __future__ import annotations\nx: int = 1": ([1, 2], [1, 2]),
    "class A:\n    '''Text'''\n    x = 1\n    def f(self):\n        return self.x\nA().f()": (
        [1, 3, 4, 5, 6],
        [1, 3, 4, 5, 6],
    ),
    "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nawait f()": (
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
    ),
    "with open('f', 'w') as file:\n    file.write('')\n(lambda: 3)()": ([1, 2, 3], [1, 2, 3]),
}


@pytest.mark.parametrize("code", CASES)
def test_the_lines_with_statements_and_those_that_ran_are_known(agent: AgentProcess, folder: Path, code: str) -> None:
    agent.cell(code)
    found = cell_of(folder, code)
    assert (found["lines"], found["ran"]) == CASES[code]


def test_the_lines_after_an_error_did_not_run(agent: AgentProcess, folder: Path) -> None:
    code = "x = 1\nx / 0\ny = 2"
    assert agent.cell(code).error is not None
    assert cell_of(folder, code)["ran"] == [1, 2]


def test_a_function_says_its_lines_also_when_a_later_cell_calls_it(agent: AgentProcess, folder: Path) -> None:
    code = "def later():\n    return 'called'"
    agent.cell(code)
    assert cell_of(folder, code)["ran"] == [1]
    agent.cell("later()")
    assert cell_of(folder, code)["ran"] == [1, 2]


def test_docstrings_and_what_a_cell_shows_stay(agent: AgentProcess) -> None:
    assert agent.shows("def f():\n    '''Its text.'''\nf.__doc__") == ["'Its text.'"]
    assert agent.shows("1 + 1;") == []


def test_the_lines_of_the_users_own_modules_are_those_that_coverage_saw(agent: AgentProcess, folder: Path) -> None:
    pytest.importorskip("coverage")
    (folder / "own_module.py").write_text("def f(n):\n    if n:\n        return 1\n    return 2\n")
    agent.cell("import own_module, json\nown_module.f(1)")
    files = what_ran(folder)["files"]
    assert {Path(path).name: lines for path, lines in files.items()} == {"own_module.py": [1, 2, 3]}


def test_a_function_that_is_pickled_by_value_runs_where_there_is_no_agent(agent: AgentProcess) -> None:
    code = """
import subprocess, sys
from pyspark import cloudpickle
def of_worker(n):
    return n + 1
other = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(1))"
print(subprocess.run([sys.executable, "-c", other], input=cloudpickle.dumps(of_worker), capture_output=True).stdout)
"""
    assert agent.shows(code) == ["b'2\\n'\n"]


def test_where_the_clients_folder_is_not_there_nothing_is_watched(tmp_path: Path) -> None:
    with agent_process(tmp_path) as process:
        assert process.call("watch_lines", [], str(tmp_path / "elsewhere" / "lines.json")).error is None
        assert process.shows("[name for name in vars() if not name.isidentifier()]") == ["[]"]


def test_a_cell_shows_no_word_of_coverage(tmp_path: Path) -> None:
    with agent_process(tmp_path) as process:
        process.call("watch_lines", [str(tmp_path)], str(tmp_path / "lines.json"))
        assert process.shows("1") == ["1"]
        assert process.shows("2") == ["2"]


def test_every_test_of_this_package_does_the_same_with_marks() -> None:
    """The marked text of real modules still compiles, with the names and docstrings that it has."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code = path.read_text(encoding="utf-8")
        watching = LinesRan()
        tree = watching.marked(ast.parse(code), code)
        compile(tree, str(path), "exec", dont_inherit=True)
        assert ast.get_docstring(tree) == ast.get_docstring(ast.parse(code))
