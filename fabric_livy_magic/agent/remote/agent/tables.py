"""Makes a table of a file in the lakehouse, with the types that the file has, or that Spark infers where it has none."""

from __future__ import annotations

from typing import Any

from .errors import Refused

NEW, OVERWRITE, APPEND = "new", "overwrite", "append"
CORRUPT = "_corrupt_record"  # the column that Spark adds for lines that are no JSON


def check(spark: Any, table: str, how: str) -> None:
    """Before the file is sent. Raises Refused where the table is there and nothing was said of it."""
    if how == NEW and _exists(spark, _quoted(table)):
        raise Refused(
            f"The table {table} exists already. `--overwrite` replaces it, `--append` adds the rows to it "
            "(`overwrite=True` and `append=True` in Python)."
        )


def make(spark: Any, path: str, file_format: str, table: str, how: str, multiline: bool = False) -> dict[str, Any]:
    """`multiline`: a JSON file that is one document. Gives the table's rows, how many of them are new, and its columns as
    (name, type)."""
    check(spark, table, how)
    name = _quoted(table)
    frame = _read(spark, path, file_format, multiline)
    before = 0
    if how == APPEND and _exists(spark, name):
        before = spark.table(name).count()
        _in_order_of(frame, spark.table(name), table).write.insertInto(name)
    elif how == OVERWRITE:
        frame.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(name)
    else:
        frame.write.saveAsTable(name)
    made = spark.table(name)
    rows = made.count()
    columns = [[field.name, field.dataType.simpleString()] for field in made.schema.fields]
    return {"rows": rows, "new": rows - before, "columns": columns}


def _read(spark: Any, path: str, file_format: str, multiline: bool) -> Any:
    reader = spark.read
    if file_format == "csv":
        # As pandas and RFC 4180 write it: quotes doubled within quotes, and line breaks.
        reader = reader.options(header=True, inferSchema=True, multiLine=True, quote='"', escape='"')
    elif file_format == "json":
        reader = reader.option("multiLine", multiline)
    frame = reader.format(file_format).load(path)
    if not frame.columns:
        raise Refused("The file has no columns, so no table can be made of it.")
    if CORRUPT in frame.columns:
        raise Refused("The file is no JSON, or has lines that are none, so no table was made of it.")
    return frame


def _in_order_of(frame: Any, existing: Any, table: str) -> Any:
    """Columns are matched by name."""
    given, wanted = {one.lower(): one for one in frame.columns}, [one.lower() for one in existing.columns]
    if set(given) != set(wanted) or len(given) != len(frame.columns):
        missing = [one for one in existing.columns if one.lower() not in given]
        more = [given[one] for one in given if one not in wanted]
        parts = [
            f"it has no {', '.join(missing)}" if missing else "",
            f"{', '.join(more)} is not in the table" if more else "",
        ]
        what = "; ".join(filter(None, parts)) or "two of its columns differ in letter case alone"
        raise Refused(f"The file's columns are not those of {table}: {what}. Nothing was added.")
    return frame.select([frame[_quoted_name(given[one])] for one in wanted])


def _exists(spark: Any, name: str) -> bool:
    return bool(spark.catalog.tableExists(name))


def _quoted(table: str) -> str:
    return ".".join(_quoted_name(part) for part in table.split("."))


def _quoted_name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
