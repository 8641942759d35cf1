"""Completion and inspection at the cursor: in `%livy` lines, in SQL, in code of the session."""

from __future__ import annotations

from fabric_livy_magic.cells.kernel_cells import kind_of_cell
from fabric_livy_magic.completion.code import complete_code
from fabric_livy_magic.completion.completions import Completions
from fabric_livy_magic.completion.magic_lines import complete_magic_line, help_of_line
from fabric_livy_magic.completion.sql import complete_sql
from fabric_livy_magic.sessions.runner import Runner


def complete(runner: Runner, text: str, cursor: int, language: str | None) -> Completions | None:
    """Completions in a cell's text; None where they are IPython's to give. `language` is that of a cell without a magic, None
    where such a cell is the notebook's own Python."""
    before = text[:cursor]
    line = before.rsplit("\n", 1)[-1]
    if line.lstrip().startswith("%"):
        found = complete_magic_line(runner, line, is_kernel=language is not None)
        return None if found is None else found.shifted(len(before) - len(line))
    kind, begin = kind_of_cell(text, language)
    if kind is None or begin > cursor:
        return None
    body = text[begin:]
    if kind == "sql":
        return complete_sql(runner, body, cursor - begin).shifted(begin)
    return complete_code(runner, kind, body, cursor - begin).shifted(begin)


def inspect(runner: Runner, text: str, cursor: int, name: str, detail: int, language: str | None) -> str | None:
    """A description of the name at the cursor, empty if nothing is known; None where it is IPython's to give first."""
    line = text[text.rfind("\n", 0, cursor) + 1 :].partition("\n")[0]
    if line.lstrip().startswith("%"):
        return help_of_line(line, is_kernel=language is not None)
    kind, begin = kind_of_cell(text, language)
    if kind is None or begin > cursor:
        return None
    if kind == "pyspark":
        return inspect_session(runner, name, detail)
    session = runner.sessions.get(runner.sessions.current)
    return (session.ask("inspect_sql", name) or "") if session and name and kind == "sql" else ""


def inspect_session(runner: Runner, name: str, detail: int) -> str:
    """A description of a name of the session's Python; empty if nothing is known."""
    session = runner.sessions.get(runner.sessions.current)
    return (session.ask("inspect", name, detail) or "") if session and name else ""
