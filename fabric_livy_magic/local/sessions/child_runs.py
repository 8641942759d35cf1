"""Notebooks that a notebook runs: each in a REPL of its own on the session's Spark, for as long as its caller waits.

A session's Python asks on a socket that only this machine reaches, with the session's secret: one line of JSON in, one out.
When the connection ends, so does the run.
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
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.spark.jvm import JvmGone

EXIT = "NotebookExit"  # the error by which `notebook.exit` ends a notebook; its text is the value
MOST_NESTED = 5  # each is a Python process of its own
MOST_BYTES = 16 * 1024 * 1024  # of arguments
REQUEST_WAIT_S = 10.0
POLL_INTERVAL_S = 0.01

Json = dict[str, Any]


class ChildRuns:
    """`open_repl` takes the id of a REPL and what its Python is to know about its notebook."""

    def __init__(
        self,
        open_repl: Callable[[str, Mapping[str, Any]], Repl],
        close_repl: Callable[[str], None],
        notebooks: Path | None,
        note: Callable[[str], None],
    ) -> None:
        self._open_repl = open_repl
        self._close_repl = close_repl
        self._notebooks = notebooks
        self._note = note
        self._secret = secrets.token_urlsafe(32)
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="children", daemon=True).start()

    @property
    def facts(self) -> Json:
        """What the session's Python needs to ask."""
        return {"port": self._listener.getsockname()[1], "secret": self._secret}

    def close(self) -> None:
        """Nothing new begins. What runs ends with its REPL."""
        with contextlib.suppress(OSError):  # closed before; macOS says so of every listener
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), name="child-notebook", daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with link:
            try:
                request = self._request(link)
                answer = self._run(request, link) if request else None
                if answer is not None:
                    link.sendall(json.dumps(answer).encode("ascii") + b"\n")
            except OSError:
                pass  # the caller has gone, and with it who would want to know

    def _request(self, link: socket.socket) -> Json | None:
        """None for whoever does not know the secret."""
        link.settimeout(REQUEST_WAIT_S)
        with link.makefile("rb") as lines:
            line = lines.readline(MOST_BYTES)
        try:
            request = json.loads(line)
            known = hmac.compare_digest(str(request["secret"]).encode(), self._secret.encode())
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return request if known else None

    def _run(self, request: Json, link: socket.socket) -> Json | None:
        """None when the caller has gone meanwhile."""
        caller = request["caller"]
        above = [*caller.get("above", []), caller.get("name") or "(the first notebook)"]
        if len(above) > MOST_NESTED:
            return {"refused": f"Notebooks run notebooks {MOST_NESTED} deep at most: {' → '.join(above)}"}
        try:
            name, steps = steps_of(self._notebooks, request["notebook"], request["arguments"])
        except NotRunnable as problem:
            return {"refused": str(problem)}
        repl_id = str(uuid.uuid4())
        told = {
            "name": name,
            "above": above,
            "run_id": repl_id,
            "parent_run_id": caller.get("run_id"),
        }
        began = time.monotonic()
        try:
            repl = self._open_repl(repl_id, told)
        except (JvmGone, WorkerDied, Py4JError, OSError) as problem:
            return {"failed": f"Notebook {name!r} did not start: {problem}"}
        try:
            answer = self._run_steps(repl, name, steps, float(request["timeout_s"]), link)
        finally:
            self._close_repl(repl_id)
        told_end = "the caller has gone" if answer is None else "failed" if "failed" in answer else "done"
        self._note(f"notebook {name}: {told_end} after {time.monotonic() - began:.1f} s")
        return answer

    def _run_steps(
        self, repl: Repl, name: str, steps: list[Step], timeout_s: float, link: socket.socket
    ) -> Json | None:
        for step in steps:
            statement = repl.submit_unlisted(step.code, step.kind)
            until = time.monotonic() + timeout_s
            while not statement.finished:
                if _has_gone(link, POLL_INTERVAL_S):
                    return None
                if time.monotonic() > until:
                    return {"failed": f"Notebook {name!r}: {step.where} took longer than {timeout_s:g} s (its timeout)"}
            output = statement.output or {}
            if output.get("status") == "error":
                return _ending(output, name, step)
        return {"exit": ""}


def _ending(output: Json, name: str, step: Step) -> Json:
    if output["ename"] == EXIT:
        return {"exit": output["evalue"]}
    message = f"Notebook {name!r} failed in {step.where}: {output['ename']}: {output['evalue']}"
    return {"failed": message, "traceback": "".join(output.get("traceback", []))}


def _has_gone(link: socket.socket, wait_s: float) -> bool:
    """The caller sends one line, and then nothing until it closes."""
    readable, _, _ = select.select([link], [], [], wait_s)
    if not readable:
        return False
    try:
        return not link.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
