"""An exception as a client shows it: name, message, the stack frames of user code, and all of them."""

from __future__ import annotations

import linecache
import os
import re
import sys
import traceback
import warnings
from typing import Any, Callable

from .assertions import seen

LIBRARIES = ("site-packages", "dist-packages", "/pyspark/", "/py4j/", os.path.dirname(os.__file__) + os.sep)  # noqa: PTH120
COMPILED = (".pyx", ".pxi")  # their frames name the file that a C extension was made from
WORKER_FRAME = re.compile(r'^  File "(<cell [^"]*>)", line (\d+), in .*$(?!\n    )', re.MULTILINE)
JVM_TRACE = "\n\nJVM stacktrace:\n"
AGENT_FILES = "<fabric_livy_agent"  # the file names of this package in a session begin with it
CELL_FILES = ("<cell ", "<timed line>", "<stdin>", "<string>")


# PySpark warns of the very error that it then raises, with its whole text.
TOLD_TWICE = "toPandas attempted Arrow optimization .* can not continue"


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
    """`traceback` has the frames of cells and of the user's modules, and the errors before it, `full` those of libraries as well."""
    trace = traceback.TracebackException.from_exception(error)
    keep_frames(trace, is_not_of_agent)
    full = "".join(trace.format())
    note = f"\n{SPARK_STOPPED}" if "pyspark" in full and spark_is_stopped() and SPARK_STOPPED not in full else ""
    if jvm := getattr(error, "stackTrace", None) or getattr(
        error, "_stackTrace", None
    ):  # PySpark's own exceptions leave it out of their text
        full += f"\nIn the JVM:\n{jvm}\n"
    keep_frames(trace, is_of_user)
    notes = "".join(f"\n{one}" for one in getattr(error, "__notes__", None) or ())
    return {
        "ename": type(error).__name__,
        "evalue": "\n".join(filter(None, [with_source_lines(message_of(error)), seen.explanation_of(error)]))
        + notes
        + note,
        "traceback": without_message(trace),
        "full": full,
    }


def without_message(trace: traceback.TracebackException) -> str:
    """What stands above the error's own name and message, which the client has. A group is a tree, and stays whole."""
    lines = list(trace.format())
    if getattr(trace, "exceptions", None):
        return "".join(lines)
    own = list(trace.format_exception_only())
    place = next((number for number, line in enumerate(own) if not line.startswith("  ")), 0)  # of a SyntaxError
    return "".join(lines[: len(lines) - len(own) + place])


def with_source_lines(message: str) -> str:
    """A Python worker has not the cell's text: the lines of its frames are put in here."""

    def with_line(frame: re.Match[str]) -> str:
        line = linecache.getline(frame[1], int(frame[2])).strip()
        return f"{frame[0]}\n    {line}" if line else frame[0]

    return WORKER_FRAME.sub(with_line, message)


def leave_out_what_is_told_twice() -> None:
    """Once in a session, below the filters that the user sets later."""
    warnings.filterwarnings("ignore", TOLD_TWICE, UserWarning, r"pyspark\.sql\.")


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
    return not filename.endswith(COMPILED) and not any(part in filename for part in LIBRARIES)


def message_of(error: BaseException) -> str:
    try:
        text = str(error)
        # Spark Connect has the JVM's trace in the message; `full` keeps it.
        return text.partition(JVM_TRACE)[0] if "pyspark" in type(error).__module__ else text
    except Exception:  # noqa: BLE001 - `__str__` of the user's class
        return "<its message could not be made>"
