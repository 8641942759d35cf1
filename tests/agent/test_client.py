"""The texts that the client sends to the agent and reads from it."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.agent.client import (
    FIRST_CALLS_VARIABLE,
    Agent,
    Reply,
    call_text,
    install_text,
    is_agent_missing,
    is_install,
    literal,
    package_name,
    read_call,
    read_reply,
)
from fabric_livy_magic.errors import AnswerTooLarge, StatementError, WaitTimeout
from fabric_livy_magic.livy.models import Output

TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("'\"\\\n\r\t\0\x1b {}%`#é\u2028\ufeff\ud800😀"), st.characters(exclude_categories=[])
    )
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner)),
    max_leaves=6,
)


@given(VALUES)
def test_every_json_value_is_the_same_after_python_has_read_its_literal(value: Any) -> None:
    text = f"x = {literal(value)}\n".encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    parsed = ast.literal_eval(ast.parse(text).body[0].value)  # type: ignore[attr-defined]
    assert parsed == value


# Lines of a cell, in which what a literal has to escape stands side by side, and at the ends.
PIECES = st.sampled_from(['"', '"""', "'''", "\\", "\\\\", "\n", "\r\n", "\r", 'f"{x!r}"', "x = ", "é", "\u2028", "\0"])


@given(st.lists(PIECES, max_size=8).map("".join))
@example('text = """one\ntwo"""')
@example('a = 1\nb = "\\""')
@example('\n""""')
def test_lines_with_any_quotes_and_escapes_arrive_as_they_were(lines: str) -> None:
    call = call_text("id", "cell", [lines, lines + "\n", "\n" + lines])
    assert read_call(call) == ("id", "cell", [lines, lines + "\n", "\n" + lines])


@given(TEXTS)
def test_a_literal_can_be_sent_in_json(text: str) -> None:
    code = literal(text)
    assert json.loads(json.dumps(code)) == code
    code.encode("utf-8")  # no half of a surrogate pair is left in it


def test_a_cell_of_several_lines_can_be_read_in_the_monitoring_hub() -> None:
    cell = 'for name in ["a", "b"]:\n    print(f"""{name}\\n""")\nspark.sql("SELECT 1").show()'
    assert call_text("id", "cell", (cell, 20)) == (
        f"import {package_name()} as _fabric_livy\n"
        '''_fabric_livy.answer('id', 'cell', """\\
for name in ["a", "b"]:
    print(f\\"\\"\\"{name}\\\\n\\"\\"\\")
spark.sql("SELECT 1").show()""", 20)
'''
    )


def test_a_value_that_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no JSON value"):
        literal(object())


def test_the_install_statement_is_python_of_one_definition_and_one_call() -> None:
    tree = ast.parse(install_text())
    assert [type(node).__name__ for node in tree.body] == ["Expr", "FunctionDef", "Expr"]


def test_an_agent_that_the_session_does_not_take_is_given_up_with_advice() -> None:
    limits = []

    def execute(code: str, most_s: float = math.inf) -> Output:
        limits.append(most_s)
        raise WaitTimeout("Gave up.")

    with pytest.raises(WaitTimeout, match=r"Gave up\..*`%livy restart`"):
        Agent().call(execute, "ping")
    assert limits == [300.0]


def reply_text(request: str, **more: Any) -> str:
    text = json.dumps({"events": [], "value": None, "error": None, **more}, ensure_ascii=False)
    return f"\n[fabric-livy {request} {len(text)}]\n{text}\n[/fabric-livy {request}]\n"


@given(TEXTS, TEXTS, TEXTS)
def test_a_reply_is_read_whatever_stands_before_and_after_it(before: str, value: str, after: str) -> None:
    reply = read_reply(before + reply_text("abc", value=value) + after, "abc")
    assert reply == Reply((), value, None, before + after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        reply_text("other"),
        reply_text("abc")[:-20],
        reply_text("abc").replace('"value"', '"valu"'),
        f"[fabric-livy abc 3]\n{reply_text('other')}",
    ],
    ids=["nothing", "text", "of another request", "cut", "changed", "a head only"],
)
def test_an_incomplete_reply_or_one_to_another_request_is_none(text: str) -> None:
    assert read_reply(text, "abc") is None


ERROR = {"ename": "E", "evalue": "v", "traceback": "t", "full": "f", "suggestion": "", "sql": ""}
NO_REPLIES: dict[str, object] = {
    "a list": [1],
    "a number": 7,
    "nothing": None,
    "without events": {"value": 1, "error": None},
    "without a value": {"events": [], "error": None},
    "events that are none": {"events": [7], "value": 1, "error": None},
    "events as a dict": {"events": {"stream": "x"}, "value": 1, "error": None},
    "a stream without text": {"events": [{"stream": "stdout"}], "value": 1, "error": None},
    "a stream of a number": {"events": [{"stream": 1, "text": "x"}], "value": 1, "error": None},
    "a display of text": {"events": [{"data": "x", "metadata": {}}], "value": 1, "error": None},
    "an error of text": {"events": [], "value": 1, "error": "E"},
    "an error with a number": {"events": [], "value": 1, "error": {**ERROR, "full": 1}},
    "an error without its name": {"events": [], "value": 1, "error": {"evalue": "v"}},
}


@pytest.mark.parametrize("content", NO_REPLIES.values(), ids=NO_REPLIES)
def test_a_reply_of_another_form_is_none(content: object) -> None:
    text = json.dumps(content)
    assert read_reply(f"[fabric-livy abc {len(text)}]\n{text}\n[/fabric-livy abc]", "abc") is None


@pytest.mark.parametrize("levels", [300, 100_000])
def test_a_value_that_is_nested_too_deeply_is_said_to_be(levels: int) -> None:
    text = f'{{"events": [], "error": null, "value": {"[" * levels}{"]" * levels}}}'
    with pytest.raises(AnswerTooLarge, match="nested more than 250 deep"):
        read_reply(f"[fabric-livy abc {len(text)}]\n{text}\n[/fabric-livy abc]", "abc")


def test_a_reply_is_read_after_the_shell_has_stripped_it() -> None:
    assert read_reply(reply_text("abc", value=1).strip(), "abc") == Reply((), 1)


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        (Output("error", ename="ModuleNotFoundError", evalue=f"No module named '{package_name()}'"), True),
        (Output("error", ename="ModuleNotFoundError", evalue="No module named 'nltk'"), False),
        (Output("ok"), False),
    ],
    ids=["the agent", "another module", "no error"],
)
def test_a_session_without_the_agent_is_known_by_its_error(output: Output, missing: bool) -> None:
    assert is_agent_missing(output) is missing


def test_no_statement_of_the_agent_has_a_path_of_this_machine() -> None:
    assert str(Path(__file__).parents[2]) not in install_text()


def test_first_calls_follow_each_install_of_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIRST_CALLS_VARIABLE, '[["watch_asserts"], ["ping"]]')
    sent: list[str] = []

    def execute(code: str, most_s: float = 0) -> Output:
        sent.append("install" if is_install(code) else (read_call(code) or ("", ""))[1])
        return Output(status="error", ename="Gone", evalue="") if sent[-1] == "cell" else Output(status="ok")

    with pytest.raises(StatementError):
        Agent().call(execute, "cell", "1")
    assert sent == ["install", "watch_asserts", "ping", "cell"]
