"""Cells and frames through the agent, on the embedded Fabric and on its Livy dialect with Livy's bugs."""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import signal
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fabric_livy_magic import connect
from fabric_livy_magic.agent.client import call_text, read_reply
from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import FrameError, HttpError, SettingsError, StatementCancelled, StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.running.results import Printed, Result, Shown, Table
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support import service

pytestmark = pytest.mark.spark
SERVERS = {"Fabric": (), "Livy with its bugs": ("--dialect", "livy", "--quirks")}


@pytest.fixture(scope="module", params=SERVERS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    options = ("--token", service.TOKEN, *SERVERS[request.param])
    with service.serving(tmp_path_factory.mktemp("house"), options) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        patch.setenv("FABRIC_LIVY_PASSWORD", service.TOKEN)
        with connect(api.base, livy_user="me") as started:
            yield started


def streams(result: Result) -> list[tuple[str, str]]:
    return [(part.stream, part.text) for part in result.parts if isinstance(part, Printed)]


def bundles(result: Result) -> list[dict[str, Any]]:
    return [dict(part.data) for part in result.parts if isinstance(part, Shown)]


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


def test_a_handler_that_kept_the_stream_of_an_earlier_cell_writes_to_the_running_one(session: Session) -> None:
    session.run("import logging; log = logging.getLogger('mine'); log.addHandler(logging.StreamHandler())")
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
        "Traceback (most recent call last):",
        "    f(0)",
        "    return 1 / x",
        "ZeroDivisionError: division by zero",
    ]


def test_frames_of_libraries_are_left_out_and_can_be_had(session: Session) -> None:
    with pytest.raises(StatementError) as caught:
        session.run("spark.sql('SELECT nope')")
    short = caught.value._render_traceback_()
    short = [line for line in short if line.strip("~^ ")]  # marks below the line, from Python 3.11 or 3.13 on
    assert short[:3] == ["Traceback (most recent call last):", short[1], "    spark.sql('SELECT nope')"]
    assert short[3].startswith("AnalysisException: [UNRESOLVED_COLUMN")
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
    """Sent again since its answer was lost, and the first one came late."""
    session.run("runs = 0")
    request, code = uuid.uuid4().hex, "runs = runs + 1\nruns"
    twice = [session.remote.run(call_text(request, "cell", (code, 20)), "pyspark") for _ in range(2)]
    for statement in twice:
        assert statement.output is not None
        assert read_reply(statement.output.text, request) is not None
    assert session.run("runs").text == "1"


@pytest.mark.parametrize("stray", ["one\\n", "one\\ntwo\\nthree\\n"])
def test_a_shell_that_got_stray_lines_is_realigned_and_no_cell_gets_anothers_output(
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
def test_names_that_user_code_hides_do_not_matter_and_none_is_left(session: Session) -> None:
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


def test_pandas_frames_come_as_html_and_text(session: Session) -> None:
    (bundle,) = bundles(session.run("import pandas as pd\npd.DataFrame({'a': [1]})"))
    assert set(bundle) == {"text/html", "text/plain"}


def test_a_spark_dataframe_is_shown_as_its_first_rows(session: Session) -> None:
    result = session.run("df = spark.range(1000).selectExpr('id', 'cast(id as string) AS name')\ndf")
    (table,) = result.tables
    assert (table.fields, table.rows, table.more) == ([("id", "long"), ("name", "string")], 20, "there are more rows")
    assert table.head(2) == [[0, "0"], [1, "1"]]


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
