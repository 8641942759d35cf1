"""Livy's output rules for Python statements, without Spark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fabric_livy_magic.local.interpreters.pyshell import CapturedStream, PythonShell


@pytest.fixture
def shell() -> Iterator[PythonShell]:
    streams = sys.stdout, sys.stderr
    made = PythonShell({"__name__": "__main__"})
    yield made
    sys.stdout, sys.stderr = streams


TEXTS = [
    ("1+1", "2"),
    ("", ""),
    ("x = 1", ""),
    ("\nx = 1\n\ny = 2\n\nx + y", "3"),
    ("None", ""),
    ('print("1")\nprint("2")', "1\n2"),
    ("print('a'); 7", "a\n7"),
    ("7; print('a')", "a"),
    ("for i in range(3): i", "0\n1\n2"),
    ("if True:\n    'yes'\nelse:\n    'no'", "'yes'"),
    ("import sys\nsys.stderr.write('err\\n'); print('out')", "out\nerr"),
    ("print('x   \\n\\n')", "x"),
    ("'é\\u2603'", "'é☃'"),
    ("len('x' * 50000)", "50000"),
    ("# only a comment", ""),
]


@pytest.mark.parametrize(("code", "text"), TEXTS)
def test_text(shell: PythonShell, code: str, text: str) -> None:
    assert shell.run(code) == {"status": "ok", "data": {"text/plain": text}}


def test_annotations_are_evaluated_as_in_any_python(shell: PythonShell) -> None:
    """The modules of this package that compile a statement postpone theirs."""
    code = "x: int = 1\ndef f(x: int) -> 'str': ...\nclass C:\n    y: list[int]\nf.__annotations__, C.__annotations__"
    value = "({'x': <class 'int'>, 'return': 'str'}, {'y': list[int]})"
    assert shell.run(code) == {"status": "ok", "data": {"text/plain": value}}
    assert shell.run("def f(x: int): ...")["status"] == "ok"  # the last one is compiled in another way
    assert shell.run("f.__annotations__['x'] is int")["data"] == {"text/plain": "True"}


ERRORS: list[tuple[str, str, str, list[str]]] = [
    (
        "x",
        "NameError",
        "name 'x' is not defined",
        ["Traceback (most recent call last):\n", "NameError: name 'x' is not defined\n"],
    ),
    (
        'def func1():\n  raise Exception("message")\ndef func2():\n  func1()\nfunc2()',
        "Exception",
        "message",
        [
            "Traceback (most recent call last):\n",
            '  File "<stdin>", line 4, in func2\n',
            '  File "<stdin>", line 2, in func1\n',
            "Exception: message\n",
        ],
    ),
    (
        "1+",
        "SyntaxError",
        "invalid syntax (<stdin>, line 1)",
        ['  File "<stdin>", line 1\n', "    1+\n", "      ^\n", "SyntaxError: invalid syntax\n"],
    ),
    ("%", "UnknownMagic", "magic command not specified", ["UnknownMagic: magic command not specified\n"]),
    ("%foo", "UnknownMagic", "unknown magic command 'foo'", ["UnknownMagic: unknown magic command 'foo'\n"]),
    ("raise SystemExit", "SystemExit", "", ["Traceback (most recent call last):\n", "SystemExit\n"]),
]


@pytest.mark.parametrize(("code", "ename", "evalue", "traceback"), ERRORS, ids=[case[0] for case in ERRORS])
def test_error(shell: PythonShell, code: str, ename: str, evalue: str, traceback: list[str]) -> None:
    assert shell.run(code) == {"status": "error", "ename": ename, "evalue": evalue, "traceback": traceback}
    assert shell.run("2")["data"] == {"text/plain": "2"}


def test_the_cause_of_an_error_is_left_out(shell: PythonShell) -> None:
    output = shell.run("try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e")
    assert output["traceback"] == ["Traceback (most recent call last):\n", "KeyError: 'k'\n"]


def test_text_printed_before_an_error_is_kept_with_it_and_not_with_the_next_statement(shell: PythonShell) -> None:
    output = shell.run("print('partial'); 1/0")
    assert (output["ename"], output["data"]) == ("ZeroDivisionError", {"text/plain": "partial"})
    assert shell.run("2") == {"status": "ok", "data": {"text/plain": "2"}}


def test_nothing_of_a_cell_with_a_syntax_error_runs(shell: PythonShell) -> None:
    assert shell.run("print('no')\n1+")["status"] == "error"
    assert shell.run("1")["data"] == {"text/plain": "1"}


def test_an_exception_whose_text_cannot_be_made(shell: PythonShell) -> None:
    output = shell.run("class Bad(Exception):\n    def __str__(self): raise RuntimeError\nraise Bad")
    assert output["ename"] == "Bad"
    assert "str() failed" in output["evalue"]


@pytest.mark.parametrize("harm", ["sys.stdout.close()", "sys.stdout = None", "sys.stdout = open('/dev/null', 'w')"])
def test_a_cell_that_spoils_stdout_spoils_it_for_itself_only(shell: PythonShell, harm: str) -> None:
    shell.run(f"import sys\n{harm}")
    opened = shell.globals["sys"].stdout
    assert shell.run("print('back')") == {"status": "ok", "data": {"text/plain": "back"}}
    if opened not in (None, shell.stdout) and not opened.closed:
        opened.close()


def test_a_logger_made_in_one_cell_writes_in_another(shell: PythonShell) -> None:
    shell.run("import logging\nlog = logging.Logger('x')\nlog.addHandler(logging.StreamHandler())")
    assert shell.run("log.warning('later')")["data"] == {"text/plain": "later"}


def test_stray_output_comes_between_stdout_and_stderr() -> None:
    streams = sys.stdout, sys.stderr
    try:
        shell = PythonShell({}, lambda: "child\n")
        assert shell.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")["data"] == {
            "text/plain": "out\nchild\nerr"
        }
    finally:
        sys.stdout, sys.stderr = streams


MAGICS: list[tuple[str, dict[str, Any]]] = [
    ("x = [[1, 'a'], [3, 'b']]\n%json x", {"application/json": [[1, "a"], [3, "b"]]}),
    (
        'x = [{"a":"1", "b":None}, {"a":"2", "b":2}]\n%table x',
        {
            "application/vnd.livy.table.v1+json": {
                "headers": [{"name": "a", "type": "STRING_TYPE"}, {"name": "b", "type": "INT_TYPE"}],
                "data": [["1", None], ["2", 2]],
            }
        },
    ),
    ("a = 1\n%json a\nprint('hi')", {"text/plain": "hi"}),
    ("a = 1\nprint('hi')\n%json a", {"application/json": 1, "text/plain": "hi"}),
]


@pytest.mark.parametrize(("code", "data"), MAGICS)
def test_magics(shell: PythonShell, code: str, data: dict[str, Any]) -> None:
    assert shell.run(code) == {"status": "ok", "data": data}


@pytest.mark.parametrize("code", ["%json nosuch", "x = object()\n%json x", "x = [1, 'a']\n%table x"])
def test_a_magic_that_fails_is_an_error(shell: PythonShell, code: str) -> None:
    assert shell.run(code)["status"] == "error"
    assert shell.run("1")["data"] == {"text/plain": "1"}


def test_a_captured_stream_takes_bytes_text_and_what_is_no_unicode() -> None:
    with CapturedStream(1) as stream:
        stream.write("a\udce9")
        stream.buffer.write(b"b")
        assert stream.take() == "a\\udce9b"
        assert stream.take() == ""
        assert stream.fileno() == 1
