"""Frames and SQL through the agent in a session."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal

import pandas as pd
import pytest

from fabric_livy_magic.errors import FrameError, HttpError, SettingsError, StatementCancelled, StatementError
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.running.results import Table
from fabric_livy_magic.sessions.session import Session
from tests.agent.conftest import SharedSession
from tests.support.parts import bundles

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
    reports: list[Progress] = []
    frame = session.frame("noisy()", on_progress=reports.append)
    assert frame.id.tolist() == list(range(3_000_000))
    assert any(one.subject == "frame" and "rows" in one.detail for one in reports)
    assert session.run("'in step'").text == "'in step'"


# Sixteen pieces and more, of which eight are requested in advance.
BIG = "spark.range(12_000_000).selectExpr('id', 'rand(1) AS r')"


def test_a_piece_whose_statement_is_cancelled_ends_the_transfer_with_a_clear_error(session: Session) -> None:
    client = session.remote.client
    reports: list[Progress] = []
    sleeping: list[int] = []

    def listener(progress: Progress) -> None:
        """A piece that is queued behind a sleeping statement is cancelled before it runs."""
        if progress.subject != "frame":
            return
        reports.append(progress)
        if len(reports) == 1:
            time.sleep(1)  # until the pieces that are requested in advance have come
            sleeping.append(client.submit_statement(session.id, "import time; time.sleep(8)", "pyspark", "").id)
        elif len(reports) == 4:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with contextlib.suppress(HttpError):
                    client.cancel_statement(session.id, sleeping[0] + 1)
                    break
                time.sleep(0.05)
            client.cancel_statement(session.id, sleeping[0])

    with pytest.raises((StatementCancelled, StatementError)) as caught:
        session.frame(BIG, via="inline", on_progress=listener)
    assert "was cancelled" in str(caught.value) or "KeyboardInterrupt" in str(caught.value)
    assert session.run("'in step'").text == "'in step'"
    assert len(session.frame("spark.range(3)")) == 3


def test_a_limit_holds_on_the_server_and_further_rows_are_reported(session: Session) -> None:
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


def test_a_frame_can_be_fetched_as_polars_or_arrow(session: Session) -> None:
    import polars
    import pyarrow

    assert isinstance(session.frame("spark.range(3)", library="arrow"), pyarrow.Table)
    assert isinstance(session.frame("spark.range(3)", library="polars"), polars.DataFrame)


# ------------------------------------------------------------------------------------------------ SQL
def test_each_statement_of_a_cell_has_its_result(session: Session) -> None:
    result = session.run("-- one; two\nSELECT 1 AS a; SELECT ';' AS b; -- the end\n", "sql")
    assert [table.columns(1) for table in result.tables] == [[[1]], [[";"]]]
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


# ------------------------------------------------------------------------------------------------ without PyArrow
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


@pytest.fixture
def session_to_break(session: Session, shared_session: SharedSession) -> Iterator[Session]:
    """For the last test of this file: the session has no Python after it."""
    yield session
    shared_session.close()


def test_a_shell_that_dies_while_a_frame_is_transferred_ends_in_a_clear_error(session_to_break: Session) -> None:
    session = session_to_break
    pid = int(session.run("import os; print(os.getpid())").text)

    def listener(progress: Progress) -> None:
        if progress.subject == "frame":
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(StatementError, match="The session's Python process has ended") as caught:
        session.frame(BIG, via="inline", on_progress=listener)
    assert caught.value.ename == "ProcessEnded"
    with pytest.raises(StatementError, match="%livy stop"):
        session.run("'next'")
    assert session.run("1 + 1", "spark").text.endswith("Int = 2\n")
    sql = session.run("SELECT 1 AS one", "sql")
    assert sql.frame.one[0] == 1
    assert "its Python process has ended" in sql.tables[0].more
