"""What somebody may have meant, and which SQL text an error is about: both beside the error, never in its way.

Spark itself suggests columns. Tables and functions are asked of its catalog, in a thread that is given a second: a large
lakehouse on a cold metastore takes longer, and then there is no suggestion.
"""

from __future__ import annotations

import builtins
import contextlib
import difflib
import re
import threading
from typing import Any, Iterable, Iterator

from . import display

WITHIN_S = 1.0
LIKE_ENOUGH = 0.7  # of difflib's ratio; at 0.6 a short name is like many
MOST_SQL = 20_000  # characters
QUOTED = r"`(?:[^`]|``)+`"
TABLE = re.compile(rf"\[(?:TABLE_OR_VIEW|VIEW|TABLE)_NOT_FOUND\][^`]*((?:{QUOTED}\.)*{QUOTED})")
SCHEMA = re.compile(rf"\[SCHEMA_NOT_FOUND\][^`]*((?:{QUOTED}\.)*{QUOTED})")
FUNCTION = re.compile(rf"\[(?:UNRESOLVED_ROUTINE|ROUTINE_NOT_FOUND)\][^`]*({QUOTED})")
NAME = re.compile("name '([^']+)' is not defined")
ATTRIBUTE = re.compile("'DataFrame' object has no attribute '([^']+)'")


def suggestion_for(error: BaseException, namespace: dict[str, Any]) -> str:
    """The nearest name, as it would be written; empty where none is like it."""
    try:
        text = str(error)
        if isinstance(error, NameError):
            match = NAME.search(text)
            return nearest(match[1], [*namespace, *dir(builtins)]) if match else ""
        if match := ATTRIBUTE.search(text):
            return nearest(match[1], [name for owner in owners(error) for name in [*columns_of(owner), *dir(owner)]])
        if isinstance(error, KeyError) and isinstance(name := error.args[0] if error.args else None, str):
            found = nearest(name, [column for owner in owners(error) for column in columns_of(owner)])
            return repr(found) if found else ""
        return of_catalog(text, namespace)
    except Exception:  # noqa: BLE001 - a suggestion less; the error itself is told
        return ""


def of_catalog(text: str, namespace: dict[str, Any]) -> str:
    for pattern, ask in ((TABLE, table_like), (SCHEMA, schema_like), (FUNCTION, function_like)):
        if match := pattern.search(text):
            names = [one[1:-1].replace("``", "`") for one in re.findall(QUOTED, match[1])]
            return asked(ask, display.session_of(namespace), names)
    return ""


def asked(ask: Any, *arguments: Any) -> str:
    """Its answer, if that comes in time and without an error."""
    found: list[str] = []

    def work() -> None:
        with contextlib.suppress(Exception):  # a suggestion less
            found.append(ask(*arguments))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WITHIN_S)
    return found[0] if found else ""


def table_like(spark: Any, names: list[str]) -> str:
    schema, name = names[:-1], names[-1]
    try:
        tables = tables_of(spark, schema)
    except Exception:  # noqa: BLE001 - then the schema is what was misspelt
        likely = schema_like(spark, schema) if schema else ""
        if not likely:
            return ""
        schema = [likely]
        tables = tables_of(spark, schema)
        if name in tables:
            return ".".join([*schema, name])
    likely = nearest(name, tables)
    return ".".join([*schema, likely]) if likely else ""


def tables_of(spark: Any, schema: list[str]) -> list[str]:
    return shown(spark, f"SHOW TABLES IN {quoted(schema)}" if schema else "SHOW TABLES", "tableName")


def schema_like(spark: Any, names: list[str]) -> str:
    return nearest(names[-1], shown(spark, "SHOW SCHEMAS", 0))


def function_like(spark: Any, names: list[str]) -> str:
    """Of the session's registry in one call, as SHOW FUNCTIONS takes a second of a cold session."""
    session = getattr(spark, "_jsparkSession", None)  # Spark Connect has none
    if session is None:
        return nearest(names[-1], shown(spark, "SHOW FUNCTIONS", 0))
    found = session.sessionState().functionRegistry().listFunction().mkString("\n")
    return nearest(names[-1], found.split("\n"))


def shown(spark: Any, statement: str, column: Any) -> list[str]:
    return [row[column] for row in spark.sql(statement).collect()]


def quoted(names: Iterable[str]) -> str:
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def nearest(name: str, known: Iterable[Any]) -> str:
    """Of the same letters in another case, or else the most like it."""
    by_lower = {str(one).lower(): str(one) for one in known if one != name}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=LIKE_ENOUGH)
    return by_lower[found[0]] if found else ""


# ------------------------------------------------------------------------------------------- the frames of an error
def frames_of(error: BaseException) -> Iterator[Any]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def owners(error: BaseException) -> list[Any]:
    """The Spark or pandas frame in whose method it was raised."""
    found = [frame.f_locals.get("self") for frame in frames_of(error)]
    return [one for one in found if type(one).__name__ == "DataFrame"][-1:]


def columns_of(frame: Any) -> list[str]:
    return [name for name in frame.columns if isinstance(name, str)]


def sql_of(error: BaseException) -> str:
    """The text of the `spark.sql(…)` that raised it; empty where it was another call."""
    for frame in frames_of(error):
        if frame.f_code.co_name == "sql" and "pyspark" in frame.f_code.co_filename:
            text = frame.f_locals.get("sqlQuery")
            return text if isinstance(text, str) and len(text) <= MOST_SQL else ""
    return ""
