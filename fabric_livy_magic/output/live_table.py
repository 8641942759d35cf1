"""The live part of a result table: all its rows as JSON, and the script that pages, sorts and searches them (table.js).

The fragment is whole without it: where scripts do not run, or are taken out (GitHub, an untrusted notebook), the static table
stays. Where they run, all that the script needs is in the same output, and nothing is looked up elsewhere: an output may be moved,
copied or deleted, be the first that VS Code draws of a notebook or the last, and every saved notebook has what it needs. For that
the script is in every output again, `MOST_SCRIPT` characters at most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from fabric_livy_magic.output.columns import Column, Texts
from fabric_livy_magic.output.short_texts import counted
from fabric_livy_magic.printable import UNPRINTABLE

MOST_SCRIPT = 8192
MOST_DATA = (
    1_400_000  # characters. A Jupyter server drops an output of 3 MB: its iopub_data_rate_limit, of three seconds
)
MOST_OF_CELL = 1_100_000  # so that one of 1 MB is whole
# Texts in quotes and patterns stay as they are; around all other signs no space is needed.
_KEPT_OR_SIGN = re.compile(
    r'("(?:[^"\\\n]|\\.)*"|`[^`]*`|/(?![ /*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\]|\\.)*\])+/[gu]*)|\s*([-+*%?:=<>!&|,;(){}\[\]]+)\s*'
)
_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_NOT_IN_A_PAGE = re.compile(f"[<>&{UNPRINTABLE}]")


@cache
def script() -> str:
    """table.js without comments and spaces."""
    source = (files("fabric_livy_magic.output") / "table.js").read_text(encoding="utf-8")
    return _KEPT_OR_SIGN.sub(lambda match: match[1] or match[2], _COMMENT.sub("", source)).strip()


def live_part(columns: Sequence[Column], texts: Sequence[Texts], page_rows: int, rows: int) -> str:
    """Follows the static table inside its `div`. `rows` are those of the result, some of which may not be here; where they are too
    large, fewer are."""
    data = _data(columns, texts, page_rows, rows)
    if len(data) > MOST_DATA:
        held = _rows_that_fit(texts)
        data = _data(columns, [one[:held] for one in texts], page_rows, rows)
    return f'<script type="application/json">{data}</script><script>{script()}</script>'


def _data(columns: Sequence[Column], texts: Sequence[Texts], page_rows: int, rows: int) -> str:
    described = [_described(column, one) for column, one in zip(columns, texts, strict=True)]
    held = len(texts[0])
    rest = counted(rows, "row") if held == rows else f"{counted(held, 'row')}, the first of {rows:,}"
    return json_in_page({"columns": described, "data": texts, "size": page_rows, "rest": rest})


def _described(column: Column, texts: Texts) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "title": column.whole_type,
        "kind": column.order,
    }
    if column.is_nested:
        described["json"] = 1
    if ranks := column.ranks(len(texts)):
        described["ranks"] = ranks
    return described


def json_in_page(value: Any) -> str:
    """No text in it can end its element, nor change the direction of the source that it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if text.isascii() and text.isprintable() and not any(one in text for one in "<>&"):
        return text
    return _NOT_IN_A_PAGE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _rows_that_fit(texts: Sequence[Texts]) -> int:
    """How many rows of the columns are within `MOST_DATA`, at least one."""
    total = 0
    for number, row in enumerate(zip(*texts, strict=True)):
        total += sum(len(one) + 3 if isinstance(one, str) else 2 for one in row)
        if total > MOST_DATA:
            return max(1, number)
    return len(texts[0])
