"""Cells of plain Python through the agent, as people write them in notebooks: event loops, files, odd values, any text."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent import magics
from fabric_livy_magic.cells.kernel_cells import CELL_MAGICS_IN_SESSION, LINE_MAGICS_IN_SESSION
from tests.support.agent_process import AgentProcess, agent_process, text_of


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent_process(tmp_path_factory.mktemp("session")) as process:
        process.cell("import asyncio\nasync def f(n):\n    await asyncio.sleep(n)\n    return n")
        yield process


# ------------------------------------------------------------------------------------------------ what is sent, runs
PIECES = st.sampled_from(
    [
        *('x = """one\ntwo"""', "x = 1", "\n", "\r\n", "\n\n", "x", "y = f'{x!r:>5}'", "y", "'''a\n\"\"\"b'''", '"""a\\', "\\\n"),
        *("'é\\u2028\u2028'", "r'\\n\\'", 'f"""{1 + 1}\n{x}"""', '""""a"""', '"', "'\\''", "# \\", '"\\""', "if x:\n  y = 2\n", ";", "\x0c"),
        *('"\\N{BULLET}"', "b'\\xff'", "'''\r\n'''", "'\\ud800'", "😀 = 1", "ü = 2\nü"),
    ]
)  # fmt: skip


def locally(code: str) -> str | None:
    """The repr of the last line's value, as `exec` and `eval` have it here; None where it fails."""
    import ast

    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            tree = ast.parse(code)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec", dont_inherit=True), names)
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    except Exception:  # noqa: BLE001 - the property is that both fail
        return None
    return "" if value is None else ascii(value)


@given(st.lists(PIECES, min_size=1, max_size=6).map("".join))
@example('a = 1\ntext = """one\ntwo"""')
@example('text = """one\n"two\\""""\ntext')
@example("text = '''a\r\nb'''\ntext")
def test_lines_of_any_text_run_to_the_value_that_they_have_here(agent: AgentProcess, code: str) -> None:
    agent.cell("globals().pop('x', None); globals().pop('y', None); globals().pop('ü', None)")
    ends_quietly = code.rstrip().endswith(";")  # then a cell shows no value
    reply = agent.cell(code)
    expected = locally(code)
    assert (reply.error is None) == (expected is not None), reply.error
    if expected and not ends_quietly:
        shown = [event["data"]["text/plain"] for event in reply.events if "data" in event]
        assert [ascii(eval(text)) for text in shown] == [expected]


# ------------------------------------------------------------------------------------------------ event loops
def test_a_task_is_made_in_a_cell_without_await_and_lives_on(agent: AgentProcess) -> None:
    assert agent.shows("task = asyncio.create_task(f(0.01))\ntask.done()") == ["False"]
    time.sleep(0.05)
    assert agent.shows("task.done(), task.result()") == ["(True, 0.01)"]
    agent.shows("later = asyncio.ensure_future(f(0.02))")
    assert agent.shows("await later") == ["0.02"]


def test_what_a_task_prints_is_seen(agent: AgentProcess) -> None:
    code = "async def tell():\n    print('told')\ntask = asyncio.create_task(tell())\nprint('first')"
    assert "".join(agent.shows(code)) == "first\ntold\n"


@pytest.mark.parametrize(
    "code",
    [
        "asyncio.run(f(0.001))",
        "asyncio.get_event_loop().run_until_complete(f(0.001))",
        "await f(0.001)",
        "asyncio.get_event_loop().run_until_complete(asyncio.gather(f(0.001), f(0)))[0]",
        "loop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\nloop.run_until_complete(f(0.001))",
        "loop = asyncio.get_event_loop()\nn = loop.run_until_complete(f(0.001))\nloop.close()\nn",
        "import threading\nfound = []\nthread = threading.Thread(target=lambda: found.append(asyncio.run(f(0.001))))\n"
        "thread.start()\nthread.join()\nfound[0]",
        "get_ipython().run_line_magic('time', 'await f(0.001)')",
    ],
)
def test_every_way_to_run_a_coroutine_works_and_leaves_the_next_cell_its_loop(agent: AgentProcess, code: str) -> None:
    assert agent.shows(code)[-1] == "0.001"
    assert agent.shows("asyncio.get_event_loop() is asyncio.get_running_loop()") == ["True"]
    assert agent.shows("await f(0)") == ["0"]


def test_a_task_that_never_sleeps_does_not_hold_up_the_cells(agent: AgentProcess) -> None:
    agent.shows("async def spin():\n    while True: await asyncio.sleep(0)\nspinning = asyncio.create_task(spin())")
    assert agent.shows("spinning.cancel()") == ["True"]
    assert agent.shows("spinning.done()") == ["True"]


def test_a_task_that_fails_fails_where_it_is_awaited(agent: AgentProcess) -> None:
    agent.shows("async def fail():\n    raise ValueError('in task')\nfailing = asyncio.create_task(fail())")
    error = agent.cell("await failing").error
    assert error
    assert error["evalue"] == "in task"


def test_the_shell_counts_the_cells_as_ipythons_does(agent: AgentProcess) -> None:
    """PySpark 4 asks for it, to name a cell in an error."""
    first, second = (int(agent.shows("get_ipython().execution_count")[0]) for _ in range(2))
    assert second == first + 1


# ------------------------------------------------------------------------------------------------ modules of the session
def written(name: str, text: str) -> str:
    return f"get_ipython().run_cell_magic('writefile', {name!r}, {text!r})"


def test_a_module_that_a_cell_wrote_can_be_imported(agent: AgentProcess) -> None:
    agent.shows(written("own_module.py", "def times(x):\n    return x * 2\n"))
    assert agent.shows("from own_module import times\ntimes(3)") == ["6"]


def test_a_file_of_a_lakehouse_hides_no_library(agent: AgentProcess) -> None:
    agent.shows(written("colorsys.py", "raise ValueError"))
    assert agent.shows("import colorsys\nhasattr(colorsys, 'rgb_to_hsv')") == ["True"]


def test_changed_modules_are_loaded_anew_where_that_is_asked_for(agent: AgentProcess) -> None:
    agent.shows(written("changing.py", "def value():\n    return 1\n"))
    agent.shows("import changing\nfrom changing import value")
    agent.shows("get_ipython().run_line_magic('autoreload', '2')")
    agent.shows(written("changing.py", "def value():\n    return 2\n"))
    assert agent.shows("changing.value(), value()") == ["(2, 2)"]
    agent.shows(written("changing.py", "def value(:\n"))
    assert agent.shows("value()")[-1] == "2"  # it is told that this one cannot be loaded
    agent.shows(written("changing.py", "def value():\n    return 3\n"))
    assert agent.shows("value()")[-1] == "3"
    agent.shows("get_ipython().run_line_magic('autoreload', '0')")
    agent.shows(written("changing.py", "def value():\n    return 4\n"))
    assert agent.shows("value()") == ["3"]
    agent.shows("get_ipython().run_line_magic('autoreload', '')")
    assert agent.shows("value()") == ["4"]
    error = agent.cell("get_ipython().run_line_magic('autoreload', 'x')").error
    assert error
    assert "%autoreload takes 2" in error["evalue"]


# ------------------------------------------------------------------------------------------------ magics of the session
# In this order: each (line, what it shows), None where the magic refuses.
LINES: dict[str, list[tuple[str, str | None]]] = {
    "time": [("6 * 7", "42")],
    "timeit": [("-n 2 -r 3 1 + 1", "best of 3 runs, 2 loops each")],
    "matplotlib": [("inline", "")],
    "matplot": [("plt", "")],
    "set_env": [("PLACE there", "")],
    "env": [("PLACE", "'there'"), ("PLACE=here", ""), ("", "'PLACE': 'here'")],
    "mkdir": [("-p made/inner", "")],
    "cd": [("made", "made")],
    "pwd": [("", "made")],
    "ls": [("", "inner")],
    "cp": [("../copied.txt one.txt", "")],
    "mv": [("one.txt two.txt", "")],
    "cat": [("two.txt", "text of the file")],
    "rm": [("two.txt", "")],
    "rmdir": [("inner", "")],
    "who": [("", "wanted")],
    "whos": [("", "'value of it'")],
    "pinfo": [("wanted", "Type: str")],
    "pinfo2": [("wanted", "Type: str")],
    "autoreload": [("0", "")],
    "pip": [("--version", "pip ")],
    "conda": [("install x", None)],
}
CELLS: dict[str, list[tuple[str, str, str]]] = {
    "timeit": [("-n 1 -r 2", "wanted", "best of 2 runs")],
    "bash": [("a1", "echo $1 $PLACE", "a1 here")],
    "sh": [("", "echo $PLACE", "here")],
    "writefile": [("w.txt", "x", "Wrote w.txt"), ("-a w.txt", "x", "Added to w.txt"), ("--append w.txt", "x", "Added to w.txt")],
}  # fmt: skip


def test_every_magic_of_the_session_and_its_options_do_what_they_say(agent: AgentProcess) -> None:
    assert set(LINES) == LINE_MAGICS_IN_SESSION == set(magics.LINE_MAGICS)
    assert set(CELLS) == CELL_MAGICS_IN_SESSION == set(magics.CELL_MAGICS)
    agent.shows("wanted = 'value of it'\nopen('copied.txt', 'w').write('text of the file');")
    agent.shows("import os\nbefore = os.getcwd()")
    for name, lines in LINES.items():
        for line, shows in lines:
            reply = agent.cell(f"get_ipython().run_line_magic({name!r}, {line!r})")
            assert (reply.error is None) == (shows is not None), (name, reply.error)
            assert (shows or "") in "".join(map(text_of, reply.events)), name
    for name, cells in CELLS.items():
        for line, cell, shows in cells:
            assert shows in "".join(agent.shows(f"get_ipython().run_cell_magic({name!r}, {line!r}, {cell!r})")), name
    agent.shows("os.chdir(before)")


# ------------------------------------------------------------------------------------------------ odd values
def one(body: str) -> str:
    return f"class Odd:\n    {body}\n    def __repr__(self): return 'odd'\nOdd()"


ODD = {
    "a _repr_html_ that gives None": (one("def _repr_html_(self): return None"), ["odd"]),
    "a _repr_html_ that gives a number": (one("def _repr_html_(self): return 5"), ["odd"]),
    "a bundle that is none": (one("def _repr_mimebundle_(self, include, exclude): return [3]"), ["odd"]),
    "a bundle with a number": (one("def _repr_mimebundle_(self, include, exclude): return {1: object()}"), ["odd"]),
    "JSON that is none": (one("def _repr_json_(self): return {('a', 1): object()}"), ["odd"]),
    "one that shows itself": (one("def _ipython_display_(self): print('itself')"), ["itself\n"]),
    "one that may show itself": (one("def _ipython_display_(self): raise NotImplementedError"), ["odd"]),
    "an empty repr": ("class Odd:\n    def __repr__(self): return ''\nOdd()", [""]),
    "one with any attribute": ("import unittest.mock\nunittest.mock.MagicMock(name='m', spec=[])", None),
}  # fmt: skip


@pytest.mark.parametrize(("code", "shown"), ODD.values(), ids=ODD)
def test_an_odd_value_is_shown_as_far_as_it_goes(agent: AgentProcess, code: str, shown: list[str] | None) -> None:
    reply = agent.cell(code)
    assert reply.error is None
    for event in reply.events:
        assert all(isinstance(value, str) for kind, value in event.get("data", {}).items() if not kind.endswith("json"))
    if shown is not None:
        assert agent.shows(code) == shown


@pytest.mark.parametrize("show", ["Raises()", "[Raises()]", "display(Raises())", "{'a' * 99: Raises()}"])
def test_a_repr_that_raises_is_told_and_the_cell_goes_on(agent: AgentProcess, show: str) -> None:
    agent.shows("class Raises:\n    def __repr__(self): raise ValueError('no')")
    told, text = agent.shows(show)
    assert "__repr__(self): raise ValueError('no')" in told
    assert "fabric_livy_agent" not in told
    assert text.endswith("its __repr__ raised ValueError>")
    after = agent.shows("display(Raises())\nprint('after')")
    assert after[-1] == "after\n"


def test_an_html_method_that_raises_leaves_the_text(agent: AgentProcess) -> None:
    told, text = agent.shows(one("def _repr_html_(self): raise ValueError('html')"))
    assert told.endswith("ValueError: html\n")
    assert "fabric_livy_agent" not in told
    assert text == "odd"


def test_a_repr_that_is_huge_is_left_out_with_a_notice(agent: AgentProcess) -> None:
    code = "class Huge:\n    def __repr__(self): return 'x' * 30_000_000\nHuge()"
    (notice,) = agent.shows(code)
    assert "an output of 30,000," in notice
    assert agent.shows("'in step'") == ["'in step'"]


# ------------------------------------------------------------------------------------------------ logging
def test_a_choice_for_all_loggers_does_not_bring_py4js_own(agent: AgentProcess) -> None:
    code = "import logging\nlogging.basicConfig(level=logging.DEBUG, force=True)\n"
    code += "logging.getLogger('py4j.clientserver').info('Command to send')\nlogging.getLogger('own').info('kept')"
    assert agent.shows(code) == ["INFO:own:kept\n"]
    loud = "logging.getLogger('py4j').setLevel('INFO')\nlogging.getLogger('py4j.clientserver').info('asked for')"
    assert agent.shows(loud) == ["INFO:py4j.clientserver:asked for\n"]
    agent.shows("logging.getLogger('py4j').setLevel('WARNING')\nlogging.basicConfig(level=logging.WARNING, force=True)")
