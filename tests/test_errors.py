"""What a person reads when something failed: short, and without a frame of ours or of the JVM."""

from __future__ import annotations

import argparse
import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic import errors
from fabric_livy_magic.cells.subcommands import SUMMARIES
from fabric_livy_magic.cli.main import _parser
from fabric_livy_magic.errors import (
    WRAPPED_AT,
    FabricLivyError,
    Interrupted,
    StatementError,
    _wrapped,
    drawn_error,
    short_remote_error,
)
from fabric_livy_magic.settings import setting_names
from tests.support.outputs import SCALA_ERROR, SYNTAX_ERROR, ZERO_DIVISION
from tests.support.rooms import ROOT

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "payloads" / "livy_outputs.jsonl").read_text(encoding="utf-8").splitlines()
]
FAILED = {case["id"]: case for case in RECORDED if case["output"]["status"] == "error"}


def error_of(output: dict[str, Any]) -> StatementError:
    return StatementError(output["ename"], output["evalue"], output["traceback"])


def test_the_jvms_stack_is_not_in_the_message_of_an_error_of_py4j() -> None:
    why = "An error occurred while calling o14.sql.\n: org.apache.spark.DeltaError: [VIOLATED] CHECK constraint pos (a > 0)\n - a : -1"
    frames = "".join(f"\n\tat org.apache.spark.sql.Dataset.run(Dataset.scala:{line})" for line in range(20))
    cause = "\nCaused by: java.lang.Error: why\n\t... 20 more"
    error = StatementError("Py4JJavaError", f"{why}\n{frames}{cause}\n", [])
    assert str(error) == "DeltaError: [VIOLATED] CHECK constraint pos (a > 0)\n - a : -1"
    assert frames in error.evalue  # for `%livy error`, and for programs


def all_errors(kind: type[FabricLivyError] = FabricLivyError) -> Iterator[type[FabricLivyError]]:
    """Those of the module; of what is caught elsewhere `tests/docs/test_reference.py` has the list."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from all_errors(below)


@pytest.mark.parametrize(
    "kind", [kind for kind in all_errors() if not issubclass(kind, errors.ConnectionFailed | StatementError)]
)
def test_an_error_is_shown_as_its_name_and_text(kind: type[FabricLivyError]) -> None:
    error = kind("Something happened. Do this.")
    assert error._render_traceback_() == [f"{kind.__name__}: Something happened. Do this."]


@pytest.mark.parametrize("kind", list(all_errors()))
def test_every_error_is_in_the_tree_at_the_top_of_its_module(kind: type[FabricLivyError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_an_interrupt_is_shown_as_a_keyboard_interrupt() -> None:
    assert Interrupted("It was cancelled.")._render_traceback_() == ["KeyboardInterrupt: It was cancelled."]


@pytest.mark.parametrize("kind", [kind for kind in all_errors() if kind is not StatementError])
def test_every_error_travels_between_processes(kind: type[FabricLivyError]) -> None:
    error = pickle.loads(pickle.dumps(kind("Something happened.")))
    assert (type(error), str(error)) == (kind, "Something happened.")


def test_a_remote_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(StatementError("E", "v", ["a"], "printed")))
    assert (error.ename, error.evalue, error.traceback, error.printed) == ("E", "v", ["a"], "printed")


@pytest.mark.parametrize(
    ("name", "output"),
    [("sql_syntax", SYNTAX_ERROR), ("scala_compile", SCALA_ERROR), ("python_raise", ZERO_DIVISION)],
)
def test_a_remote_error_reads_as_the_golden_file(
    golden: Callable[[str, str], None], name: str, output: dict[str, Any]
) -> None:
    golden(f"error_{name}.txt", short_remote_error(error_of(output)) + "\n")


def test_errors_of_a_real_livy_read_as_the_golden_file(golden: Callable[[str, str], None]) -> None:
    chosen = [
        *("pyspark-syntax/syntax-paren", "pyspark-error/recursion", "pyspark-error/add-note", "pyspark-error/sys-exit"),
        *("pyspark-error/multiline-message", "sql-text/unknown-column", "sql-text/two-statements"),
    ]
    chosen += [name for name in FAILED if name.startswith(("spark-error/", "pyspark-spark-error/"))][:12]
    texts = [f"--- {FAILED[name]['code']}\n{short_remote_error(error_of(FAILED[name]['output']))}\n" for name in chosen]
    golden("errors_of_livy.txt", "\n".join(texts))


@pytest.mark.parametrize("name", FAILED)
def test_an_error_of_a_real_livy_is_short_and_names_what_happened(name: str) -> None:
    output = FAILED[name]["output"]
    text = short_remote_error(error_of(output))
    wrappers = {
        "Error",
        "Py4JJavaError",
        "PythonException",
    }  # what Livy calls every Scala and SQL error, and what is round a cause
    assert output["ename"] in wrappers or text.startswith(output["ename"])
    first = next((line.strip() for line in output["evalue"].splitlines() if line.strip()), "")
    told = re.split(r" \(<st|\(line \d|; line \d| Verify the spelling", first)[0]
    told = re.sub(r"^org\.apache\.spark\.(\w+\.)*(?=[A-Z])", "", told)
    is_wrapped = re.match("An error occurred while|An exception was thrown|Job aborted|.*: Job aborted", first)
    assert is_wrapped or told[:80] in text
    assert not is_wrapped or first not in text
    assert text.count("\n") <= 40
    assert "\tat " not in text
    assert text == text.strip("\n")


def test_frames_of_libraries_are_left_out_and_the_users_are_kept() -> None:
    text = short_remote_error(error_of(ZERO_DIVISION))
    assert 'File "<stdin>", line 2, in half' in text
    assert "udf.py" not in text
    assert text.startswith("ZeroDivisionError: division by zero\n")


def test_a_long_message_keeps_its_beginning_and_its_end_and_names_the_way_to_all_of_it() -> None:
    lines = short_remote_error(
        StatementError("Error", "\n".join(f"line {number}" for number in range(100)))
    ).splitlines()
    assert len(lines) == 13
    assert (lines[0], lines[-1]) == ("line 0", "line 99")
    assert "… 88 lines left out: %livy error shows them" in lines


def test_a_jvm_stack_in_the_message_is_left_out() -> None:
    evalue = (
        "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job aborted\n"
        "\tat org.apache.spark.scheduler.DAGScheduler.abort(DAGScheduler.scala:2844)\n\t... 12 more\n"
        "Caused by: java.lang.ArithmeticException: / by zero\n\tat $line14.$read$$iw.f(<console>:23)\n"
    )
    assert short_remote_error(StatementError("Py4JJavaError", evalue)).splitlines() == [
        "java.lang.ArithmeticException: / by zero",
    ]


def test_colours_mark_the_name_the_spark_class_the_frames_and_the_place() -> None:
    text = 'Traceback (most recent call last):\n  File "<cell 1>", line 1, in <module>\n    f(x)\n      ^\n'
    lines = drawn_error(StatementError("E", "[A_B.C] what", users_traceback=text), has_colours=True)
    assert lines == [
        "\x1b[31mE: [A_B.C]\x1b[0m what",
        "Traceback (most recent call last):",
        '\x1b[32m  File "<cell 1>", line 1, in <module>\x1b[0m',
        "    f(x)",
        "\x1b[31m      ^\x1b[0m",
    ]
    assert drawn_error(StatementError("E", "what"), has_colours=False) == ["E: what"]


@given(st.lists(st.sampled_from(["word", "a" * 130, "`%livy use local`", "`", " ", "é", "one,two"]), max_size=60))
def test_a_wrapped_line_can_be_put_together_again(words: list[str]) -> None:
    line = " ".join(words)
    lines = _wrapped(line, "")
    assert "".join(lines) == line
    assert all(len(one.rstrip()) <= WRAPPED_AT or len(one.split()) <= 1 or "`" in one for one in lines)


def test_a_command_is_not_cut_and_code_with_carets_below_it_stays() -> None:
    text = "x " * 48 + "`%livy stop main` ends it."
    assert _wrapped(text, "") == ["x " * 48, "`%livy stop main` ends it."]
    assert _wrapped("y " * 80, "   ^~~") == ["y " * 80]


@given(st.text(), st.text(), st.lists(st.text()))
def test_any_remote_error_can_be_shown(ename: str, evalue: str, traceback: list[str]) -> None:
    error = StatementError(ename, evalue, traceback)
    assert isinstance(short_remote_error(error), str)
    assert all(isinstance(line, str) for line in error._render_traceback_())


# ------------------------------------------------------------------------------------------------ advice
SOURCES = [path for path in (ROOT / "fabric_livy_magic").rglob("*.py") if "session_packages" not in path.parts]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_text_tells_to_run_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("%%livy", "%livy")
    (commands,) = [one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction)]
    assert set(re.findall(r"`%livy ([a-z]\w*)", text)) <= {*SUMMARIES}
    assert set(re.findall(r"`%livy config ([a-z]\w*)", text)) <= {*setting_names()}
    assert set(re.findall(r"`fabric-livy ([a-z]\w*)", text)) <= {*commands.choices}
