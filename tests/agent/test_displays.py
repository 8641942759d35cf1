"""What a cell shows, and the value of its last line, through the agent in a session."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.output.results import Look, part_bundle
from fabric_livy_magic.output.values import spark_text
from fabric_livy_magic.running.kinds.sql import MOST_BYTES_LOOKED_AT
from fabric_livy_magic.running.results import Printed, Shown
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support.parts import bundles, streams
from tests.support.result_pages import data_of

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ displays
def test_display_shows_whole_bundles_in_their_place(session: Session) -> None:
    result = session.run(
        "class Both:\n"
        "    def _repr_html_(self): return '<b>both</b>'\n"
        "    def _repr_png_(self): return b'png'\n"
        "    def __repr__(self): return 'Both()'\n"
        "print('a')\ndisplay(Both())\nprint('b')\ndisplayHTML('<i>x</i>')\nBoth()"
    )
    both = {"text/html": "<b>both</b>", "image/png": "cG5n", "text/plain": "Both()"}
    assert bundles(result) == [both, {"text/html": "<i>x</i>", "text/plain": "<HTML>"}, both]
    assert streams(result) == [("stdout", "a\n"), ("stdout", "b\n")]


def test_figures_are_shown_at_the_end_of_the_cell_without_any_magic(session: Session) -> None:
    result = session.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.figure()\nplt.plot([2, 1]);")
    assert [base64.b64decode(one["image/png"])[:4] for one in bundles(result)] == [b"\x89PNG"] * 2
    assert session.run("plt.get_fignums()").text == "[]"


def test_show_shows_a_figure_at_once_and_without_a_warning(session: Session) -> None:
    result = session.run("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint('after')")
    assert [type(part) for part in result.parts] == [Shown, Printed]


def test_figures_of_plotly_are_shown_below_the_cell(session: Session, tmp_path: Path) -> None:
    package = tmp_path / "plotly" / "io"  # its show, for figures that have no other way
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text("def show(figure, *more, **options): raise OSError('no browser')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport plotly.io as pio\nclass Figure:\n"
    code += "    def _repr_html_(self): return '<div>figure</div>'\n    def show(self): pio.show(self, renderer='x')\n"
    shown = bundles(session.run(code + "Figure().show()"))
    assert [one["text/html"] for one in shown] == ["<div>figure</div>"]
    session.run("sys.path.pop(0); del sys.modules['plotly.io'], sys.modules['plotly']")


def test_a_figure_of_plotly_is_drawn_by_the_front_end(session: Session) -> None:
    code = "import plotly.graph_objects as go\nfigure = go.Figure(go.Bar(y=[1, 2]))\nfigure.show()\nfigure"
    shown = bundles(session.run(code))
    assert len(shown) == 2
    for one in shown:
        assert one["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"
        assert "<div" in one["text/html"]


def test_pandas_frames_come_as_html_and_text(session: Session) -> None:
    (bundle,) = bundles(session.run("import pandas as pd\npd.DataFrame({'a': [1]})"))
    assert set(bundle) == {"text/html", "text/plain"}


def test_a_spark_dataframe_is_shown_as_its_first_rows(session: Session) -> None:
    result = session.run("df = spark.range(5000).selectExpr('id', 'cast(id as string) AS name')\ndf")
    (table,) = result.tables
    assert (table.fields, table.rows, table.more) == ([("id", "long"), ("name", "string")], 1000, "there are more rows")
    assert table.columns(2) == [[0, 1], ["0", "1"]]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import asyncio\nawait asyncio.sleep(0, 'awaited')", "'awaited'"),
        ("40 + 2;", ""),
        ("'a;b'", "'a;b'"),
        ("x = 1", ""),
        ("# nothing", ""),
        ("_ = 5\n'ü€😀'", "'ü€😀'"),
        ('print("""a\n\\t"b\'""")', "a\n\t\"b'"),
        ("[1, {'b': 2}]", "[1, {'b': 2}]"),
        ("print('\\ud800')", "\\ud800"),
    ],
)
def test_the_last_line_is_shown_as_in_a_notebook(session: Session, code: str, text: str) -> None:
    assert session.run(code).text == text


def test_input_is_refused_with_what_to_do(session: Session) -> None:
    with pytest.raises(StatementError, match="input\\(\\) cannot be answered here"):
        session.run("input('name? ')")


def test_plain_cells_are_livys_own(session: Session) -> None:
    assert session.run("print('a')\n1", plain=True).output is not None


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
    result = run_cell(session.repl, Cell(kind="pyspark", code=code, output="kept")).value()
    assert (result if isinstance(result, str) else result["id"].tolist()) == value


def test_large_previews_all_have_room_in_one_reply_with_fewer_rows_each(session: Session) -> None:
    code = "from pyspark.sql import functions as F\nwide = spark.range(20).select(F.expr('array_join(transform(sequence(1, 20000), i -> sha2(cast(i * id as string), 256)), \"\")').alias('x'))\nfor _ in range(4): display(wide)"
    result = session.run(code)
    rows = [table.rows for table in result.tables]
    assert len(rows) == 4
    assert 20 > rows[0] >= rows[1] >= rows[2] >= rows[3] >= 1
    assert {table.more for table in result.tables} == {"there are more rows"}
    assert streams(result) == []


def test_a_row_that_is_too_large_for_a_reply_is_not_shown_and_that_is_said(session: Session) -> None:
    code = "from pyspark.sql import functions as F\nspark.range(1).select(F.expr('array_join(transform(sequence(1, 300000), i -> sha2(cast(i as string), 256)), \"\")').alias('x'))"
    (table,) = session.run(code).tables
    assert (table.rows, table.more) == (0, "there are more rows")


def test_what_a_large_table_has_for_the_eye_is_within_bounds_and_the_whole_goes_into_a_variable(
    session: Session,
) -> None:
    """A thousand rows are looked at, of 13 KB each."""
    text = "SELECT array_join(transform(sequence(1, 200), i -> sha2(cast(i * id as string), 256)), '') AS x FROM range(1000)"
    (looked_at,) = run_cell(session.repl, Cell(kind="sql", code=text), rows_needed=1000).tables
    assert 1 <= looked_at.rows < 1000
    assert looked_at.received_bytes is not None
    assert looked_at.received_bytes <= MOST_BYTES_LOOKED_AT
    assert (looked_at.more, looked_at.statement is not None) == ("there are more rows", True)
    (whole,) = session.run(text, "sql").tables
    assert (whole.rows, whole.more) == (1000, "")


def test_rows_too_large_for_spark_to_collect_a_thousand_are_shown_as_the_first_twenty(session: Session) -> None:
    """Pictures, for one: a driver collects a GiB at most, of which a thousand of a MiB are too many."""
    setting = "spark.sparkContext._jsc.sc().conf().set('spark.driver.maxResultSize', '{}')"
    text = "SELECT array_join(transform(sequence(1, 200), i -> sha2(cast(i * id as string), 256)), '') AS x FROM range(2000)"
    session.run(setting.format("1m"))
    try:
        (displayed,) = session.run(f"spark.sql({text!r})").tables
        (queried,) = run_cell(session.repl, Cell(kind="sql", code=text), rows_needed=1000).tables
    finally:
        session.run(setting.format("1g"))
    assert (displayed.rows, displayed.more) == (queried.rows, queried.more) == (20, "there are more rows")


def test_a_vector_of_sparks_ml_reads_as_spark_shows_it(session: Session) -> None:
    code = (
        "from pyspark.ml.linalg import Vectors\n"
        "vectors = spark.createDataFrame([(Vectors.dense([1.0, 0.5]),), (Vectors.sparse(3, {1: 2.0}),)], ['v'])\n"
        "vectors.show()\nvectors"
    )
    result = session.run(code)
    by_spark = [line.strip("|").strip() for line in result.text.splitlines()[3:5]]
    bundle = part_bundle(result.tables[-1], Look(10, 1000))
    assert bundle["text/plain"].splitlines()[2:4] == by_spark
    assert data_of(bundle["text/html"])["data"] == [by_spark]
    assert ">v<br><span>vector</span>" in bundle["text/html"]
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


def test_years_that_python_has_not_are_shown_as_spark_shows_them(session: Session) -> None:
    values = [
        "make_date(290000, 1, 1)",
        "make_date(-5, 12, 31)",
        "make_timestamp(12345, 1, 2, 3, 4, 5.678901)",
        "make_timestamp_ntz(-290000, 1, 2, 3, 4, 5)",
        "array(make_date(12345, 1, 1), make_date(2024, 1, 1))",
        "named_struct('d', make_date(12345, 1, 1), 'n', 1)",
        "map('k', make_timestamp(-3, 1, 1, 1, 1, 0))",
        "make_date(2024, 1, 31)",
    ]
    columns = ", ".join(f"{value} AS c{number}" for number, value in enumerate(values))
    code = f"far = spark.sql({f'SELECT {columns}'!r})\nfar.show(truncate=False)\nfar"
    result = session.run(code)
    by_spark = result.text.splitlines()[3].strip("|").split("|")
    (table,) = result.tables
    shown = [
        spark_text(value, of) for value, of in zip((one[0] for one in table.columns(1)), table.spark_types, strict=True)
    ]
    assert shown == [text.strip() for text in by_spark]
