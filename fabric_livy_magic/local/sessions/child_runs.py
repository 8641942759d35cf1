"""Notebooks that a notebook runs: each in a REPL of its own, for as long as its caller waits. It is on the session's Spark, unless the
notebook names another default lakehouse (`child_sessions`).

A session's Python sends its request to a loopback socket, with the session's secret: one line of JSON in, one line out. When
the connection is closed, the run ends.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import select
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError

from fabric_livy_magic.local.interpreters.python_process import WorkerDied
from fabric_livy_magic.local.sessions.child_notebooks import NotRunnable, Step, steps_of
from fabric_livy_magic.local.sessions.child_sessions import ChildHost, ChildSessions
from fabric_livy_magic.local.sessions.notebook_context import notebook_id
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.lakehouses import lakehouses_of

EXIT = "NotebookExit"  # the error by which `notebook.exit` ends a notebook; its text is the value
MAX_DEPTH = 5  # each is a Python process of its own
MAX_REQUEST_BYTES = 16 * 1024 * 1024  # of arguments
REQUEST_WAIT_S = 10.0
POLL_INTERVAL_S = 0.01

Json = dict[str, Any]


class ChildRuns:
    """`open_repl` takes the id of a REPL and the notebook entry of its Python's context; `note` writes a line into the log."""

    def __init__(
        self,
        open_repl: Callable[[str, Mapping[str, Any]], Repl],
        close_repl: Callable[[str], None],
        notebooks: Path | None,
        note: Callable[[str], None],
        elsewhere: ChildSessions | None = None,
    ) -> None:
        self._open_repl = open_repl
        self._close_repl = close_repl
        self._notebooks = notebooks
        self._note = note
        self._elsewhere = elsewhere
        self._secret = secrets.token_urlsafe(32)
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="child-runs", daemon=True).start()

    @property
    def connection_info(self) -> Json:
        """What the session's Python needs to connect."""
        return {"port": self._listener.getsockname()[1], "secret": self._secret}

    def close(self) -> None:
        """No new run begins. Those that run end with their REPLs."""
        with contextlib.suppress(OSError):  # closed before; macOS says so of every listener
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="child-notebook", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                request = self._read_request(connection)
                reply = self._run(request, connection) if request else None
                if reply is not None:
                    connection.sendall(json.dumps(reply).encode("ascii") + b"\n")
            except OSError:
                pass  # the caller closed the connection: nobody reads the reply

    def _read_request(self, connection: socket.socket) -> Json | None:
        """None where the secret is wrong."""
        connection.settimeout(REQUEST_WAIT_S)
        with connection.makefile("rb") as lines:
            line = lines.readline(MAX_REQUEST_BYTES)
        try:
            request = json.loads(line)
            known = hmac.compare_digest(str(request["secret"]).encode(), self._secret.encode())
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return request if known else None

    def _run(self, request: Json, connection: socket.socket) -> Json | None:
        """The reply; None when the caller has closed the connection meanwhile."""
        caller = request["caller"]
        callers = [*caller.get("above", []), caller.get("name") or "(the first notebook)"]
        if len(callers) > MAX_DEPTH:
            return {"refused": f"Notebooks run notebooks {MAX_DEPTH} deep at most: {' → '.join(callers)}"}
        try:
            caller_file = Path(caller["file"]) if caller.get("file") else None
            file, steps = steps_of(self._notebooks, request["notebook"], request["arguments"], caller_file)
        except NotRunnable as problem:
            return {"refused": str(problem)}
        repl_id, name = str(uuid.uuid4()), file.name
        notebook = {
            "name": name,
            "id": notebook_id(file.path),
            "file": str(file.path),
            "above": callers,
            "run_id": repl_id,
            "parent_run_id": caller.get("run_id"),
        }
        began = time.monotonic()
        try:
            host = None if request["in_callers_lakehouse"] else self._host_of(file)
            repl = host.open_repl(repl_id, notebook) if host else self._open_repl(repl_id, notebook)
        except (JvmGone, WorkerDied, Py4JError, OSError) as problem:
            return {"failed": f"Notebook {name!r} did not start: {problem}"}
        try:
            reply = self._run_steps(repl, name, steps, float(request["timeout_s"]), connection)
        finally:
            (host.close_repl if host else self._close_repl)(repl_id)
        outcome = "the caller has gone" if reply is None else "failed" if "failed" in reply else "done"
        self._note(f"notebook {name}: {outcome} after {time.monotonic() - began:.1f} s")
        return reply

    def _host_of(self, file: NotebookFile) -> ChildHost | None:
        named = lakehouses_of(file.read())
        return self._elsewhere.host_of(named) if self._elsewhere and named.default else None

    def _run_steps(
        self, repl: Repl, name: str, steps: list[Step], timeout_s: float, connection: socket.socket
    ) -> Json | None:
        for step in steps:
            statement = repl.submit_unlisted(step.code, step.kind)
            until = time.monotonic() + timeout_s
            while not statement.finished:
                if _caller_closed(connection, POLL_INTERVAL_S):
                    return None
                if time.monotonic() > until:
                    return {"failed": f"Notebook {name!r}: {step.where} took longer than {timeout_s:g} s (its timeout)"}
            output = statement.output or {}
            if output.get("status") == "error":
                return _reply_to_error(output, name, step)
        return {"exit": ""}


def _reply_to_error(output: Json, name: str, step: Step) -> Json:
    if output["ename"] == EXIT:
        return {"exit": output["evalue"]}
    message = f"Notebook {name!r} failed in {step.where}: {output['ename']}: {output['evalue']}"
    return {"failed": message, "traceback": "".join(output.get("traceback", []))}


def _caller_closed(connection: socket.socket, wait_s: float) -> bool:
    """After its request the caller sends nothing, so what is readable is the end of the connection."""
    readable, _, _ = select.select([connection], [], [], wait_s)
    if not readable:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
