"""What a notebook's cells have without asking for it. This text goes before them where they run as a batch, so it stands alone."""

from pyspark.sql import DataFrame, SparkSession

ROWS_SHOWN = 20

spark = SparkSession.builder.getOrCreate()
sc = spark.sparkContext


def display(*values, **_options):  # type: ignore[no-untyped-def]
    """Prints them: a batch has a log, and nothing else to show anything in."""
    for value in values:
        if isinstance(value, DataFrame):
            value.show(ROWS_SHOWN)
        elif value is not None:
            print(value if isinstance(value, str) else repr(value))  # noqa: T201


def run_sql(text, /, **values):  # type: ignore[no-untyped-def]
    """One statement, with the values of its `:name` markers."""
    return spark.sql(text, args=values) if values else spark.sql(text)


# The notebook's cells follow.
