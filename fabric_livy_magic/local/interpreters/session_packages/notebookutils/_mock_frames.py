"""Rows of a mock, from a file beside it or from itself, as a pandas or as a Spark DataFrame."""

from __future__ import annotations

import json
from typing import Any

from notebookutils._errors import NotebookUtilsError

FORMATS = (".csv", ".json", ".parquet")


def value_of(entry: Any) -> Any:
    """For Python: `value` as it is, `rows` and `file` as a pandas DataFrame."""
    import pandas

    values = entry.values
    if "value" in values:
        return values["value"]
    if "rows" in values:
        return pandas.DataFrame(values["rows"])
    if "file" not in values:
        return None
    path = entry.path()
    if ending(entry) == ".csv":
        return pandas.read_csv(path)
    return pandas.read_parquet(path) if ending(entry) == ".parquet" else pandas.DataFrame(records(path))


def spark_frame(spark: Any, entry: Any) -> Any:
    values, schema = entry.values, entry.values.get("schema")
    if "rows" in values:
        return spark.createDataFrame(values["rows"], schema) if values["rows"] else spark.createDataFrame([], schema)
    if "file" not in values:
        raise NotebookUtilsError(f"{entry.file}: a mock that is read has file = … or rows = […].")
    path, kind = f"file://{entry.path()}", ending(entry)
    reader = spark.read.schema(schema) if schema else spark.read
    if kind == ".parquet":
        return reader.parquet(path)
    if kind == ".json":
        with open(entry.path(), encoding="utf-8-sig") as opened:
            is_array = opened.read(4096).lstrip().startswith("[")
        return reader.option("multiLine", is_array).json(path)
    return reader.option("header", True).option("inferSchema", not schema).csv(path)


def ending(entry: Any) -> str:
    found = next((one for one in FORMATS if entry.path().lower().endswith(one)), "")
    if not found:
        raise NotebookUtilsError(f"{entry.file}: {entry.values['file']} ends in none of {', '.join(FORMATS)}.")
    return found


def records(path: str) -> Any:
    """A list of objects, or one object on each line."""
    with open(path, encoding="utf-8-sig") as opened:
        text = opened.read()
    return json.loads(text) if text.lstrip().startswith("[") else [*map(json.loads, text.splitlines())]
