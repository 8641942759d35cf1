"""The cause of a remote error, its place and the user's frames, out of what Spark, Java and Python say of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import StatementError, short_remote_error, whole_remote_error
from fabric_livy_magic.output.errors import MOST_SHOWN, whole_error_bundle
from fabric_livy_magic.remote_errors import HEADER, cause_of, is_library, sections_of, with_sql_place

STACK = "\n\tat org.apache.spark.sql.Dataset.collect(Dataset.scala:3575)\n\tat java.base/java.lang.Thread.run(Thread.java:840)"
WORKER = (
    "Traceback (most recent call last):\n"
    '  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main\n    process()\n'
    '  File "/home/user/cluster-env/lib/python3.11/site-packages/pandas/core/frame.py", line 38, in __getitem__\n    raise KeyError(key)\n'
    '  File "/mnt/usercache/appcache/container_e01_0001_01_000002/own/parsing.py", line 5, in outer\n    return parse(x)\n           ^^^^^^^^\n'
    '  File "<cell 3>", line 2, in inv\n    return 1 // x\n'
    "ZeroDivisionError: integer division or modulo by zero\n"
)
IN_TASK = (
    "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent failure: Lost task 3.3 in stage 5.0 (TID 71) "
    "(vm-1 executor 2): "
)
PY4J = "An error occurred while calling o604.collectAsList.\n: "
CASES = {
    "a Python worker, by a task": (
        "Py4JJavaError",
        f"{PY4J}org.apache.spark.SparkException: {IN_TASK}org.apache.spark.api.python.PythonException: {WORKER}{STACK}\n\n"
        f"Driver stacktrace:{STACK}\nCaused by: org.apache.spark.api.python.PythonException: {WORKER}{STACK}\n\t... 1 more\n",
    ),
    "a Python worker, by PySpark": (
        "PythonException",
        f"\n  An exception was thrown from the Python worker. Please see the stack trace below.\n{WORKER}",
    ),
    "a task of Java": (
        "Py4JJavaError",
        f"{PY4J}org.apache.spark.SparkException: {IN_TASK}java.lang.ArithmeticException: / by zero{STACK}\n\nDriver stacktrace:{STACK}\n"
        f"Caused by: java.lang.ArithmeticException: / by zero{STACK}\n",
    ),
    "an executor that ran out of memory": (
        "Py4JJavaError",
        f"{PY4J}org.apache.spark.SparkException: {IN_TASK}ExecutorLostFailure (executor 2 exited caused by one of the running tasks) "
        f"Reason: Container killed by YARN for exceeding memory limits.\nDriver stacktrace:{STACK}",
    ),
    "Delta": (
        "Py4JJavaError",
        f"{PY4J}org.apache.spark.sql.delta.schema.DeltaInvariantViolationException: [DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK "
        f"constraint pos (a > 0) violated by row with values:\n - a : -1{STACK}\n",
    ),
    "a file that is none": (
        "Py4JJavaError",
        f"{PY4J}org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file a.parquet.{STACK}\n"
        f"Caused by: java.lang.RuntimeException: a.parquet is not a Parquet file. Expected magic number at tail{STACK}\n",
    ),
    "wrappers of Java": (
        "Error",
        f"java.util.concurrent.ExecutionException: org.apache.spark.SparkException: Exception thrown in awaitResult:{STACK}\n"
        f"Caused by: org.apache.spark.SparkException: Exception thrown in awaitResult:{STACK}\n"
        f"Caused by: java.io.IOException: No space left on device{STACK}\n",
    ),
    "a plan below the message": (
        "Error",
        "org.apache.spark.sql.catalyst.ExtendedAnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `b` cannot be "
        "resolved. Did you mean one of the following? [`a`].;\n'Project ['b]\n+- Relation dbo.t[a#1]\n",
    ),
    "a table that is not there": (
        "AnalysisException",
        "[TABLE_OR_VIEW_NOT_FOUND] The table or view `trps` cannot be found. Verify the spelling and correctness of the schema and "
        "catalog.\nIf you did not qualify the name with a schema, verify the current_schema() output, or qualify the name with the "
        "correct schema and catalog.\nTo tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.; line 1 pos 14",
    ),
    "an error with a traceback in its message": (
        "RuntimeError",
        f'no luck:\n{HEADER}\n  File "<cell 1>", line 1, in f\nKeyError: 1\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_reads_as_the_golden_file(golden: Callable[[str, str], None], name: str) -> None:
    ename, evalue = CASES[name]
    golden(
        f"errors/{name.replace(' ', '_').replace(',', '')}.txt",
        short_remote_error(StatementError(ename, evalue)) + "\n",
    )


def test_the_errors_own_text_is_the_cause() -> None:
    assert str(StatementError(*CASES["a task of Java"])) == "java.lang.ArithmeticException: / by zero"
    assert (
        str(StatementError(*CASES["a Python worker, by a task"]))
        == "ZeroDivisionError: integer division or modulo by zero"
    )


@pytest.mark.parametrize(
    ("filename", "wanted"),
    [
        ("<cell 3>", False),
        ("/home/me/own/pyspark_jobs.py", False),
        ("/home/me/lib/parsing.py", False),
        ("/tmp/spark-1/userFiles-35689ca4-334d/pyspark/own.py", False),
        ("C:\\work\\own.py", False),
        ("/x/pyspark.zip/pyspark/worker.py", True),
        ("/usr/lib/python3.11/json/decoder.py", True),
        ("C:\\Python\\Lib\\site-packages\\pandas\\frame.py", True),
        ("pandas/_libs/hashtable_class_helper.pxi", True),
        ("<frozen importlib._bootstrap>", True),
    ],
)
def test_whose_frame_it_is(filename: str, wanted: bool) -> None:
    assert is_library(filename) is wanted


def test_a_chain_of_pythons_errors_is_told_from_the_last_one_on() -> None:
    text = (
        f"{HEADER}\n  File \"index.pyx\", line 1, in get\nKeyError: 'b'\n\nThe above exception was the direct cause of the following exception:\n\n"
        f'{HEADER}\n  File "<cell 1>", line 2, in f\n    x["b"]\nKeyError: \'b\'\n\nDuring handling of the above exception, another exception occurred:\n\n'
        f'{HEADER}\n  File "<cell 1>", line 4, in <module>\n    raise\n'
    )
    assert short_remote_error(StatementError("ValueError", "no b", users_traceback=text)).splitlines() == [
        "ValueError: no b",
        HEADER,
        '  File "<cell 1>", line 4, in <module>',
        "    raise",
        "While handling KeyError: 'b'",
        '  File "<cell 1>", line 2, in f',
        '    x["b"]',
    ]


def test_a_syntax_error_has_its_place_and_not_twice() -> None:
    place = '  File "<cell 19>", line 2\n    for i in range(3)\n                     ^\n'
    error = StatementError("SyntaxError", "expected ':' (<cell 19>, line 2)", users_traceback=place)
    assert short_remote_error(error) == f"SyntaxError: expected ':'\n{place}".rstrip("\n")


def test_what_is_known_beside_the_error_stands_below_its_place() -> None:
    error = StatementError(
        "AnalysisException", CASES["a table that is not there"][1], users_traceback="", suggestion="trips"
    )
    error.sql, error.sql_begins, error.within = "SELECT * FROM trps", (4, 9), "Load, which %run ran"
    wanted = [
        "AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `trps` cannot be found.",
        "Line 4, column 24:",
        "    SELECT * FROM trps",
        "                  ^^^^",
        "Did you mean trips?",
        "In Load, which %run ran.",
    ]
    assert short_remote_error(error).splitlines() == wanted
    assert short_remote_error(pickle.loads(pickle.dumps(error))).splitlines() == wanted


# ------------------------------------------------------------------------------------------------ SQL
LINES = st.lists(st.text(alphabet="abc é\t().`'", max_size=200), min_size=1, max_size=6)


@given(LINES, st.data())
def test_the_caret_stands_below_the_place(lines: list[str], data: st.DataObject) -> None:
    line = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[line])))
    headline, drawn = with_sql_place(f"[X] no.; line {line + 1} pos {column}", "\n".join(lines))
    if not lines[line].strip():
        assert (headline, drawn) == (f"[X] no.; line {line + 1} pos {column}", [])
        return
    assert (headline, drawn[0]) == ("[X] no.", f"Line {line + 1}, column {column + 1}:")
    place = drawn[2].index("^")
    assert drawn[1][place : place + 1] == lines[line][column : column + 1]
    assert drawn[1][:place].count("\t") == drawn[2][:place].count("\t")
    assert len(drawn[1]) <= 120


@pytest.mark.parametrize(
    ("message", "sql", "wanted"),
    [
        (
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'trips'.(line 3, pos 5)\n\n== SQL ==\n\nSELECT *\nFORM trips\n-----^^^\nWHERE 1\n",
            "",
            ["Line 3, column 6:", "    FORM trips", "         ^^^^^"],
        ),
        (
            "[DIVIDE_BY_ZERO] Division by zero.\n== SQL(line 2, position 3) ==\n  id / 0 FROM t\n  ^^^^^^\n",
            "SELECT 1,\n  id / 0 FROM t",
            ["Line 2, column 3:", "      id / 0 FROM t", "      ^^^^^^"],
        ),
        (
            "[DIVIDE_BY_ZERO] Division by zero.\n== SQL(line 2, position 3) ==\n  id / 0 FROM t\n  ^^^^^^\n",
            "",
            ["Line 2, column 3 of the SQL:", "      id / 0 FROM t", "      ^^^^^^"],
        ),
        ("[X] no.; line 7 pos 1", "SELECT 1", []),
        ("[X] no place", "SELECT 1", []),
    ],
)
def test_the_line_of_sql_is_found(message: str, sql: str, wanted: list[str]) -> None:
    headline, drawn = with_sql_place(message, sql)
    assert drawn == wanted
    assert not wanted or "SQL" not in headline.replace("[PARSE_SYNTAX_ERROR]", "")


@given(st.text(), st.text(), st.lists(st.text()), st.none() | st.text(), st.text(), st.text())
def test_any_error_of_a_session_can_be_drawn(
    ename: str, evalue: str, traceback: list[str], users: str | None, suggestion: str, sql: str
) -> None:
    error = StatementError(ename, evalue, traceback, users_traceback=users, suggestion=suggestion, sql=sql)
    assert short_remote_error(error).count("\n") < 100
    assert isinstance(whole_remote_error(error), str)
    assert cause_of(ename, evalue).headline is not None
    assert sections_of(evalue.splitlines())[-1].link == ""


# ------------------------------------------------------------------------------------------------ the whole
def test_the_whole_is_folded_below_in_html(golden: Callable[[str, str], None]) -> None:
    error = StatementError(*CASES["a file that is none"])
    bundle = whole_error_bundle(error)
    golden("errors/whole.html", bundle["text/html"] + "\n")
    assert bundle["text/plain"] == "`%livy error` shows the whole error (7 more lines)."


def test_the_whole_is_escaped_and_of_a_size_that_can_be_saved() -> None:
    bundle = whole_error_bundle(StatementError("E", "</pre><img src=x onerror=alert(1)>\n" + "at a.b(c)\n" * 9_000))
    assert "<img" not in bundle["text/html"]
    assert len(bundle["text/html"]) < MOST_SHOWN * 2
    assert "… the rest: %livy error" in bundle["text/html"]


def test_nothing_is_folded_where_all_is_told() -> None:
    error = StatementError(
        "E",
        "why",
        [HEADER + "\n", '  File "<cell 1>", line 1, in f\n', "E: why\n"],
        users_traceback=f'{HEADER}\n  File "<cell 1>", line 1, in f',
    )
    assert whole_error_bundle(error) == {}
