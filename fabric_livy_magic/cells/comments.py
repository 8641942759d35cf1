"""Bracketed comments that nest, as Scala's and Spark SQL's do."""

from __future__ import annotations

import re


def comment_end(text: str, position: int, edge: re.Pattern[str]) -> int:
    """Where the comment ends that was opened just before `position`; the text's end where it is not closed.

    `edge` finds the marks that open and close one.
    """
    depth = 1
    while depth and (mark := edge.search(text, position)):
        depth += -1 if mark[0] == "*/" else 1
        position = mark.end()
    return len(text) if depth else position
