"""What a cell prints and raises, and a shell that gets out of step, through the agent in a session."""

from __future__ import annotations

import contextlib
import uuid

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fabric_livy_magic.agent.client import call_text, read_reply
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.running.results import Printed
from fabric_livy_magic.sessions.session import Session
from tests.support.parts import streams

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ output
ALL_WAYS = """
import ctypes, os, subprocess, sys
print("print")
os.write(1, b"descriptor 1\\n")
print("stderr", file=sys.stderr)
subprocess.run(["echo", "child"])
os.system("echo shell >&2")
ctypes.CDLL(None).puts(b"C")
sys.stdout.buffer.write(b"bytes\\n")
print("last")
""".strip()


def test_every_way_to_print_gives_output_in_its_order(session: Session) -> None:
    out = "".join(text for stream, text in streams(session.run(ALL_WAYS)) if stream == "stdout")
    err = "".join(text for stream, text in streams(session.run(ALL_WAYS)) if stream == "stderr")
    # C keeps its text in a buffer of its own until the cell ends.
    assert sorted(out.splitlines()) == ["C", "bytes", "child", "descriptor 1", "last", "print"]
    assert out.replace("C\n", "") == "print\ndescriptor 1\nchild\nbytes\nlast\n"
    assert err == "stderr\nshell\n"
    assert session.run("'in step'").text == "'in step'"


def test_a_logging_handler_of_an_earlier_cell_writes_to_the_running_cell(session: Session) -> None:
    session.run("import logging; log = logging.getLogger('own'); log.addHandler(logging.StreamHandler())")
    assert streams(session.run("print('a'); log.warning('b'); print('c')")) == [
        ("stdout", "a\n"),
        ("stderr", "b\n"),
        ("stdout", "c\n"),
    ]


def test_what_was_printed_before_an_error_is_kept_and_the_traceback_is_the_users(session: Session) -> None:
    with pytest.raises(StatementError) as caught:
        session.run("def f(x):\n    return 1 / x\nprint('before')\nf(0)")
    assert caught.value.parts == (Printed("before\n"),)
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")
    shown = [line for line in caught.value._render_traceback_() if "^" not in line]
    assert [line for line in shown if "<cell" not in line] == [
        "ZeroDivisionError: division by zero",
        "Traceback (most recent call last):",
        "    f(0)",
        "    return 1 / x",
    ]


def test_stack_frames_of_libraries_are_left_out_and_available(session: Session) -> None:
    with pytest.raises(StatementError) as caught:
        session.run("spark.sql('SELECT nope')")
    short = [
        line for line in caught.value._render_traceback_() if line.strip("~^ ")
    ]  # marks below the line, from Python 3.11 or 3.13 on
    assert short[0].startswith("AnalysisException: [UNRESOLVED_COLUMN")
    assert short[1:4] == ["Line 1, column 8:", "    SELECT nope", "Traceback (most recent call last):"]
    assert short[5:] == ["    spark.sql('SELECT nope')"]
    assert any("pyspark" in line for line in caught.value.traceback)


def test_200_mib_of_output_are_cut_with_a_notice(session: Session) -> None:
    parts = session.run("line = 'x' * (1 << 20)\nfor _ in range(200): print(line)\n'done'").parts
    printed = sum(len(part.text) for part in parts if isinstance(part, Printed))
    assert 9 << 20 < printed < 11 << 20
    assert [part.text for part in parts if isinstance(part, Printed)][-1].startswith("\n[199,2")
    assert session.run("'in step'").text == "'in step'"


def test_200_mib_of_a_child_process_are_cut_with_a_notice(session: Session) -> None:
    code = "import subprocess; subprocess.run(['head', '-c', str(200 << 20), '/dev/zero'])\n'done'"
    texts = [text for _, text in streams(session.run(code))]
    assert "more characters were printed" in texts[-1]
    assert session.run("'in step'").text == "'in step'"


def test_a_request_that_arrives_twice_runs_once(session: Session) -> None:
    """A retry, whose first attempt had arrived after all."""
    session.run("runs = 0")
    request, code = uuid.uuid4().hex, "runs = runs + 1\nruns"
    twice = [session.remote.run(call_text(request, "cell", (code, 20)), "pyspark") for _ in range(2)]
    for statement in twice:
        assert statement.output is not None
        assert read_reply(statement.output.text, request) is not None
    assert session.run("runs").text == "1"


@pytest.mark.parametrize("stray", ["one\\n", "one\\ntwo\\nthree\\n"])
def test_a_shell_that_got_stray_lines_is_realigned_and_no_cell_gets_the_output_of_another(
    session: Session, stray: str
) -> None:
    with contextlib.suppress(StatementError):  # Livy's JSON reader refuses the line
        session.run(f"import os; os.write(1, b'{stray}')", plain=True)
    assert [session.run(f"'cell {number}'").text for number in range(4)] == [f"'cell {number}'" for number in range(4)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"\\\n\t\r{}%$#`;\0"), max_size=60)


def sources(text: str) -> list[str]:
    """Python that prints `text` as ASCII, with the text in each kind of quotes, and in a comment."""
    escaped = text.replace("\\", "\\\\")
    return [
        f"print(ascii({text!r}))",
        'print(ascii("""' + escaped.replace('"', '\\"').replace("\r", "\\r").replace("\0", "\\0") + '"""))',
        "print(ascii('''" + escaped.replace("'", "\\'").replace("\r", "\\r").replace("\0", "\\0") + "'''))",
        f"print(ascii({text!r}))  # {' '.join(text.replace(chr(0), ' ').splitlines())} '\"",
    ]


@given(TEXTS)
@hypothesis_settings(max_examples=25, deadline=None)
def test_a_cell_arrives_as_it_was_written_whatever_quotes_and_escapes_it_has(session: Session, text: str) -> None:
    for source in sources(text):
        assert session.run(source).text == ascii(text)


# ------------------------------------------------------------------------------------------------ names
def test_names_that_user_code_shadows_do_not_matter_and_the_agent_leaves_none(session: Session) -> None:
    before = session.run("sorted(globals())").text
    session.run(
        "from pyspark.sql.functions import *\nkept, spark = spark, None\n"
        "len = str = print = eval = exec = compile = isinstance = getattr = repr = type = __import__ = None"
    )
    assert session.run("kept.range(3).select(sum('id').alias('n')).collect()").text == "[Row(n=3)]"
    assert list(session.sql("SELECT 1 AS one").columns) == ["one"]
    assert session.frame("kept.range(2)").shape == (2, 1)
    session.run("spark = kept\nfor name in [n for n in globals() if n not in " + before + "]: del globals()[name]")
    session.run("del name")
    assert session.run("sorted(globals())").text == before


def test_the_agent_is_installed_once_and_survives_another_client(session: Session) -> None:
    session.run("x = 41")
    other = Session(session._keeper, "other", session.target, session.remote, started_here=False)
    assert other.run("x + 1").text == "42"
