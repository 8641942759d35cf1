"""The kernel's side of `guard_process`: the process that stops a notebook's sessions where the kernel could not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.waiting import run_in_background
from fabric_livy_magic.sessions import guard_process
from fabric_livy_magic.sessions.guard_process import own_group
from fabric_livy_magic.sessions.records import process_start
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.started_processes import interrupts_blocked, python_path, started_environment

START_WAIT_S = 20.0


class SessionGuard:
    """Of one notebook. Its process runs while there are sessions that must end with the kernel and do not by themselves."""

    def __init__(self, wait_s: Callable[[], float]) -> None:
        """`wait_s`: for how long sessions of a kernel that was killed are left for its successor."""
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._headers: dict[str, str] = {}
        """The authorization last sent for each session: a token near its end is not asked for again here."""
        self._last = ""

    def tell(self, sessions: Iterable[Session], asked_for: Mapping[str, LivyClient], *, at_once: bool = False) -> None:
        """What is to be stopped from now on, and with which authorization; nothing new is sent where that is as before.
        `asked_for`: sessions by name whose ids are not known yet. `at_once`: the kernel is told to end, so nobody will attach
        them."""
        to_stop = [self._entry(one) for one in sessions if must_end_with_kernel(one)]
        unanswered = [_unanswered(name, client) for name, client in asked_for.items()]
        with self._lock:
            if not to_stop and not unanswered and self._process is None:
                return
            message = {
                "sessions": to_stop,
                "asked_for": unanswered,
                "wait_s": self._wait_s(),
                "at_once": at_once,
                "kernel": (os.getpid(), process_start(os.getpid())),
                "parent": _front_end(),
            }
            line = json.dumps(message)
            if line != self._last:
                self._write(line)
                self._last = line

    def close(self) -> None:
        """It ends, once it has stopped what it was told of last."""
        with self._lock:
            self._last = ""
            self._let_go()

    def _entry(self, session: Session) -> dict[str, Any]:
        remote = session.remote
        http = remote.client.http
        header = http.authorization_header() or self._headers.get(session.id, "")
        self._headers[session.id] = header
        return {"id": session.id, "paths": remote.paths(), **_server(http, header)}

    def _write(self, line: str) -> None:
        for _ in range(2):
            try:
                self._process = self._process or _started()
                assert self._process.stdin is not None
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()
            except OSError:  # somebody killed it, or there can be no more processes: cells run without it
                self._let_go()
            else:
                return

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process and process.stdin:
            with contextlib.suppress(OSError):  # what could not be written to one that was killed
                process.stdin.close()


def _unanswered(name: str, client: LivyClient) -> dict[str, Any]:
    server = _server(client.http, client.http.authorization_header())
    return {"name": name, "dialect": client.dialect.value, **server}


def _server(http: LivyHttp, authorization: str) -> dict[str, Any]:
    return {"server": http.base_url, "authorization": authorization, "verify": http.verify}


def must_end_with_kernel(session: Session) -> bool:
    """And does not do so by itself, as those of an embedded Fabric of this notebook do."""
    return session.started_here and not session.target.is_embedded


def _started() -> subprocess.Popen[bytes]:
    environment = started_environment()
    with interrupts_blocked():
        process = subprocess.Popen(
            [sys.executable, "-P", "-S", guard_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(sys.executable).anchor,  # the notebook's folder may be moved, or its disk taken out
            env={**environment, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, python_path(environment)))},
            **own_group(sys.platform),
        )
    run_in_background(lambda: process.wait(START_WAIT_S), "guard")  # its first process ends once the other one runs
    return process


def _front_end() -> tuple[int, float] | None:
    """The process that started this kernel, and when that began. None where this is no kernel, or it has ended already: a program
    may go on without its terminal."""
    application = getattr(sys.modules.get("ipykernel.kernelapp"), "IPKernelApp", None)
    number = os.getppid()
    if application is None or not application.initialized() or number <= 1:
        return None
    began = process_start(number)
    return None if began is None else (number, began)
