"""The options of a parser, and the uses of those of the magics that need real Spark, for tests/magics."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping


def spellings(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """(longest spelling, all spellings) of each documented option but help: those without a help text are refused ones."""
    for action in parser._actions:
        is_documented = action.dest not in {"help", "version"} and action.help != argparse.SUPPRESS
        if action.option_strings and is_documented:
            yield max(action.option_strings, key=len), list(action.option_strings)


# (magic, option or argument) → cells, each with what the text of the last one shows. Run in tests/magics/test_in_a_kernel.py, where
# `side` is a second session.
SPARK_USES: Mapping[tuple[str, str], list[tuple[str, str]]] = {
    ("%%livy_sql", "--parameter"): [
        ("%%livy_sql -p floor=10 -p name='it'\"'\"'s'\nSELECT :floor + 1 AS n, :name AS name", "11  it's"),
        ('%%livy_sql --parameter "days=[1, 2]"\nSELECT size(:days) AS n', "2"),
        ("%livy_sql -p floor=2*3 SELECT :floor AS n", "6"),
    ],
    ("%%livy_sql", "--chart"): [
        (
            "%%livy_sql -p kinds=['a','b'] --chart bar x=kind y=n by=half agg=avg top=5\n"
            "SELECT explode(:kinds) AS kind, id AS n, id % 2 AS half FROM range(4)",
            "avg(n) by kind, by half",
        ),
        ("%%livy_sql --chart pie x=id -o drawn\nSELECT 1 AS first; SELECT id FROM range(3)", "3 rows"),
        ("drawn.rows.tolist()", "[1, 1, 1]"),
    ],
    ("%%livy_pyspark", "--chart"): [
        (
            "%%livy_pyspark --chart hist x=n bins=2 -o counts\nprint('before')\nspark.range(4).toDF('n')",
            "0 to 2  2  ████",
        ),
        ("counts.columns.tolist()", "['from', 'to', 'rows']"),
        (
            "%%livy_pyspark --chart scatter x=a y=b\nimport pandas\npandas.DataFrame({'a': [1, 2], 'b': [3, 4]})",
            "b over a",
        ),
    ],
    ("%livy debug", "--port"): [("%livy debug --port 45991", '"port": 45991')],
    ("%livy debug", "verb"): [("%livy debug stop", "No debugger can attach any more.")],
    ("%livy debug", "--session"): [
        ("%livy debug -s side", "session 'side': 127.0.0.1:"),
        ("%livy debug stop --session side", "No debugger can attach any more."),
    ],
    ("%%livy_sql", "--via"): [
        ("%%livy_sql --via onelake -o by_files\nSELECT id FROM range(3)", "3 rows"),
        ("%%livy_sql -o inline --via inline\nSELECT id FROM range(3)", "3 rows"),
        ("by_files.equals(inline)", "True"),
        ("got = %livy_sql --via auto SELECT 1 AS n\nlen(got)", "1"),
    ],
    ("%%livy_pyspark", "--via"): [
        ("%%livy_pyspark --via onelake -o by_files\nspark.range(4)", "4 rows"),
        ("len(by_files)", "4"),
    ],
    ("%%livy_spark", "--via"): [
        ("%%livy_spark --via onelake -o by_files\nval five = spark.range(5).toDF", ""),
        ("len(by_files)", "5"),
    ],
    ("%livy get", "--via"): [
        ("%livy get spark.range(3) --via onelake -o got\nlen(got)", "3"),
        ("%livy get --via inline spark.range(2)", "2 rows"),
    ],
    ("%livy get", "expression"): [("%livy get spark.range(3)", "3 rows")],
    ("%livy get", "--output"): [
        ("%livy get spark.range(3) -o got\ntype(got).__name__", "'DataFrame'"),
        ("%livy get --output got spark.range(4)\nlen(got)", "4"),
    ],
    ("%livy get", "--limit"): [
        ("%livy get spark.range(9) -n 2", "there are more rows"),
        ("%livy get --limit 2 spark.range(9) -o got\nlen(got)", "2"),
    ],
    ("%livy get", "--arrow"): [("%livy get spark.range(3) -o got --arrow\ntype(got).__name__", "'Table'")],
    ("%livy get", "--polars"): [("%livy get --polars -o got spark.range(3)\ntype(got).__module__[:6]", "'polars'")],
    ("%livy get", "--session"): [
        ("%%livy_pyspark -s side\nonly_there = spark.range(5)", ""),
        ("%livy get only_there -s side", "5 rows"),
        ("%livy get --session side only_there", "5 rows"),
    ],
    ("%livy explore", "name"): [
        ("%%livy_pyspark\nspark.range(9).toDF('a b').createOrReplaceTempView('`nine rows`')", ""),
        ("%livy explore `nine rows`", "`nine rows`: its controls need a front end"),
        ("%livy explore 'nine rows'", "%%livy_sql --chart hist 'x=a b'\nSELECT * FROM `nine rows`"),
    ],
    ("%livy explore", "--profile"): [("%livy explore `nine rows` --profile", "9 rows · 1 column")],
    ("%livy explore", "--session"): [
        ("%%livy_pyspark -s side\nonly_here = spark.range(5)", ""),
        ("%livy explore -s side only_here", "%%livy_pyspark -s side --chart hist x=id\nonly_here"),
        ("%livy explore only_here --session side --profile", "only_here · 5 rows"),
    ],
    ("%livy put", "frame"): [("import pandas\nsent = pandas.DataFrame({'a': [1, 2]})\n%livy put sent", "sent: 2 rows")],
    ("%livy put", "--as"): [('%livy put "sent.head(1)" --as first_one', "first_one: 1 rows")],
    ("%livy put", "--via"): [
        ("%livy put sent --via onelake --as by_files", "by_files: 2 rows (a long)"),
        ("%%livy_sql\nSELECT sum(a) AS n FROM by_files", "3"),
        ("%livy files ls", "Nothing is in Files."),
    ],
    ("%livy put", "--session"): [
        ("%livy put sent -s side", "sent: 2 rows"),
        ("%livy put --session side sent --as other", "other: 2 rows"),
        ("%%livy_sql -s side\nSELECT count(*) AS n FROM other", "2"),
    ],
    ("%livy upload", "file"): [
        (
            "sent.to_csv('up.csv', index=False)\n%livy upload up.csv --table up_csv",
            "up_csv: 2 rows (a int), a table made of up.csv, types inferred by Spark",
        ),
        (
            "import pandas\npandas.DataFrame({'t': pandas.to_datetime(['2024-01-01 10:00'])}).to_parquet('up.parquet')\n"
            "%livy upload up.parquet --table up_parquet",
            "up_parquet: 1 row (t timestamp_ntz), a table made of up.parquet",
        ),
        (
            "sent.to_json('up.json', orient='records', indent=1)\n%livy upload up.json --table up_json",
            "up_json: 2 rows (a bigint)",
        ),
    ],
    ("%livy upload", "--table"): [
        ("%livy upload sent --table up_frame", "up_frame: 2 rows (a bigint), a table made of sent"),
        ("%%livy_sql\nSELECT sum(a) AS n FROM up_frame", "3"),
    ],
    ("%livy upload", "--append"): [
        ("%livy upload sent --table up_frame --append", "up_frame: 2 rows of sent added, 4 rows now"),
    ],
    ("%livy upload", "--overwrite"): [
        ("%livy upload sent --table up_frame --overwrite", "up_frame: 2 rows (a bigint)"),
        ("%livy files ls", "Nothing is in Files."),
    ],
    ("%livy upload", "--session"): [
        ("%livy upload sent -s side --table up_side", "up_side: 2 rows"),
        ("%livy upload sent --session side --table up_side --overwrite", "up_side: 2 rows"),
    ],
    ("%livy schema", "table"): [("%livy schema sent", "bigint")],
}
