"""Bracketed comments that nest, as in Scala and Spark SQL."""

from __future__ import annotations

import re


def comment_end(text: str, position: int, delimiter: re.Pattern[str]) -> int:
    """Where the comment ends that was opened just before `position`; the text's end where it is not closed.

    `delimiter` matches what opens or closes a comment.
    """
    depth = 1
    while depth and (mark := delimiter.search(text, position)):
        depth += -1 if mark[0] == "*/" else 1
        position = mark.end()
    return len(text) if depth else position
