"""Spark SQL: keywords, functions, databases, tables and views, columns of the statement's tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fabric_livy_magic.cells.sql_text import quoted_name
from fabric_livy_magic.completion.completions import Completions, matching
from fabric_livy_magic.sessions.runner import Runner

KEYWORDS = """
ADD AFTER ALL ALTER ANALYZE AND ANTI ANY ARRAY AS ASC BETWEEN BY CACHE CASE CAST CLUSTER CLUSTERED COLUMN COLUMNS COMMENT
COMPUTE CONSTRAINT CREATE CROSS CUBE CURRENT DATABASE DATABASES DEEP CLONE DEFAULT DELETE DELTA DESC DESCRIBE DETAIL DISTINCT
DISTRIBUTE DROP ELSE END ESCAPE EXCEPT EXISTS EXPLAIN EXTENDED EXTERNAL EXTRACT FALSE FETCH FILTER FIRST FOLLOWING FOR FORMAT
FROM FULL FUNCTION FUNCTIONS GLOBAL GROUP GROUPING HAVING HISTORY IF ILIKE IN INNER INSERT INTERSECT INTERVAL INTO IS JOIN LAST
LATERAL LEFT LIKE LIMIT LOCATION MAP MATCHED MERGE MINUS NATURAL NOT NULL NULLS OFFSET ON OPTIMIZE OPTIONS OR ORDER OUTER OVER
OVERWRITE PARTITION PARTITIONED PARTITIONS PERCENT PIVOT PRECEDING QUALIFY RANGE REFRESH RENAME REPLACE RESET RESTORE RIGHT RLIKE
ROLLUP ROW ROWS SCHEMA SCHEMAS SELECT SEMI SET SETS SHOW SORT STRUCT TABLE TABLES TABLESAMPLE TBLPROPERTIES TEMPORARY THEN
TIMESTAMP TO TRUE TRUNCATE UNBOUNDED UNCACHE UNION UNPIVOT UPDATE USE USING VACUUM VALUES VERSION VIEW VIEWS WHEN WHERE WINDOW
WITH ZORDER
""".split()  # noqa: SIM905 - a list of two hundred lines
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_PART = r"(?:`[^`]*`|[^\W\d]\w*)"
_WORD_AND_OWNER = re.compile(rf"(?:({_PART}(?:\.{_PART})*)\.)?(`?\w*)$")
_BEFORE_TABLE = re.compile(
    r"\b(from|join|into|table|update|describe|desc|refresh|cache|truncate|optimize|vacuum|using)\s+$", re.IGNORECASE
)
_TABLE = rf"({_PART}(?:\.{_PART})*)"
_ALIAS = rf"\s+(?:as\s+)?(?!(?:{'|'.join(KEYWORDS)})\b)({_PART})"
_TABLE_AND_ALIAS = re.compile(
    rf"\b(?:from|join|into|update|using|table)\s+{_TABLE}(?:{_ALIAS})?|,\s*{_TABLE}{_ALIAS}", re.IGNORECASE
)


@dataclass
class Catalog:
    """The part of a session's catalog that was fetched since its last cell."""

    cells_run: int = -1
    databases: list[str] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)


def complete_sql(runner: Runner, text: str, cursor: int) -> Completions:
    before = text[:cursor]
    found = _WORD_AND_OWNER.search(before)
    owner, typed = (found[1], found[2]) if found else (None, "")
    before_word = before[: len(before) - len(typed) - (len(owner) + 1 if owner else 0)]
    if _in_quotes(before_word):
        return Completions(cursor, ())
    catalog = known_catalog(runner)
    statement = _statement_around(text, cursor)
    if owner:
        return matching(before, typed, _members(runner, catalog, owner, statement), ignore_case=True)
    tables = [(_quoted(name), "class") for name in _tables(runner, catalog, "")]
    databases = [(_quoted(name), "module") for name in catalog.databases]
    if _BEFORE_TABLE.search(before_word):
        return matching(before, typed, [*tables, *databases], ignore_case=True)
    tables_by_alias = _tables_by_alias(statement)
    columns = [
        (_quoted(name), "column")
        for table in dict.fromkeys(tables_by_alias.values())
        for name in _columns(runner, catalog, table)
    ]
    aliases = [(name, "instance") for name in tables_by_alias if name.isidentifier()]
    is_lower = typed[:1].islower()
    keywords = [(word.lower() if is_lower else word, "keyword") for word in KEYWORDS]
    functions = [(name, "function") for name in catalog.functions if name[:1].isalpha()]
    rest = [*columns, *aliases, *keywords, *functions, *tables, *databases]
    return matching(before, typed, rest if typed else [*columns, *aliases, *keywords, *tables], ignore_case=True)


def known_catalog(runner: Runner) -> Catalog:
    """Databases and functions of the current session; empty without one. Functions are fetched once."""
    session = runner.sessions.get(runner.sessions.current)
    if session is None:
        return Catalog()
    catalog: Catalog = runner.looked_up.setdefault(("catalog", session.id), Catalog())
    if catalog.cells_run != (now := session.repl.cells_run):

        def keep(reply: Mapping[str, Any]) -> None:
            catalog.cells_run, catalog.databases, catalog.columns = now, reply["databases"], {}
            catalog.tables = {"": reply["tables"]}
            catalog.functions = reply["functions"] or catalog.functions

        session.ask("catalog", "", not catalog.functions, keep=keep)
    return catalog


def _tables(runner: Runner, catalog: Catalog, database: str) -> list[str]:
    session = runner.sessions.get(runner.sessions.current)
    if database not in catalog.tables and session is not None:
        session.ask("catalog", database, False, keep=lambda reply: catalog.tables.update({database: reply["tables"]}))
    return catalog.tables.get(database, [])


def _columns(runner: Runner, catalog: Catalog, table: str) -> list[str]:
    session = runner.sessions.get(runner.sessions.current)
    if table not in catalog.columns and session is not None:
        session.ask("columns", table, keep=lambda reply: catalog.columns.update({table: [name for name, _ in reply]}))
    return catalog.columns.get(table, [])


def _members(runner: Runner, catalog: Catalog, owner: str, statement: str) -> list[tuple[str, str]]:
    """After `owner.`: columns of a table or of an alias, tables of a database."""
    tables_by_alias = _tables_by_alias(statement)
    plain = owner.strip("`")
    if plain.lower() in {name.lower() for name in catalog.databases} and plain not in tables_by_alias:
        return [(_quoted(name), "class") for name in _tables(runner, catalog, plain)]
    return [(_quoted(name), "column") for name in _columns(runner, catalog, tables_by_alias.get(plain, owner))]


def _tables_by_alias(statement: str) -> dict[str, str]:
    """Alias, or else the last part of the name → table, of all tables in the statement."""
    found: dict[str, str] = {}
    for table, alias, listed_table, listed_alias in _TABLE_AND_ALIAS.findall(statement):
        name, short = (table, alias) if table else (listed_table, listed_alias)
        found[(short or name.rsplit(".", 1)[-1]).strip("`")] = name
    return found


def _statement_around(text: str, cursor: int) -> str:
    begin = text.rfind(";", 0, cursor) + 1
    end = text.find(";", cursor)
    return _COMMENT.sub(" ", text[begin : end if end >= 0 else len(text)])


def _in_quotes(before: str) -> bool:
    statement = before.rsplit(";", 1)[-1]
    return statement.count("'") % 2 == 1 or statement.rsplit("\n", 1)[-1].lstrip().startswith("--")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d]\w*", name) else quoted_name(name)
