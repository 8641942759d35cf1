"""Requests the run of a child notebook, in a REPL of its own, from the server.

One connection per run, on a loopback port, with the session's secret: one line of JSON as request, one as reply. The run ends
with the connection, so that it also ends with an interrupt or with this process.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any, Dict, Set

from notebookutils._context import find_workspace, session_context
from notebookutils._errors import NoPlace, NotebookRunFailed, NotebookUtilsError


class ChildRuns:
    """The runs of one `runMultiple`; `end` is for another thread."""

    def __init__(self) -> None:
        self._links: Set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ended = False

    def run(self, path: str, timeout_s: float, arguments: Dict[str, Any], workspace: str) -> str:
        return run(path, timeout_s, arguments, workspace, self)

    def begin(self, link: socket.socket) -> None:
        with self._lock:
            if self._ended:
                raise NotebookUtilsError("The run was ended.")
            self._links.add(link)

    def finish(self, link: socket.socket) -> None:
        with self._lock:
            self._links.discard(link)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            for link in self._links:
                with contextlib.suppress(OSError):  # the run has ended
                    link.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads; a close would not


def run(path: str, timeout_s: float, arguments: Dict[str, Any], workspace: str, runs: ChildRuns | None = None) -> str:
    request = request_of(path, timeout_s, arguments, workspace)
    runs = runs or ChildRuns()
    with socket.create_connection(("127.0.0.1", session_context().facts["children"]["port"])) as link:
        runs.begin(link)
        try:
            link.sendall(request)
            with link.makefile("rb") as replies:
                line = replies.readline()
        finally:
            runs.finish(link)
    if not line:
        raise NotebookRunFailed(f"The run of {path!r} was ended.")
    return value_of(json.loads(line))


def request_of(path: str, timeout_s: float, arguments: Dict[str, Any], workspace: str) -> bytes:
    context = session_context()
    if "children" not in context.facts:
        raise NotebookUtilsError("Other notebooks are run from a session, and this is none.")
    if not isinstance(path, str) or not path.strip():
        raise NotebookUtilsError(f"notebook.run takes the name of a notebook, and this is {path!r}.")
    if workspace and find_workspace(workspace).id != context.workspace.id:
        raise NoPlace(
            f"{path!r} of the workspace {workspace!r}: the embedded Fabric runs the notebooks of one repository, as its own "
            "workspace's."
        )
    parameters = {name: value for name, value in arguments.items() if name != "useRootDefaultLakehouse"}
    notebook = context.facts.get("notebook") or {}
    request = {
        "secret": context.facts["children"]["secret"],
        "notebook": path,
        "timeout_s": timeout_s,
        "arguments": parameters,
        "in_callers_lakehouse": str(arguments.get("useRootDefaultLakehouse", "")).lower() == "true",
        "caller": notebook,
    }
    try:
        return json.dumps(request).encode("ascii") + b"\n"
    except (TypeError, ValueError) as problem:
        raise NotebookUtilsError(
            f"The arguments of a notebook are texts, numbers, booleans, lists and dicts of them: {problem}"
        ) from None


def value_of(reply: Dict[str, Any]) -> str:
    if "failed" in reply:
        raise NotebookRunFailed(reply["failed"], reply.get("traceback", ""))
    if "refused" in reply:
        raise NotebookUtilsError(reply["refused"])
    value: str = reply["exit"]
    return value
