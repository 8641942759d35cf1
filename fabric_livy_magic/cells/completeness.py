"""Whether a cell is finished, for consoles that run it with Enter. Pure. SQL and Scala are never invalid: the session
knows better."""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import TransformerManager

from fabric_livy_magic.cells.kernel_cells import first_magic, kind_of_cell

COMPLETE, INCOMPLETE = "complete", "incomplete"
_CLOSES = {")": "(", "]": "[", "}": "{"}
_MARKS = {
    "sql": re.compile(
        r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[()\[\]{}'\"`]|/\*", re.DOTALL
    ),
    "spark": re.compile(
        r"//[^\n]*|/\*.*?\*/|\"\"\".*?\"\"\"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\]|\\.)'|[()\[\]{}\"]|/\*", re.DOTALL
    ),
}
_GOES_ON = re.compile(r"(=>|[=+\-*/&|,.]|\b(?:else|extends|with|yield|match))\s*$")


def completeness(text: str, language: str) -> tuple[str, str]:
    """(complete, incomplete or invalid; the indent of the next line)."""
    if first_magic(text)[0]:  # as in IPython, a blank line ends the cell of a magic
        return (COMPLETE, "") if text.endswith("\n") and not text.rsplit("\n", 2)[-2].strip() else (INCOMPLETE, "")
    kind, _ = kind_of_cell(text, language)
    if kind == "pyspark" or kind is None or text.lstrip().startswith(("%", "!")):
        status, spaces = TransformerManager().check_complete(text)
        return str(status), " " * (spaces or 0)
    if text.endswith("\n\n"):
        return COMPLETE, ""
    goes_on = kind != "sql" and _GOES_ON.search(text.rstrip())
    return (INCOMPLETE, "  ") if goes_on or _is_open(text, _MARKS.get(kind, _MARKS["spark"])) else (COMPLETE, "")


def _is_open(text: str, marks: re.Pattern[str]) -> bool:
    """Whether a bracket, a quote or a comment is still open."""
    opened: list[str] = []
    for mark in marks.findall(text):
        if mark in _CLOSES:
            if opened and opened[-1] == _CLOSES[mark]:
                opened.pop()
        elif mark in "([{'\"`" or mark == "/*":
            opened.append(mark)
    return bool(opened)
