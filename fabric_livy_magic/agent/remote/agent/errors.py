"""An exception as a client shows it: name, message, the user's own frames, and all frames for who asks."""

from __future__ import annotations

import os
import traceback
from typing import Any, Callable

LIBRARIES = ("site-packages", "dist-packages", "/pyspark/", "/py4j/", os.path.dirname(os.__file__) + os.sep)  # noqa: PTH120
OURS = "<fabric_livy_agent"  # how the files of this package are named where they run
TYPED = ("<cell ", "<timed line>", "<stdin>", "<string>")


class Refused(Exception):  # noqa: N818 - the client shows the name as what happened
    """What the user can mend: the message is for them."""


class NoArrow(Refused):
    """There is no PyArrow in this session, so the client takes another road."""


def error_parts(error: BaseException) -> dict[str, str]:
    """`traceback` has the frames of cells and of the user's modules, `full` those of libraries as well."""
    found = traceback.TracebackException.from_exception(error)
    keep_frames(found, is_not_ours)
    full = "".join(found.format())
    if jvm := getattr(error, "stackTrace", None) or getattr(
        error, "_stackTrace", None
    ):  # PySpark's own exceptions keep it from their text
        full += f"\nIn the JVM:\n{jvm}\n"
    keep_frames(found, is_users)
    return {
        "ename": type(error).__name__,
        "evalue": message_of(error),
        "traceback": short_named("".join(found.format()), error),
        "full": full,
    }


def short_named(text: str, error: BaseException) -> str:
    """As a notebook names it: `AnalysisException`, not `pyspark.errors.exceptions.captured.AnalysisException`."""
    kind = type(error)
    return f"\n{text}".replace(f"\n{kind.__module__}.{kind.__qualname__}", f"\n{kind.__qualname__}")[1:]


def keep_frames(found: Any, keep: Callable[[str], bool]) -> None:
    """Also of its causes and of the members of a group."""
    if found is None:
        return
    found.stack = traceback.StackSummary.from_list([frame for frame in found.stack if keep(frame.filename)])
    for other in (found.__cause__, found.__context__, *(getattr(found, "exceptions", None) or ())):
        keep_frames(other, keep)


def is_not_ours(filename: str) -> bool:
    return not filename.startswith(OURS)


def is_users(filename: str) -> bool:
    if filename.startswith("<"):
        return filename.startswith(TYPED)
    return not any(part in filename for part in LIBRARIES)


def message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - `__str__` of the user's class
        return "<its message could not be made>"
