"""Columns and keys within quotes, with PySpark's own classes in this process; no Spark is started."""

from __future__ import annotations

from typing import Any

import pytest

from fabric_livy_magic.agent.remote.agent import introspection

pytestmark = pytest.mark.spark
sql = pytest.importorskip("pyspark.sql")
functions = pytest.importorskip("pyspark.sql.functions")


class Trips(sql.DataFrame):  # type: ignore[misc]
    """A frame of Spark, without one."""

    columns = ("id", "fare amount")

    def __new__(cls) -> Trips:
        return object.__new__(cls)

    def __init__(self) -> None:
        pass


NAMESPACE: dict[str, Any] = {
    "df": Trips(),
    "F": functions,
    "row": sql.Row(town="x", people=1),
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('df["', ["id", "fare amount"]),
        ("df['f", ["fare amount"]),
        ('df[["id", "', ["id", "fare amount"]),
        ('x = "it\'s"  # isn\'t\ndf["', ["id", "fare amount"]),
        ("f\"{df['", ["id", "fare amount"]),
        ("f\"{{df['", []),
        ('print(df["', ["id", "fare amount"]),
        ('df.filter(df.id > 1)["', ["id", "fare amount"]),
        ('df.select("', ["id", "fare amount"]),
        ('df.select(F.col("id"), "', ["id", "fare amount"]),
        ('df.select(["id",\n  "i', ["id"]),
        ('df.select(*["', ["id", "fare amount"]),
        ("df.where('id > 1').groupBy(\"", ["id", "fare amount"]),
        ("df.groupBy('id').agg({\"", ["id", "fare amount"]),
        ('df.fillna(0, subset=["', ["id", "fare amount"]),
        ('df.withColumn("', ["id", "fare amount"]),
        ('F.upper("', ["id", "fare amount"]),
        ('F.lit("', []),
        ('row["', ["town", "people"]),
    ],
)
def test_a_text_is_completed_by_the_columns_that_fit(code: str, expected: list[str]) -> None:
    assert [text for text, _ in introspection.complete(NAMESPACE, code)["matches"]] == expected
