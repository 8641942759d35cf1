"""The agent: runs a notebook's PySpark cells inside the Spark session, and replies with all of their output.

A client sends this package once per session. Then each request is one call of `answer`, whose reply is one framed piece
of JSON on standard output: streams and displays in order, a value, an error. That works in Livy's Python shell, and in
any other that runs code and returns what it printed. Python 3.8 to 3.13, standard library, pyspark and pyarrow.

It is a package of its own, so names that user code shadows (`sum`, `display`, `spark`) are not shadowed here, and it leaves
no name among the user's: the one that a call needs is removed before the cell runs.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable

from . import (
    beside,
    cells,
    chart_data,
    display,
    exploration,
    frames,
    interrupts,
    introspection,
    origins,
    provided_names,
    samples,
    session_values,
    streams,
    suggestions,
    tables,
)
from .assertions import seen
from .debugger import debugger
from .errors import error_parts
from .lines_ran import ran
from .output import ERR, OUT, Call, running
from .replies import framed, json_text

RECOVERY = ("last_reply", "realign", "ping")  # operations of a client that lost the reply to another one
MODULE_ALIAS = "_fabric_livy"  # a statement imports this package under this name; `answer` removes it


def answer(request: str, operation: str, *arguments: Any) -> None:
    """Runs one operation for the caller's globals and prints its reply, framed by the id of the request."""
    namespace = sys._getframe(1).f_globals
    namespace.pop(MODULE_ALIAS, None)
    running.namespace = namespace
    shell_stdout, shell_stderr = sys.stdout, sys.stderr
    if request in running.answered_requests:  # a retry of the client, whose first attempt had arrived after all
        shell_stdout.write(running.last_reply[1] if running.last_reply[0] == request else "")
        return
    running.answered_requests.append(request)
    reply: dict[str, Any] = {"events": [], "value": None, "error": None}
    call = running.call = Call(request, operation == "cell")
    origins.current.set(call.origin)
    call.guard.begin(call.output)
    sys.stdout, sys.stderr = OUT, ERR
    try:
        with provided_names.available(namespace):
            reply["value"] = OPERATIONS[operation](namespace, *arguments)
    except BaseException as error:  # noqa: BLE001 - the user's code: whatever it raises goes into the reply
        reply["error"] = {
            **error_parts(error),
            "suggestion": suggestions.suggestion_for(error, namespace),
            "sql": suggestions.sql_of(error),
        }
    finally:
        call.guard.end()
        sys.stdout, sys.stderr = shell_stdout, shell_stderr
        running.call = None
    reply["events"] = call.output.finished()
    text = framed(request, json_text(reply))
    if operation not in RECOVERY:
        running.last_reply = (request, text)
    shell_stdout.write(text)


# ---------------------------------------------------------------------------------- for a client that lost a reply


def last_reply(namespace: dict[str, Any], request: str) -> str:
    """The text of the reply to `request`, if that was the last one, else an empty text."""
    return running.last_reply[1] if running.last_reply[0] == request else ""


def realign(namespace: dict[str, Any]) -> None:
    """Discards the shell's next reply: the one to this request.

    A stray line on descriptor 1 puts Livy's shell one reply ahead of its server. The server takes that line for the
    reply to this request, and from then on both are in step.
    """
    reading, writing = os.pipe()
    shell_descriptor = running.call.guard.replace_shell_stdout(writing)
    os.close(writing)

    def discard_line() -> None:
        while os.read(reading, 1) != b"\n":
            pass
        os.dup2(shell_descriptor, 1)
        os.close(shell_descriptor)
        os.close(reading)

    threading.Thread(target=discard_line, daemon=True).start()


def ping(namespace: dict[str, Any]) -> dict[str, Any]:
    return {"python": sys.version.split()[0]}


def open_sql(
    namespace: dict[str, Any],
    spark: Any,
    text: str,
    parameters: dict[str, Any] | None = None,
    limit: int | None = None,
    names: list[str] | None = None,
    most_bytes: int | None = None,
    chart: dict[str, Any] | None = None,
    files: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`names`: parameters that take the value of the session's variable of that name. `chart`: see chart_data. `files`: see
    frames."""
    values = {**(parameters or {}), **session_values.values_of(namespace, names or [])}
    if chart:
        return chart_data.header(frames.sql_frame(spark, text, values), spark, chart)
    return frames.open_sql(spark, text, values, limit, most_bytes, files)


answer_beside = beside.answer_beside

OPERATIONS: dict[str, Callable[..., Any]] = {
    "last_reply": last_reply,
    "realign": realign,
    "ping": ping,
    "interrupt": interrupts.interrupt,
    "cell": cells.run,
    "debug": lambda namespace, *rest: debugger.start(*rest),
    "stop_debugging": lambda namespace: debugger.stop(),
    "watch_asserts": lambda namespace: seen.enable(),
    "watch_lines": lambda namespace, *rest: ran.enable(*rest),
    "open_sql": lambda namespace, *rest: open_sql(namespace, display.session_of(namespace), *rest),
    "known_values": session_values.known,
    "open_expression": lambda namespace, *rest: frames.open_expression(namespace, display.session_of(namespace), *rest),
    "open_value": lambda namespace, *rest: frames.open_value(
        cells.CellState.value, "the value of the last line", *rest
    ),
    "explore": lambda namespace, *rest: exploration.opened(namespace, display.session_of(namespace), *rest),
    "explore_chart": lambda namespace, *rest: exploration.chart(namespace, display.session_of(namespace), *rest),
    "explore_profile": lambda namespace, *rest: exploration.profiled(namespace, display.session_of(namespace), *rest),
    "check_table": lambda namespace, *rest: tables.check(display.session_of(namespace), *rest),
    "make_table": lambda namespace, *rest: tables.make(display.session_of(namespace), *rest),
    "take_sample": lambda namespace, *rest: samples.take(display.session_of(namespace), *rest),
    "existing_tables": lambda namespace, *rest: samples.existing(display.session_of(namespace), *rest),
    "load_sample": lambda namespace, *rest: samples.load(namespace, display.session_of(namespace), *rest),
    "complete": introspection.complete,
    "inspect": introspection.inspect_name,
    "inspect_sql": lambda namespace, *rest: introspection.inspect_sql(display.session_of(namespace), *rest),
    "catalog": lambda namespace, *rest: introspection.catalog(display.session_of(namespace), *rest),
    "columns": lambda namespace, *rest: introspection.columns(display.session_of(namespace), *rest),
    "open_files": lambda namespace, *rest: frames.open_files(display.session_of(namespace), *rest),
    "piece": lambda namespace, *rest: frames.piece(*rest),
    "close_frame": lambda namespace, *rest: frames.close_frame(*rest),
    "open_stream": lambda namespace, *rest: streams.open_stream(display.session_of(namespace), *rest),
    "stream_piece": lambda namespace, *rest: streams.stream_piece(*rest),
    "close_stream": lambda namespace, *rest: streams.close_stream(*rest),
    "receive": lambda namespace, *rest: frames.receive(*rest),
    "publish": lambda namespace, *rest: frames.publish(namespace, display.session_of(namespace), *rest),
    "publish_files": lambda namespace, *rest: frames.publish_files(namespace, display.session_of(namespace), *rest),
}
