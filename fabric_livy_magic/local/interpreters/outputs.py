"""A statement's output as in Livy's API: `ok` with data by MIME type, or `error` with ename, evalue and traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Output = dict[str, Any]
CONTEXT_STOPPED = (
    "Spark was stopped in this session. `spark = SparkSession.builder.getOrCreate()` in a PySpark statement starts it anew; a new "
    "session has its own."
)


def ok(data: Mapping[str, Any]) -> Output:
    return {"status": "ok", "data": dict(data)}


def error(ename: str, evalue: str, traceback: Sequence[str] = (), printed: str = "") -> Output:
    """`printed` is the text that the code wrote before it failed. Livy loses it; here it is the `data` of the error."""
    output: Output = {"status": "error", "ename": ename, "evalue": evalue, "traceback": list(traceback)}
    if printed:
        output["data"] = {"text/plain": printed}
    return output


def numbered(output: Output, execution_count: int) -> Output:
    """The output with its execution count; the keys have Livy's order."""
    return {"status": output["status"], "execution_count": execution_count, **output}
