"""An exception as a client shows it: name, message, the stack frames of user code, and all of them."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, Callable

LIBRARIES = ("site-packages", "dist-packages", "/pyspark/", "/py4j/", os.path.dirname(os.__file__) + os.sep)  # noqa: PTH120
AGENT_FILES = "<fabric_livy_agent"  # the file names of this package in a session begin with it
CELL_FILES = ("<cell ", "<timed line>", "<stdin>", "<string>")


class Refused(Exception):  # noqa: N818 - the client shows the name as what happened
    """Something that the user can correct; the message is for them."""


class NoArrow(Refused):
    """There is no PyArrow in this session, so the client takes Livy's own SQL results."""


SPARK_STOPPED = (
    "Spark was stopped in this session (spark.stop()). The variables are still there. `spark = SparkSession.builder.getOrCreate()` in "
    "a PySpark cell starts Spark anew; `%livy restart` starts a new session."
)
CELL_ENDS = ("PythonRestarted",)  # of `notebookutils.session`, as the embedded Fabric has it


def error_parts(error: BaseException) -> dict[str, str]:
    """`traceback` has the frames of cells and of the user's modules, `full` those of libraries as well."""
    trace = traceback.TracebackException.from_exception(error)
    keep_frames(trace, is_not_of_agent)
    full = "".join(trace.format())
    note = f"\n{SPARK_STOPPED}" if "pyspark" in full and spark_is_stopped() and SPARK_STOPPED not in full else ""
    if jvm := getattr(error, "stackTrace", None) or getattr(
        error, "_stackTrace", None
    ):  # PySpark's own exceptions leave it out of their text
        full += f"\nIn the JVM:\n{jvm}\n"
    keep_frames(trace, is_of_user)
    return {
        "ename": type(error).__name__,
        "evalue": message_of(error) + note,
        "traceback": with_short_class_name("".join(trace.format()), error),
        "full": full,
    }


def spark_is_stopped() -> bool:
    """By Python, by Scala, or by another notebook of the session. Where no Spark was ever there, it is not stopped."""
    pyspark = sys.modules.get("pyspark")
    if pyspark is None or "SPARK_REMOTE" in os.environ:
        return False
    try:
        context = pyspark.SparkContext._active_spark_context
        return context is None or bool(context._jsc.sc().isStopped())
    except Exception:  # noqa: BLE001 - the JVM has gone, or this is no PySpark of the usual kind: the error itself is told
        return False


def ends_cell(error: BaseException) -> bool:
    """Whether it is no error, but the end of the cell."""
    return type(error).__name__ in CELL_ENDS and type(error).__module__.startswith("notebookutils")


def with_short_class_name(text: str, error: BaseException) -> str:
    """As a notebook shows it: `AnalysisException`, not `pyspark.errors.exceptions.captured.AnalysisException`."""
    kind = type(error)
    return f"\n{text}".replace(f"\n{kind.__module__}.{kind.__qualname__}", f"\n{kind.__qualname__}")[1:]


def keep_frames(trace: Any, keep: Callable[[str], bool]) -> None:
    """Also those of its causes and of the members of an exception group."""
    if trace is None:
        return
    trace.stack = traceback.StackSummary.from_list([frame for frame in trace.stack if keep(frame.filename)])
    for other in (trace.__cause__, trace.__context__, *(getattr(trace, "exceptions", None) or ())):
        keep_frames(other, keep)


def is_not_of_agent(filename: str) -> bool:
    return not filename.startswith(AGENT_FILES)


def is_of_user(filename: str) -> bool:
    if filename.startswith("<"):
        return filename.startswith(CELL_FILES)
    return not any(part in filename for part in LIBRARIES)


def message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - `__str__` of the user's class
        return "<its message could not be made>"
