"""Whether a cell is finished, for consoles that run it with Enter. Pure. SQL and Scala are never reported as invalid: only the
session can tell."""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import TransformerManager

from fabric_livy_magic.cells.kernel_cells import first_magic, kind_of_cell

COMPLETE, INCOMPLETE = "complete", "incomplete"
_OPENING_BRACKET = {")": "(", "]": "[", "}": "{"}
_TOKENS = {
    "sql": re.compile(
        r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[()\[\]{}'\"`]|/\*", re.DOTALL
    ),
    "spark": re.compile(
        r"//[^\n]*|/\*.*?\*/|\"\"\".*?\"\"\"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\]|\\.)'|[()\[\]{}\"]|/\*", re.DOTALL
    ),
}
_UNFINISHED_END = re.compile(r"(=>|[=+\-*/&|,.]|\b(?:else|extends|with|yield|match))\s*$")


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
    continues = kind != "sql" and _UNFINISHED_END.search(text.rstrip())
    return (
        (INCOMPLETE, "  ")
        if continues or _has_open_token(text, _TOKENS.get(kind, _TOKENS["spark"]))
        else (COMPLETE, "")
    )


def _has_open_token(text: str, tokens: re.Pattern[str]) -> bool:
    """Whether a bracket, a quote or a comment is still open."""
    open_tokens: list[str] = []
    for match in tokens.findall(text):
        if match in _OPENING_BRACKET:
            if open_tokens and open_tokens[-1] == _OPENING_BRACKET[match]:
                open_tokens.pop()
        elif match in "([{'\"`" or match == "/*":
            open_tokens.append(match)
    return bool(open_tokens)
