"""Frames by files are what they are inline, on real Spark in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from fabric_livy_magic.agent.remote.agent import frame_files
from fabric_livy_magic.frames import stream_files
from fabric_livy_magic.frames.conversion import to_arrow, to_pandas
from fabric_livy_magic.frames.transfer import fetch, send
from tests.support.frame_files import read_files, request, send_files
from tests.support.in_process import InProcessAgent, spark_session
from tests.support.sample_frames import NOT_SENDABLE, SAMPLE_FRAMES, SampleFrame

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def agent() -> Iterator[InProcessAgent]:
    with spark_session("Europe/Berlin") as spark:
        yield InProcessAgent(spark)


def rows_of(sample: SampleFrame) -> list[str]:
    """The rows of its VALUES, as they are written there."""
    text = sample.sql.removeprefix("SELECT * FROM VALUES ").removesuffix(" AS t(c)")
    found, begin, depth, quote, escaped = [], 0, 0, "", False
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
            begin = place if depth == 1 else begin
        elif character == ")":
            depth -= 1
            if not depth:
                found.append(text[begin + 1 : place])
    return found


def every_type(version: tuple[int, ...], *, sendable: bool) -> str:
    """One frame with a column for each sample that has one: its values, and null below them."""
    samples = [
        sample
        for sample in SAMPLE_FRAMES
        if sample.sql.startswith("SELECT * FROM VALUES ")
        and sample.sql.endswith(" AS t(c)")
        and sample.spark <= version
        and not (sendable and sample.returned_schema == NOT_SENDABLE)
    ]
    columns = [rows_of(sample) for sample in samples]
    rows = [
        ", ".join(column[number] if number < len(column) else "null" for column in columns)
        for number in range(max(map(len, columns)))
    ]
    names = ", ".join(f"c{number}_of" for number in range(len(columns)))
    return f"SELECT * FROM VALUES {', '.join(f'({row})' for row in rows)} AS t({names})"


def version_of(agent: InProcessAgent) -> tuple[int, ...]:
    return tuple(map(int, agent.spark.version.split(".")[:2]))


def assert_same(one: pa.Table, other: pa.Table) -> None:
    assert one.schema.equals(other.schema, check_metadata=True)
    assert one.num_rows == other.num_rows
    for left, right in zip(one.columns, other.columns, strict=True):
        left.validate(full=True)
        assert left == right or str(left.to_pylist()) == str(right.to_pylist())  # NaN is not equal to itself


SHAPES = [
    "spark.sql(every_type)",
    "spark.sql('SELECT 1 a, 2.5D b, map(1, array(2)) a')",
    "spark.sql('SELECT 1 a WHERE false')",
    "spark.range(3).select()",
    "spark.range(0).select()",
    "spark.range(0, 20001, 1, 5).selectExpr('id', 'named_struct(\"x\", id, \"x\", -id) AS s')",
    "spark.range(0, 9, 1, 3).where('id > 5')",
    "spark.range(10).groupBy('id').count().orderBy('id', ascending=False)",
]


@pytest.mark.parametrize("expression", SHAPES)
def test_a_frame_of_files_is_the_frame_that_comes_inline(
    agent: InProcessAgent, expression: str, tmp_path: Path
) -> None:
    agent.namespace["every_type"] = every_type(version_of(agent), sendable=False)
    inline_header = agent("open_expression", expression, None)
    header = agent("open_expression", expression, None, request(tmp_path / "down"))
    by_files, more = read_files(header, tmp_path / "down")
    assert not more
    assert header["schema"] == inline_header["schema"]
    assert_same(by_files, fetch(agent, inline_header))


@pytest.mark.parametrize("expression", [SHAPES[0], *SHAPES[2:4], SHAPES[5]])
def test_a_frame_sent_by_files_is_the_frame_that_is_sent_inline(
    agent: InProcessAgent, expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_files, "SENT_TOGETHER_BYTES", 100_000)
    monkeypatch.setattr(frame_files, "COLLECTED_AT_ONCE_BYTES", 250_000)
    agent.namespace["every_type"] = every_type(version_of(agent), sendable=True)
    header = agent("open_expression", expression, None)
    table = to_arrow(to_pandas(fetch(agent, header), header["schema"]))
    assert send_files(agent, table, "by_files", tmp_path / "up") == send(agent, table, "inline")
    assert_same(*(fetch(agent, agent("open_expression", name, None)) for name in ("by_files", "inline")))


def test_the_columns_of_every_type_have_their_values(agent: InProcessAgent) -> None:
    """The frame of the two tests above is what it is said to be."""
    table = fetch(agent, agent("open_sql", every_type(version_of(agent), sendable=False)))
    assert table.num_columns > 40
    assert len({str(column.type) for column in table.columns}) > 30


# ------------------------------------------------------------------------------------------------ which road
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("expression", "in_files"),
    [
        ("spark.range(1000)", False),
        ("spark.range(400_000)", True),
        ("spark.range(400_000).where('id % 100 = 0')", False),
        ("spark.range(400_000).groupBy().count()", False),
        ("spark.range(1000).crossJoin(spark.range(1000).toDF('b')).where('id = b')", False),
        ("spark.range(30_000).selectExpr('repeat(id, 20) AS s')", True),
    ],
)
def test_a_frame_becomes_files_where_it_is_large_by_measure(
    agent: InProcessAgent, expression: str, in_files: bool, tmp_path: Path
) -> None:
    header = agent("open_expression", expression, None, request(tmp_path / "down", MIB))
    assert ("files" in header, (tmp_path / "down").exists()) == (in_files, in_files)
    table = read_files(header, tmp_path / "down")[0] if in_files else fetch(agent, header)
    assert_same(table, fetch(agent, agent("open_expression", expression, None)))


def test_an_expensive_frame_is_computed_once(agent: InProcessAgent, tmp_path: Path) -> None:
    calls = agent.spark.sparkContext.accumulator(0)

    def counted(value: int) -> int:
        calls.add(1)
        return value

    agent.spark.udf.register("counted_once", counted, "int")
    for number, limit in ((1, "id >= 0"), (2, "id < 10")):
        expression = f"spark.range(200_000).where('{limit}').selectExpr('counted_once(id) AS n', 'id')"
        before = calls.value
        header = agent("open_expression", expression, None, request(tmp_path / str(number), MIB))
        assert ("files" in header) == (number == 1)
        assert calls.value - before == (200_000 if number == 1 else 10)


@pytest.mark.parametrize("above_bytes", [0, 1000])
def test_a_frame_of_the_sessions_python_becomes_a_file(agent: InProcessAgent, above_bytes: int, tmp_path: Path) -> None:
    words = [f"word {number}" for number in range(5000)]
    agent.namespace["local"] = pd.DataFrame({"n": range(5000), "k": pd.Categorical(words)})
    header = agent("open_expression", "local", 4000, request(tmp_path / "down", above_bytes))
    by_file, more = read_files(header, tmp_path / "down")
    assert (by_file.num_rows, more) == (4000, True)
    assert_same(by_file, fetch(agent, agent("open_expression", "local", 4000)))


def test_a_limit_cuts_what_came_by_files(agent: InProcessAgent, tmp_path: Path) -> None:
    header = agent("open_expression", "spark.range(0, 20_000, 1, 3)", 5000, request(tmp_path / "down"))
    table, more = read_files(header, tmp_path / "down", 5000)
    assert (table["id"].to_pylist(), more) == (list(range(5000)), True)


def test_files_can_be_read_back_for_a_client_without_access_to_them(agent: InProcessAgent, tmp_path: Path) -> None:
    header = agent("open_expression", "spark.range(0, 20_000, 1, 3)", None, request(tmp_path / "down"))
    again = agent("open_files", header, 10_000)
    assert fetch(agent, again)["id"].to_pylist() == list(range(10_000))
    assert again["more"]
    assert not (tmp_path / "down").exists()


@pytest.mark.parametrize("above_bytes", [0, 1000])
def test_a_frame_that_fails_leaves_no_files(agent: InProcessAgent, above_bytes: int, tmp_path: Path) -> None:
    failing = "spark.range(0, 20_000, 1, 3).selectExpr('IF(id = 19_999, raise_error(\"too far\"), id) AS n')"
    with pytest.raises(Exception, match="too far"):
        agent("open_expression", failing, None, request(tmp_path / "own" / "frames" / "down", above_bytes))
    assert list(tmp_path.iterdir()) == []


def test_a_lakehouse_that_cannot_be_written_leaves_large_frames_inline(agent: InProcessAgent, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    header = agent("open_expression", "spark.range(400_000)", None, request(tmp_path / "file" / "down", MIB))
    assert fetch(agent, header).num_rows == 400_000
    with pytest.raises(Exception, match="file"):
        agent("open_expression", "spark.range(400_000)", None, request(tmp_path / "file" / "down"))


def test_the_folder_goes_with_a_session_whose_client_was_killed(agent: InProcessAgent, tmp_path: Path) -> None:
    agent("open_expression", "spark.range(9)", None, request(tmp_path / "down"))
    jvm = agent.spark._jvm
    folder = jvm.org.apache.hadoop.fs.Path((tmp_path / "down").as_uri())
    assert folder.getFileSystem(agent.spark._jsc.hadoopConfiguration()).cancelDeleteOnExit(folder)
