"""What a client asks while a cell runs: answered in another thread of this process than the cell's.

Apache Livy gives one to each job of its REST API (`submit-job`). The job is a reference to `answer_beside` with its arguments; a
server calls it with a context of its own, which is not used.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from . import display, introspection
from .errors import error_parts
from .interrupts import watcher
from .live import live
from .output import running
from .replies import framed, json_text

OPERATIONS: dict[str, Callable[..., Any]] = {
    "interrupt_cell": watcher.interrupt,
    "news": live.news,
    "complete": lambda *rest: introspection.complete(running.namespace, *rest),
    "inspect": lambda *rest: introspection.inspect_name(running.namespace, *rest),
    "inspect_sql": lambda *rest: introspection.inspect_sql(display.session_of(running.namespace), *rest),
    "catalog": lambda *rest: introspection.catalog(display.session_of(running.namespace), *rest),
    "columns": lambda *rest: introspection.columns(display.session_of(running.namespace), *rest),
}


def answer_beside(request: str, operation: str, arguments: list[Any], _context: Any = None) -> str:
    """The framed reply, in ASCII: so its bytes stand as they are in the pickle that a server makes of it, which a client then need
    not unpickle."""
    reply: dict[str, Any] = {"events": [], "value": None, "error": None}
    try:
        reply["value"] = OPERATIONS[operation](*arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it is goes into the reply: this thread has nobody else to tell
        reply["error"] = {**error_parts(error), "suggestion": "", "sql": ""}
    return framed(request, json.dumps(json.loads(json_text(reply))))
