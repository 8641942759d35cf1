"""`assert` in a tested notebook: the report of one that fails, and that nothing else is different from a plain `assert`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent.assertions import Seen
from tests.support.agent_process import AgentProcess, agent_process


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent_process(tmp_path_factory.mktemp("session")) as process:
        process.call("watch_asserts")
        process.cell(NAMES)
        yield process


NAMES = """
import asyncio, pandas
class Frame:
    def __init__(self, rows):
        self.rows = rows
    def count(self):
        return len(self.rows)
class Loud:
    def __repr__(self):
        raise ValueError('no repr')
async def loaded(n):
    await asyncio.sleep(0)
    return n
df, rows, none, text = Frame([1, 2, 3, 4, 5]), [1, 2], None, 'abc'
frame = pandas.DataFrame({'a': [1, 2, 3], 'b': [1, 2, 3]})
"""


def failing(agent: AgentProcess, code: str) -> str:
    error = agent.cell(code).error
    assert error is not None
    assert error["ename"] == "AssertionError", error
    return error["evalue"]


@pytest.mark.parametrize(
    ("code", "report"),
    [
        ("assert df.count() == 7", "assert 5 == 7\n +  where 5 = df.count()"),
        ("n = 5\nassert n == 7", "assert 5 == 7"),
        ("assert df.count() == 7, f'of {len(rows)} files'", "of 2 files\nassert 5 == 7\n +  where 5 = df.count()"),
        ("assert len(rows) > 2", "assert 2 > 2\n +  where 2 = len([1, 2])"),
        ("assert rows == [1, 3, 4]", "assert [1, 2] == [1, 3, 4]\nat 1: 2 and 3"),
        ("assert rows == [1, 2, 3]", "assert [1, 2] == [1, 2, 3]\nlengths: 2 and 3"),
        ("assert {*rows} == {2, 5}", "assert {1, 2} == {2, 5}\nonly left: 1\nonly right: 5"),
        ("assert dict(a=1, b=2) == dict(a=3)", "assert {'a': 1, 'b': 2} == {'a': 3}\n +  where {'a': 1, 'b': 2} = dict(a=1, b=2)\n +  where {'a': 3} = dict(a=3)\nat 'a': 1 and 3\nonly left: 'b'"),
        ("assert 'one\\ntwo' == text + '\\n'", "assert 'one\\ntwo' == 'abc\\n'\n +  where 'abc\\n' = text + '\\n'\nline 1: 'one' and 'abc'"),
        ("assert isinstance(text, int)", "assert False\n +  where False = isinstance('abc', int)"),
        ("assert text.startswith('b')", "assert False\n +  where False = text.startswith('b')"),
        ("assert not rows", "assert not [1, 2]"),
        ("assert none is not None", "assert None is not None"),
        ("assert 1 < len(rows) < 2 < missing", "assert 1 < 2 < 2 < missing\n +  where 2 = len([1, 2])"),
        ("assert rows and none and missing", "assert None"),
        ("assert none or len(rows) == 3 or text == ''", "assert None or 2 == 3 or 'abc' == ''\n +  where 2 = len([1, 2])"),
        ("assert text == 'b' and True", "assert 'abc' == 'b'"),
        ("assert (found := len(rows)) == 3", "assert 2 == 3\n +  where 2 = found := len(rows)"),
        ("assert await loaded(3) == 4", "assert 3 == 4\n +  where 3 = await loaded(3)"),
        ("assert all(x > 1 for x in rows)", "assert False\n +  where False = all(x > 1 for x in rows)"),
        ("assert 3 in [\n    1,\n    2,\n]", "assert 3 in [1, 2]"),
        ("assert frame.empty", "assert False\n +  where False = frame.empty"),
        ("assert len(frame) == 2", "assert 3 == 2\n +  where 3 = len(frame)"),
        ("assert frame is none", "assert DataFrame of 3 × 2: a, b is None"),
        ("def check(n):\n    assert n == 2\ncheck(1)", "assert 1 == 2"),
        ("def f(n):\n    assert n > 0 and (n == 1 or f(n - 1))\n    return n\nf(3); assert f(2) == f(1)", "assert 2 == 1\n +  where 2 = f(2)\n +  where 1 = f(1)"),
        ("assert 0", "assert 0"),
        ("assert list(range(99)) == 1", "assert [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...] == 1\n +  where [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...] = list(range(0, 99))"),
    ],
)  # fmt: skip
def test_a_failed_assert_is_told_with_the_values_of_its_parts(agent: AgentProcess, code: str, report: str) -> None:
    assert failing(agent, code) == report


def test_an_assertion_error_of_a_library_or_of_raise_has_its_own_message_alone(agent: AgentProcess) -> None:
    assert (
        failing(agent, "try:\n    assert rows == []\nexcept AssertionError:\n    raise AssertionError('own')") == "own"
    )
    of_pandas = failing(agent, "pandas.testing.assert_frame_equal(frame, frame + 1)")
    assert "values are different" in of_pandas
    assert "assert " not in of_pandas


def test_the_traceback_is_that_of_the_cell(agent: AgentProcess) -> None:
    error = agent.cell("x = 1\nassert x == 2").error
    assert error is not None
    assert "line 2, in <module>\n    assert x == 2\n" in error["traceback"]
    assert "agent" not in error["traceback"]


def test_an_assert_in_a_function_that_is_pickled_by_value_works_where_there_is_no_agent(agent: AgentProcess) -> None:
    code = """
import subprocess, sys
from pyspark import cloudpickle
def of_worker(n):
    assert n + 1 > 1, 'too small'
    return n
other = "import pickle, sys; f = pickle.load(sys.stdin.buffer); print(f(1)); f(0)"
done = subprocess.run([sys.executable, "-c", other], input=cloudpickle.dumps(of_worker), capture_output=True)
print(done.stdout.decode(), done.stderr.decode().splitlines()[-1])
"""
    assert "".join(agent.shows(code)).split("\n") == ["1", " AssertionError: too small", ""]


def test_the_name_that_a_watched_assert_calls_is_there_while_a_cell_runs_and_no_other(agent: AgentProcess) -> None:
    odd_names = "[name for name in vars() if not name.isidentifier()]"
    assert agent.shows(odd_names) == ["['@fabric_livy_seen']"]


def test_a_value_whose_repr_fails_is_named_by_its_class(agent: AgentProcess) -> None:
    assert failing(agent, "assert Loud() is none").startswith("assert <Loud instance at 0x")


# ------------------------------------------------------------------------------------------- nothing else is different
class Log:
    """What a condition does, in its order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def of(self, name: str, value: Any) -> Any:
        self.done.append(name)
        if isinstance(value, Exception):
            raise value
        return value


ATOMS = st.sampled_from(
    ["1", "0", "''", "None", "[1]", "a(0)", "b(1)", "c([1, 2])", "d(None)", "e(3)", "bad()", "odd()", "(w := a(2))", "w",
     "[a(x) for x in c([1, 2])]", "(lambda: b(2))()", "f'{a(1)}'", "(a(1), b(0))", "c([1])[0]", "a(b(1))", "-e(2)"]
)  # fmt: skip
OPERATIONS = ["==", "!=", "<", ">=", "is", "is not", "in", "not in"]


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from(OPERATIONS), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} <= {p[1]} != {p[2]})"),
        pairs.map(lambda p: f"({p[0]} and {p[1]})"),
        pairs.map(lambda p: f"({p[0]} or {p[1]})"),
        inner.map(lambda one: f"(not {one})"),
        pairs.map(lambda p: f"({p[0]} if {p[1]} else 0)"),
        pairs.map(lambda p: f"g({p[0]}, key={p[1]})"),
    )


CONDITIONS = st.recursive(ATOMS, larger, max_leaves=8)
MESSAGES = st.sampled_from(["", ", a('message')", ", bad()", ", 'text'"])


def outcome(code: str, change: Callable[[Any, str], Any]) -> tuple[Any, ...]:
    log = Log()

    class Odd:
        def __bool__(self) -> bool:
            log.of("truth", 0)
            return False

        def __eq__(self, other: object) -> Any:
            return log.of("equal", self)

        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "odd"

    names: dict[str, Any] = {one: (lambda value, key=0, one=one: log.of(one, value)) for one in "abcdeg"}
    names |= {"w": 5, "bad": lambda: log.of("bad", KeyError("bad")), "odd": lambda: Odd()}
    try:
        tree = change(ast.parse(code), code)
        exec(compile(tree, "<cell 1>", "exec", dont_inherit=True), names)
    except Exception as error:  # noqa: BLE001 - the property is that both fail alike
        return type(error), repr(error.args), log.done, repr(names.get("w"))
    return None, "", log.done, repr(names.get("w"))


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(CONDITIONS, MESSAGES)
def test_what_an_assert_does_is_what_a_plain_one_does(condition: str, message: str) -> None:
    watching = Seen()
    watching.enable()
    code = f"assert {condition}{message}"
    assert outcome(code, watching.watched) == outcome(code, lambda tree, code: tree)


@pytest.mark.parametrize("code", ["assert (1, 'always')", "x = 1\nassert x is 1", "assert 'a' is not 1"])
def test_python_warns_of_the_same(code: str) -> None:
    with pytest.warns(SyntaxWarning) as plain:
        compile(code, "<cell 1>", "exec", dont_inherit=True)
    with pytest.warns(SyntaxWarning) as watched:
        compile(Seen().watched(ast.parse(code), code), "<cell 1>", "exec", dont_inherit=True)
    assert [str(one.message) for one in watched] == [str(one.message) for one in plain]
