"""The agent: runs a notebook's PySpark cells inside the Spark session, and answers with everything that they gave.

A client sends this package once per session. Then each request is one call of `answer`, whose reply is one framed piece
of JSON on standard output: streams and displays in order, a value, an error. That works in Livy's Python shell, and in
any other that runs a text and gives back what it printed. Python 3.8 to 3.13, standard library, pyspark and pyarrow.

It is a package of its own, so nothing that user code hides (`sum`, `display`, `spark`) is hidden here, and it leaves no
name among the user's: the one that a call needs is taken away before the cell runs.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable

from . import cells, display, frames, interrupts, names, offered
from .errors import error_parts
from .output import ERR, OUT, Call, running
from .replies import framed, json_text

TO_RECOVER = ("again", "realign", "ping")  # operations of a client that lost the reply to another one
CALLED_AS = "_fabric_livy"  # the name by which a statement knows this package, for one moment


def answer(request: str, operation: str, *arguments: Any) -> None:
    """Runs one operation for the caller's globals and prints its reply, framed by the id of the request."""
    namespace = sys._getframe(1).f_globals
    namespace.pop(CALLED_AS, None)
    shell, shell_errors = sys.stdout, sys.stderr
    if request in running.answered:  # a client sent it again, and the first one had arrived after all
        shell.write(running.last[1] if running.last[0] == request else "")
        return
    running.answered.append(request)
    reply: dict[str, Any] = {"events": [], "value": None, "error": None}
    call = running.call = Call(request)
    call.guard.begin(call.output)
    sys.stdout, sys.stderr = OUT, ERR
    try:
        with offered.names(namespace):
            reply["value"] = OPERATIONS[operation](namespace, *arguments)
    except BaseException as error:  # noqa: BLE001 - the user's code: whatever it raises is its answer
        reply["error"] = error_parts(error)
    finally:
        call.guard.end()
        sys.stdout, sys.stderr = shell, shell_errors
        running.call = None
    reply["events"] = call.output.finished()
    text = framed(request, json_text(reply))
    if operation not in TO_RECOVER:
        running.last = (request, text)
    shell.write(text)


# ---------------------------------------------------------------------------------- for a client that lost a reply


def again(namespace: dict[str, Any], request: str) -> str:
    """The text of the reply to `request`, if it was the last one, else nothing."""
    return running.last[1] if running.last[0] == request else ""


def realign(namespace: dict[str, Any]) -> None:
    """Swallows the shell's next answer: the one to this request.

    A stray line on descriptor 1 puts Livy's shell one answer ahead of its server. The server takes that line for the
    answer to this request, and from then on both agree.
    """
    reading, writing = os.pipe()
    kept = running.call.guard.instead_of(writing)
    os.close(writing)

    def swallow() -> None:
        while os.read(reading, 1) != b"\n":
            pass
        os.dup2(kept, 1)
        os.close(kept)
        os.close(reading)

    threading.Thread(target=swallow, daemon=True).start()


def ping(namespace: dict[str, Any]) -> dict[str, Any]:
    return {"python": sys.version.split()[0]}


OPERATIONS: dict[str, Callable[..., Any]] = {
    "again": again,
    "realign": realign,
    "ping": ping,
    "interrupt": interrupts.interrupt,
    "cell": cells.run,
    "open_sql": lambda namespace, *rest: frames.open_sql(display.session_of(namespace), *rest),
    "open_expression": lambda namespace, *rest: frames.open_expression(namespace, display.session_of(namespace), *rest),
    "open_value": lambda namespace, *rest: frames.open_value(cells.Shell.value, "the value of the last line", *rest),
    "complete": names.complete,
    "inspect": names.inspect_name,
    "inspect_sql": lambda namespace, *rest: names.inspect_sql(display.session_of(namespace), *rest),
    "catalog": lambda namespace, *rest: names.catalog(display.session_of(namespace), *rest),
    "columns": lambda namespace, *rest: names.columns(display.session_of(namespace), *rest),
    "piece": lambda namespace, *rest: frames.piece(*rest),
    "close_frame": lambda namespace, *rest: frames.close_frame(*rest),
    "receive": lambda namespace, *rest: frames.receive(*rest),
    "publish": lambda namespace, *rest: frames.publish(namespace, display.session_of(namespace), *rest),
}
