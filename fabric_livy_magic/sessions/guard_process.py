"""Stops the sessions of a kernel that ended without stopping them: by SIGKILL, by Windows' `taskkill /F`, by a crash.

A script, run without site-packages, which it adds when it needs them: most kernels end cleanly, and it has cost them 20 ms.
It is no descendant of the kernel, so that what ends the kernel's process tree does not end it. Its standard input
is a pipe from the kernel: JSON lines, each with all that is to be stopped, as `guard` writes them. The end of the pipe is the end
of the kernel. What it may send stands in these lines alone; nothing of it is in arguments, variables or files.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import site
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ON_ITS_OWN = "--on-its-own"
LOOK_S = 1.0
LOOK_AT_PROCESSES_S = 3.0
REQUEST_TIMEOUT_S = 20.0
TRY_FOR_S = 60.0
WINDOWS_DETACHED = 0x00000008 | 0x00000200  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP: no console's Ctrl-C


def own_group(platform: str) -> dict[str, Any]:
    """Of Popen: the process gets no signal that is meant for the kernel's terminal or process group."""
    return {"creationflags": WINDOWS_DETACHED} if platform == "win32" else {"start_new_session": True}


class Told:
    """What the kernel said last."""

    def __init__(self) -> None:
        self.message: Mapping[str, Any] = {}
        self.pipe_ended = threading.Event()

    def listen(self) -> None:
        for line in sys.stdin:
            with contextlib.suppress(ValueError):  # half a line: the kernel was killed while it wrote
                self.message = json.loads(line)
        self.pipe_ended.set()

    @property
    def sessions(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.message.get("sessions", ())
        return found

    @property
    def asked_for(self) -> Sequence[Mapping[str, Any]]:
        """Sessions that the kernel has asked for, and whose ids it did not know yet."""
        found: Sequence[Mapping[str, Any]] = self.message.get("asked_for", ())
        return found

    def has_no_successor(self) -> bool:
        """Nobody starts another kernel in its place: it was told to end, or its front end has ended as well."""
        parent = self.message.get("parent")
        return bool(self.message.get("at_once")) or (parent is not None and not _runs(parent))


def main() -> None:
    told = Told()
    threading.Thread(target=told.listen, name="kernel", daemon=True).start()
    _wait_for_the_end(told)
    if not told.sessions and not told.asked_for:
        return
    _add_site_packages()
    with ThreadPoolExecutor() as threads:
        searches = [threads.submit(_stop_when_listed, one) for one in told.asked_for]  # nobody else knows of them
        left = _not_taken_over(told)
        stopped = list(threads.map(_stop, left))
        _forget([one["id"] for one, is_stopped in zip(left, stopped, strict=True) if is_stopped])
        for search in searches:
            search.result()


@functools.cache
def _add_site_packages() -> None:
    site.main()


def _wait_for_the_end(told: Told) -> None:
    """Until the kernel has ended, or its front end has, without which nobody can use the kernel."""
    while not told.pipe_ended.wait(LOOK_AT_PROCESSES_S):
        # A process that the kernel's code forked has the pipe, too.
        if told.message and (not _runs(told.message["kernel"]) or told.has_no_successor()):
            return


def _not_taken_over(told: Told) -> list[Mapping[str, Any]]:
    """The sessions that no new kernel of the notebook has attached, after the time that it is given for that."""
    from fabric_livy_magic.sessions.records import kernel_records

    until = time.monotonic() + float(told.message["wait_s"])
    left = list(told.sessions)
    while left and time.monotonic() < until and not told.has_no_successor():
        time.sleep(min(LOOK_S, max(0.0, until - time.monotonic())))
        taken = {one.id for kernel in kernel_records() if kernel.is_alive for one in kernel.sessions}
        left = [one for one in left if one["id"] not in taken]
    return left


def _runs(process: Sequence[float]) -> bool:
    """`process` is its number and when it began: another one may get the number."""
    _add_site_packages()
    from fabric_livy_magic.sessions.records import is_running

    return is_running(int(process[0]), process[1])


class _Given:
    """The header that the kernel's last request had."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = self._header
        return request

    def as_it_is(self) -> _Given:
        return self

    def keep_valid(self) -> None:
        pass

    def renew(self) -> bool:
        return False

    def account(self) -> str:
        return ""


def _stop(session: Mapping[str, Any]) -> bool:
    """Whether it is stopped now. Tries for a minute where the server cannot be reached; what the server refuses stays on record, for
    `%livy sessions --mine`."""
    from fabric_livy_magic.errors import FabricLivyError, NotFoundError

    http = _http(session)
    try:
        for path in session["paths"]:
            with contextlib.suppress(NotFoundError):
                http.within(TRY_FOR_S).delete(path)
    except FabricLivyError:
        return False
    return True


def _stop_when_listed(session: Mapping[str, Any]) -> None:
    from fabric_livy_magic.livy.client import Dialect, LivyClient
    from fabric_livy_magic.livy.creation import Creation
    from fabric_livy_magic.settings import SessionSpec

    client = LivyClient(_http(session), Dialect(session["dialect"]))
    creation, until = Creation(client, SessionSpec(), own_name=session["name"]), time.monotonic() + TRY_FOR_S
    while not creation.stop_when_listed() and time.monotonic() < until:
        pass  # it waits between its looks


def _http(session: Mapping[str, Any]) -> Any:
    from fabric_livy_magic.livy.http import LivyHttp

    given = _Given(session["authorization"]) if session["authorization"] else None
    return LivyHttp(session["server"], given, timeout_s=REQUEST_TIMEOUT_S, verify=session["verify"])


def _forget(ids: list[str]) -> None:
    from fabric_livy_magic.sessions.records import forget

    for one in ids:
        forget(one)


def leave_the_tree(platform: str) -> None:
    """Goes on in a process whose parent has ended, so that it is below the kernel in no process tree."""
    if platform != "win32":
        if os.fork():
            os._exit(0)
    elif ON_ITS_OWN not in sys.argv:
        subprocess.Popen(
            [*sys.orig_argv, ON_ITS_OWN], stdin=sys.stdin, stdout=subprocess.DEVNULL, **own_group(platform)
        )
        sys.exit(0)


if __name__ == "__main__":
    # Before anything else: VS Code sends SIGINT to each process below the kernel, and closing a terminal SIGHUP to all in it.
    for signal_name in ("SIGINT", "SIGHUP", "SIGTERM"):
        if hasattr(signal, signal_name):
            signal.signal(getattr(signal, signal_name), signal.SIG_IGN)
    leave_the_tree(sys.platform)
    main()
