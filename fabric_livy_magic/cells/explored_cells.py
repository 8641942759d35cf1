"""The cells that show what `%livy explore` shows, to paste."""

from __future__ import annotations

from fabric_livy_magic.cells.charts import Chart, chart_line
from fabric_livy_magic.cells.magic_parser import quoted_word


def chart_cell(chart: Chart, name: str, sql: str | None, session: str | None = None) -> str:
    """Of the variable `name`, or with `sql`, its name in SQL, of a table. Raises SettingsError for what no line holds."""
    magic, body = ("livy_pyspark", name) if sql is None else ("livy_sql", f"SELECT * FROM {sql}")  # noqa: S608 - shown, not run
    return f"%%{magic}{_session(session)} {chart_line(chart)}\n{body}"


def explore_line(name: str, session: str | None = None) -> str:
    return f"%livy explore {quoted_word(name)}{_session(session)}"


def profile_line(name: str, session: str | None = None) -> str:
    return f"{explore_line(name, session)} --profile"


def _session(name: str | None) -> str:
    return f" -s {quoted_word(name)}" if name else ""
