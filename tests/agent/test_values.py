"""Values in a table as Spark itself shows them."""

from __future__ import annotations

import pytest

from fabric_livy_magic.output.values import spark_text
from fabric_livy_magic.running.results import Table
from fabric_livy_magic.sessions.session import Session

pytestmark = pytest.mark.spark

EXPRESSIONS = [
    *["true", "CAST(NULL AS BOOLEAN)", "array(true, NULL, false)", "X'31CAFE'", "X''", "array(X'00', X'FF')"],
    *["map('a', 1, 'b', NULL)", "map_filter(map('a', 1), (k, v) -> false)", "map(1, map('x', true))", "array(map('k', 1.5))", "array()", "array(array(1), NULL)"],
    *["struct(1 AS a, 'x y' AS b)", "named_struct('a', NULL, 'b', true)", "struct(struct(X'01' AS x) AS s, map('k', 2) AS m)"],
    *["array(struct(1 AS a))", "CAST(NULL AS STRUCT<a: INT>)", "'null'", "''", "'a, b'", "DATE'2024-02-29'"],
    *["TIMESTAMP'2024-02-29 10:11:12.5'", "TIMESTAMP_NTZ'2024-02-29 00:00:00'", "array(TIMESTAMP'2024-02-29 10:11:12')"],
    *["1.10BD", "CAST(1e-7 AS DECIMAL(20, 10))", "0.5D", "1D", "1e-3D", "1e-4D", "-123456789.25D", "1e7D", "9999999D", "-0D"],
    *["CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)", "CAST(NULL AS DOUBLE)", "array(1e10D, NULL, 0.1D)"],
    *["CAST(0.1 AS FLOAT)", "CAST(1e10 AS FLOAT)", "CAST(16777216 AS FLOAT)", "CAST(3.4e38 AS FLOAT)", "array(CAST(0.1 AS FLOAT))"],
    *["INTERVAL '1 02:03:04.5' DAY TO SECOND", "INTERVAL '-26' HOUR", "INTERVAL '3:04' HOUR TO MINUTE", "INTERVAL 5 DAY"],
    *[f"CAST(NULL AS {kind})" for kind in ("STRING", "INT", "FLOAT", "DECIMAL(9, 2)", "DATE", "TIMESTAMP", "BINARY", "ARRAY<STRING>")],
    *["array('a', NULL)", "map('a', CAST(NULL AS STRING))", "map('a', CAST('NaN' AS DOUBLE))"],
    *["INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '-14' MONTH", "INTERVAL 3 YEAR", "CAST(7 AS TINYINT)", "123456789012L"],
]  # fmt: skip
# Livy's SQL fails for a TIMESTAMP_NTZ, has texts of its own for intervals, and null for what JSON has no number for.
NOT_IN_LIVYS_JSON = ("INTERVAL", "TIMESTAMP_NTZ", "11:12.5", "'NaN'", "'Infinity'")
IN_LIVYS_JSON = [text for text in EXPRESSIONS if not any(part in text for part in NOT_IN_LIVYS_JSON)]


def query(expressions: list[str]) -> str:
    return f"SELECT {', '.join(f'{text} AS c{number}' for number, text in enumerate(expressions))}"


QUERY = query(EXPRESSIONS)


def texts_of(table: Table) -> list[str]:
    row = [column[0] for column in table.columns(1)]
    return [spark_text(value, of) for value, of in zip(row, table.spark_types, strict=True)]


@pytest.fixture(scope="module")
def as_spark_shows(session: Session) -> list[str]:
    printed = session.run(f'spark.sql("""{QUERY}""").show(truncate=False, vertical=True)').text
    return [line.partition("|")[2].strip() for line in printed.strip().splitlines()[1:]]


def test_a_frame_reads_as_spark_shows_it(session: Session, as_spark_shows: list[str]) -> None:
    (table,) = session.run(f'spark.sql("""{QUERY}""")').tables
    assert dict(zip(EXPRESSIONS, texts_of(table), strict=True)) == dict(zip(EXPRESSIONS, as_spark_shows, strict=True))


def test_livys_own_sql_result_reads_as_spark_shows_it(session: Session, as_spark_shows: list[str]) -> None:
    (table,) = session.run(query(IN_LIVYS_JSON), "sql", plain=True).tables
    spark = dict(zip(EXPRESSIONS, as_spark_shows, strict=True))
    assert dict(zip(IN_LIVYS_JSON, texts_of(table), strict=True)) == {text: spark[text] for text in IN_LIVYS_JSON}
