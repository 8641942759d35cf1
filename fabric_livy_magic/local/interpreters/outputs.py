"""A statement's output as Livy's API gives it: `ok` with data by MIME type, or `error` with ename, evalue, traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Output = dict[str, Any]


def ok(data: Mapping[str, Any]) -> Output:
    return {"status": "ok", "data": dict(data)}


def error(ename: str, evalue: str, traceback: Sequence[str] = (), printed: str = "") -> Output:
    """`printed` is what the code wrote before it failed. Livy loses it; here the error carries it as `data`."""
    output: Output = {"status": "error", "ename": ename, "evalue": evalue, "traceback": list(traceback)}
    if printed:
        output["data"] = {"text/plain": printed}
    return output


def numbered(output: Output, execution_count: int) -> Output:
    """The output with its execution count, keys in the order Livy writes them."""
    return {"status": output["status"], "execution_count": execution_count, **output}
