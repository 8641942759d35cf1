"""Livy's size limits. What is larger fails, it is not truncated."""

from __future__ import annotations

LONGEST_STRING_CHARS = 20_000_000  # Jackson's `maxStringLength`; the code of a statement is such a string, too
LARGEST_ANSWER_BYTES = (
    50 * 1024 * 1024
)  # Livy's `livy.rsc.rpc.max.size`: a larger answer breaks the channel to the driver
