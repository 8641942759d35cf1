"""Completions and descriptions of the session's names. No user code runs, except for the properties on the requested path."""

from __future__ import annotations

import builtins
import inspect
import keyword
import os
import re
import types
from typing import Any, Iterable

from . import cursor, display, expression_types

MOST_MATCHES = 500
PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
ATTRIBUTE = re.compile(r"\.(\w*)$")
NAME = re.compile(r"(?<![\w.)\]'\"])([A-Za-z_]\w*)?$")
COLUMN_WORDS = {
    "agg", "approxQuantile", "asc", "asc_nulls_first", "asc_nulls_last", "avg", "bucketBy", "col", "colRegex", "column", "corr",
    "count", "countDistinct", "count_distinct", "cov", "crosstab", "cube", "desc", "desc_nulls_first", "desc_nulls_last",
    "describe", "drop", "dropDuplicates", "drop_duplicates", "dropna", "fill", "fillna", "freqItems", "groupBy", "groupby", "join",
    "max", "mean", "melt", "merge", "min", "orderBy", "partitionBy", "pivot", "repartition", "repartitionByRange", "replace",
    "rollup", "select", "set_index", "sort", "sortBy", "sortWithinPartitions", "sort_values", "sum", "unpivot", "withColumn",
    "withColumnRenamed", "withColumns", "withColumnsRenamed",
}  # fmt: skip
KEY_WORDS = {"get", "pop", "setdefault"}
FUNCTIONS = "pyspark.sql.functions"
NO_COLUMN_WORDS = {"expr", "from_csv", "from_json", "lit", "pandas_udf", "udf"}  # functions that take other texts first


def complete(namespace: dict[str, Any], before: str) -> dict[str, Any]:
    """{start, matches: [[text, type]]} for the text before the cursor; `start` is where the match begins in it."""
    at = cursor.cursor_after(before)
    if at.string >= 0:
        candidates = [(name, "column") for name in texts_at(namespace, before, list(at.brackets))]
        return matches(before, before[at.string :], candidates)
    if found := ATTRIBUTE.search(before):
        owner = expression_types.infer(namespace, expression_types.expression_before(before[: found.start()]))
        return matches(before, found[1], attributes_of(owner, found[1].startswith("_")))
    if found := NAME.search(before):
        return matches(before, found[1] or "", all_names(namespace, (found[1] or "").startswith("_")))
    return {"start": len(before), "matches": []}


def matches(before: str, prefix: str, candidates: Iterable[tuple[str, str]]) -> dict[str, Any]:
    matching = [[text, kind] for text, kind in candidates if text.startswith(prefix)]
    return {"start": len(before) - len(prefix), "matches": matching[:MOST_MATCHES]}


def value_of(namespace: dict[str, Any], path: str) -> Any:
    """None where there is no such name."""
    first, *rest = path.split(".")
    value = namespace.get(first, getattr(builtins, first, None))
    for name in rest:
        try:
            value = getattr(value, name)
        except Exception:  # noqa: BLE001 - a property of the user's class
            return None
    return value


def texts_at(namespace: dict[str, Any], before: str, brackets: list[int]) -> list[str]:
    """What a string within these brackets may be: a key or a column, as the innermost of them that takes one has them. A list
    or a dict is passed over, as in `df.select(["a", "`."""
    for bracket in reversed(brackets):
        owner = expression_types.expression_before(before[:bracket])
        if not owner or keyword.iskeyword(owner) or before[bracket] == "{":
            continue
        if before[bracket] == "[":
            found = expression_types.infer(namespace, owner)
            return items_of(found.value) if found and not found.is_type else frames_columns(namespace, owner, found)
        return columns_for(namespace, before[:bracket].rstrip(), owner)
    return []


def items_of(value: Any) -> list[str]:
    if isinstance(value, (dict, type(os.environ))):
        return [key for key in list(value) if isinstance(key, str)]
    names = getattr(value, "__fields__", None) or getattr(value, "columns", None)  # of a Row, of a frame
    try:
        return [name for name in names if isinstance(name, str)] if names is not None and not callable(names) else []
    except TypeError:
        return []


def columns_for(namespace: dict[str, Any], before: str, called: str) -> list[str]:
    """Those of the frame (or the keys of the dict) whose method is called; those of all frames for `F.col`, and after a chain of calls, whose result
    does not exist yet: of the frame that the chain begins with first."""
    name = called.rpartition(".")[2]
    owner_text = expression_types.expression_before(before[: -len(name) - 1]) if "." in called else ""
    owner = expression_types.infer(namespace, owner_text) if owner_text else None
    if owner and not owner.is_type and (own := items_of(owner.value)):
        return own if name in (KEY_WORDS if isinstance(owner.value, dict) else COLUMN_WORDS) else []
    function = expression_types.infer(namespace, called)
    if function and getattr(function.value, "__module__", "").startswith(FUNCTIONS):
        return all_columns(namespace) if name not in NO_COLUMN_WORDS else []
    return frames_columns(namespace, owner_text, owner) if name in COLUMN_WORDS else []


def frames_columns(namespace: dict[str, Any], expression: str, found: expression_types.ValueOrType | None) -> list[str]:
    """Of an expression that may give a frame: its type is one of PySpark's, or not known."""
    if found and not module_of(found).startswith("pyspark"):
        return []
    first = namespace.get(re.match(r"\w*", expression)[0])  # type: ignore[index]
    return list(dict.fromkeys([*(items_of(first) if display.is_spark_frame(first) else []), *all_columns(namespace)]))


def module_of(found: expression_types.ValueOrType) -> str:
    value = found.value
    if isinstance(value, types.ModuleType):
        return value.__name__
    return str((value if found.is_type else type(value)).__module__)


def all_columns(namespace: dict[str, Any]) -> list[str]:
    frames = [value for value in list(namespace.values()) if display.is_spark_frame(value)]
    return list(dict.fromkeys(column for frame in frames for column in items_of(frame)))


def attributes_of(owner: expression_types.ValueOrType | None, with_private: bool) -> list[tuple[str, str]]:
    if owner is None:
        return []
    value, found = owner.value, []
    for name in dir(value):
        if name.startswith("_") and not with_private:
            continue
        try:
            member = inspect.getattr_static(value, name)
        except AttributeError:  # given by `__getattr__`, such as a column
            member = None
        found.append((name, kind_of(member)))
    return found


def kind_of(value: Any) -> str:
    if isinstance(value, property):
        return "property"
    if isinstance(value, type):
        return "class"
    if isinstance(value, types.ModuleType):
        return "module"
    return "function" if callable(getattr(value, "__func__", value)) else "instance"


def all_names(namespace: dict[str, Any], with_private: bool) -> list[tuple[str, str]]:
    found = [
        (name, kind_of(value)) for name, value in list(namespace.items()) if with_private or not name.startswith("_")
    ]
    found += [(name, "keyword") for name in keyword.kwlist]
    found += [(name, kind_of(value)) for name, value in vars(builtins).items() if not name.startswith("_")]
    return sorted(dict(reversed(found)).items())


def user_names(namespace: dict[str, Any]) -> list[str]:
    """Names that user code has defined: no modules, and none of the shell's own."""
    shell_names = {"spark", "sc", "sqlContext", "HiveContext", "StreamingContext", "cloudpickle", "global_dict"}
    return sorted(
        name
        for name, value in list(namespace.items())
        if not name.startswith("_") and name not in shell_names and not isinstance(value, types.ModuleType)
    )


# ------------------------------------------------------------------------------------------- descriptions


def inspect_name(namespace: dict[str, Any], path: str, detail: int = 0) -> str:
    """Signature, type, columns, documentation, with detail 1 the source; empty where there is no such name."""
    if not re.fullmatch(PATH, path):
        return ""
    value = value_of(namespace, path)
    if value is None and namespace.get(path, path) is not None:
        return ""
    sections = [("Signature", signature_of(path, value)), ("Type", type(value).__name__)]
    if display.is_spark_frame(value):
        sections.append(("Columns", "\n" + "\n".join(f"  {name}: {kind}" for name, kind in value.dtypes)))
    elif not callable(value) and not isinstance(value, types.ModuleType):
        sections.append(("Value", shortened(value)))
    sections.append(
        ("Source", "\n" + source_of(value)) if detail else ("Docstring", "\n" + (inspect.getdoc(value) or ""))
    )
    return "\n".join(f"{label}: {text}" for label, text in sections if text.strip())


def signature_of(path: str, value: Any) -> str:
    try:
        return path.rsplit(".", 1)[-1] + str(inspect.signature(value)) if callable(value) else ""
    except (TypeError, ValueError):  # C code has none
        return ""


def shortened(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the user's class
        return ""
    return text if len(text) <= 500 else text[:499] + "…"


def source_of(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        return "(not to be had)"


def inspect_sql(spark: Any, word: str) -> str:
    """A function's documentation, or a table's columns; empty for any other word."""
    if not re.fullmatch(r"[\w.`]+", word):
        return ""
    try:
        rows = spark.sql(f"DESCRIBE FUNCTION EXTENDED {word}").collect()
        description = "\n".join(str(row[0]) for row in rows)
        if "not found" not in description.split("\n", 1)[0]:
            return description
    except Exception:  # noqa: BLE001, S110 - then it may be a table
        pass
    return "\n".join(f"{name}: {kind}" for name, kind in columns(spark, word))


def catalog(spark: Any, database: str, with_functions: bool) -> dict[str, Any]:
    """Tables and views of `database` (empty: the current one), and all databases."""
    where = f" IN `{database}`" if database else ""
    rows = spark.sql(f"SHOW TABLES{where}").collect()
    return {
        "databases": [row[0] for row in spark.sql("SHOW DATABASES").collect()],
        "tables": [row["tableName"] for row in rows],
        "functions": [row[0] for row in spark.sql("SHOW FUNCTIONS").collect()] if with_functions else [],
    }


def columns(spark: Any, table: str) -> list[list[str]]:
    """[[name, type]] of a table or view; empty where there is none."""
    try:
        return [list(one) for one in spark.table(table).dtypes]
    except Exception:  # noqa: BLE001 - a name that is just being typed
        return []
