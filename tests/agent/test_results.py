"""Frames and SQL through the agent, and sessions that have none; on the embedded Fabric and on its Livy dialect with Livy's bugs."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import time
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import FrameError, HttpError, SettingsError, StatementCancelled, StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.running.results import Table
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.agent.conftest import bundles, streams

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ frames
def test_a_frame_comes_with_exact_types(session: Session) -> None:
    frame = session.sql(
        "SELECT CAST(1.10 AS DECIMAL(10, 2)) AS d, DATE'2024-02-29' AS day, CAST(NULL AS INT) AS n, ARRAY(1, NULL) AS a, 'x' AS d"
    )
    assert list(frame.columns) == ["d", "day", "n", "a", "d"]
    assert frame.iloc[0, 0] == Decimal("1.10")
    assert frame.iloc[0, 1] == datetime.date(2024, 2, 29)
    assert str(frame.dtypes.iloc[2]) == "Int32"


def test_a_frame_of_several_pieces_arrives_while_the_cell_also_prints(session: Session) -> None:
    session.run(
        "def noisy():\n    print('noise')\n    import os; os.write(1, b'raw')\n    return spark.range(3_000_000).selectExpr('id', 'rand(7) r')"
    )
    told: list[Any] = []
    frame = session.frame("noisy()", on_progress=told.append)
    assert frame.id.tolist() == list(range(3_000_000))
    assert any(one.subject == "frame" and "rows" in one.detail for one in told)
    assert session.run("'in step'").text == "'in step'"


# Sixteen pieces and more, of which eight are asked for ahead.
BIG = "spark.range(12_000_000).selectExpr('id', 'rand(1) AS r')"


def test_a_piece_that_is_cancelled_on_its_way_ends_the_transfer_with_a_clear_error(session: Session) -> None:
    client = session.remote.client
    told: list[Progress] = []
    sleeping: list[int] = []

    def listener(progress: Progress) -> None:
        """A piece that is asked for behind a statement that sleeps is cancelled before it ran."""
        if progress.subject != "frame":
            return
        told.append(progress)
        if len(told) == 1:
            time.sleep(1)  # the pieces that are asked for ahead come
            sleeping.append(client.submit_statement(session.id, "import time; time.sleep(8)", "pyspark", "").id)
        elif len(told) == 4:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with contextlib.suppress(HttpError):
                    client.cancel_statement(session.id, sleeping[0] + 1)
                    break
                time.sleep(0.05)
            client.cancel_statement(session.id, sleeping[0])

    with pytest.raises((StatementCancelled, StatementError)) as caught:
        session.frame(BIG, on_progress=listener)
    assert "was cancelled" in str(caught.value) or "KeyboardInterrupt" in str(caught.value)
    assert session.run("'in step'").text == "'in step'"
    assert len(session.frame("spark.range(3)")) == 3


def test_a_limit_is_kept_on_the_server_and_more_is_known(session: Session) -> None:
    table = session.table("spark.range(10)", limit=4)
    assert (table.rows, table.more) == (4, "there are more rows")
    assert session.table("spark.range(4)", limit=4).more == ""


def test_what_is_no_frame_is_refused(session: Session) -> None:
    with pytest.raises(StatementError, match="no DataFrame"):
        session.frame("1 + 1")


def test_a_frame_goes_to_spark_and_back(session: Session) -> None:
    frame = pd.DataFrame({"text": ["it's", 'a "quote"\n', "ü\\", None], "n": pd.array([1, None, 3, 4], dtype="Int64")})
    assert session.put(frame, "sent") == (4, [("text", "string"), ("n", "long")])
    pd.testing.assert_frame_equal(session.sql("SELECT * FROM sent"), frame)
    assert session.run("sent.count()").text == "4"


def test_a_column_without_a_type_in_spark_is_named(session: Session) -> None:
    with pytest.raises(FrameError, match="mixed"):
        session.put(pd.DataFrame({"mixed": [1, "a"]}), "sent")


def test_polars_and_arrow_frames_can_be_had(session: Session) -> None:
    import polars
    import pyarrow

    assert isinstance(session.frame("spark.range(3)", library="arrow"), pyarrow.Table)
    assert isinstance(session.frame("spark.range(3)", library="polars"), polars.DataFrame)


# ------------------------------------------------------------------------------------------------ SQL
def test_each_statement_of_a_cell_has_its_result(session: Session) -> None:
    result = session.run("-- one; two\nSELECT 1 AS a; SELECT ';' AS b; -- the end\n", "sql")
    assert [table.head(1) for table in result.tables] == [[[1]], [[";"]]]
    assert session.run("-- nothing\n/* here; */", "sql").parts == ()


def test_a_failed_statement_keeps_the_results_of_those_before_it(session: Session) -> None:
    with pytest.raises(StatementError, match="nope") as caught:
        session.run("SELECT 1 AS a; SELECT nope; SELECT 3", "sql")
    assert [part.rows for part in caught.value.parts if isinstance(part, Table)] == [1]


def test_parameters_are_bound_as_typed_values(session: Session) -> None:
    frame = session.sql(
        "SELECT :text AS text, CAST(:number AS STRING) AS n, :day AS day, size(:several) AS size, ':none' AS none -- :comment\nFROM IDENTIFIER(:view)",
        text='it\'s; "x" \\ :y',
        number=2**40,
        day=datetime.date(2024, 1, 31),
        several=[1, 2],
        view=session.put(pd.DataFrame({"a": [1]}), "one_row") and "one_row",
    )
    assert frame.iloc[0].tolist() == ['it\'s; "x" \\ :y', str(2**40), datetime.date(2024, 1, 31), 2, ":none"]


def test_all_unbound_names_are_listed_before_anything_runs(session: Session) -> None:
    with pytest.raises(SettingsError, match=r"(?s)low.*high"):
        session.run("CREATE TABLE never_made AS SELECT 1 AS a; SELECT :low, :high", "sql")
    assert session.sql("SHOW TABLES LIKE 'never_made'").empty


# ------------------------------------------------------------------------------------------------ without
def test_a_session_without_pyarrow_falls_back_to_livys_sql_and_says_so(session: Session) -> None:
    session.run(
        "import pyarrow, sys; kept_arrow = {n: m for n, m in sys.modules.items() if n.split('.')[0] == 'pyarrow'}\nfor n in kept_arrow: sys.modules[n] = None"
    )
    try:
        (table,) = session.run("SELECT id FROM range(3)", "sql").tables
        assert table.rows == 3
        assert "at most 1,000 rows" in table.more
        with pytest.raises(FrameError, match="PyArrow"):
            session.frame("spark.range(3)")
        (bundle,) = bundles(session.run("spark.range(2)"))
        assert "| id|" in bundle["text/plain"].replace("|id |", "| id|")
    finally:
        session.run("sys.modules.update(kept_arrow)")


def test_plain_cells_are_livys_own(session: Session) -> None:
    assert session.run("print('a')\n1", plain=True).output is not None


# ------------------------------------------------------------------------------------------------ into a variable
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("spark.range(50)", list(range(50))),
        ("import matplotlib.pyplot as plt\nplt.plot([1])\nspark.range(40)", list(range(40))),
        ("print('text')\ndisplay(spark.range(3))", "text"),
    ],
    ids=["a value", "a value before a figure", "a display is no value"],
)
def test_output_takes_the_whole_value_of_the_last_line_and_no_other(session: Session, code: str, value: Any) -> None:
    session.run("spark.range(7)")  # the value of an earlier cell
    got = run_cell(session.repl, Cell(kind="pyspark", code=code, output="kept")).value()
    assert (got if isinstance(got, str) else got["id"].tolist()) == value


def test_previews_that_are_together_too_large_for_one_answer_are_left_out_with_a_notice(session: Session) -> None:
    code = "from pyspark.sql import functions as F\nwide = spark.range(20).select(F.expr('array_join(transform(sequence(1, 20000), i -> sha2(cast(i * id as string), 256)), \"\")').alias('x'))\nfor _ in range(3): display(wide)"
    result = session.run(code)
    assert 1 <= len(result.tables) < 3
    assert any("left out" in text for _, text in streams(result))
    assert session.run("'in step'").text == "'in step'"


def test_scala_is_completed_by_livys_own_completion_where_there_is_one(session: Session) -> None:
    if session.remote.client.dialect is Dialect.FABRIC:
        assert session.candidates('"a".', "spark") is None
        return
    session.run("1", "spark")  # the interpreter starts with its first statement
    until = time.monotonic() + 20
    while not (found := session.candidates('"a".', "spark")) and time.monotonic() < until:
        time.sleep(0.5)
    assert "charAt" in (found or [])


# The last one: the session has no Python after it.
def test_a_shell_that_dies_while_a_frame_is_on_its_way_ends_in_a_clear_error(session: Session) -> None:
    pid = int(session.run("import os; print(os.getpid())").text)

    def listener(progress: Progress) -> None:
        if progress.subject == "frame":
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(StatementError, match="The session's Python process has ended") as caught:
        session.frame(BIG, on_progress=listener)
    assert caught.value.ename == "ProcessEnded"
    with pytest.raises(StatementError, match="%livy stop"):
        session.run("'next'")
    assert session.run("1 + 1", "spark").text.endswith("Int = 2\n")
    sql = session.run("SELECT 1 AS one", "sql")
    assert sql.frame.one[0] == 1
    assert "its Python process has ended" in sql.tables[0].more
