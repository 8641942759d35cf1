"""`fabric-livy serve`: the server process, from its options to its clean end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from fabric_livy_magic.local.launch import MISSING_EXTRA, default_lakehouse
from fabric_livy_magic.local.offered import offered

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - a name
EXIT_USAGE, EXIT_MISSING_EXTRA = 2, 3


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--token", help="bearer token that requests must carry (default: a random one)")
    parser.add_argument(
        "--lakehouse", type=Path, help="folder that holds Tables/ and Files/ (default: one in the user's data folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready, and nothing else")
    parser.add_argument("--owned", action="store_true", help="end when standard input ends")


def run_serve(options: argparse.Namespace) -> int:
    lakehouse = options.lakehouse or default_lakehouse()
    return serve(options.port, options.token, lakehouse, options.json, options.owned)


def serve(port: int, token: str | None, lakehouse: Path, as_json: bool, owned: bool) -> int:
    """Runs until SIGINT, SIGTERM or, when owned, the end of standard input. Returns the exit code."""
    if any(find_spec(name) is None for name in ("tornado", "pyspark", "py4j")):
        return _complain(MISSING_EXTRA, EXIT_MISSING_EXTRA)
    try:
        lakehouse = lakehouse.expanduser().resolve()
        lakehouse.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
    except OverflowError:
        return _complain(f"{port} is no port number", EXIT_USAGE)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return _complain(
                f"port {port} is in use; choose another --port, or leave it out for a free one", EXIT_USAGE
            )
        return _complain(str(problem), EXIT_USAGE)
    with listener:
        asyncio.run(_serve(listener, token or secrets.token_urlsafe(32), lakehouse, as_json, owned))
    return 0


def _complain(message: str, code: int) -> int:
    print(f"fabric-livy serve: {message}", file=sys.stderr)  # noqa: T201 - a command line
    return code


class Reaper:
    """The process that ends ours if we are killed; see `reaper`."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("reaper.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        self._tell("watch", group)

    def forget(self, group: int) -> None:
        self._tell("forget", group)

    def _tell(self, verb: str, group: int) -> None:
        assert self._process.stdin is not None
        with self._lock:
            try:
                self._process.stdin.write(f"{verb} {group}\n")
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # it was killed, or we are at our own end; JVM and Python process watch for themselves, too

    def close(self) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.close()
        self._process.wait()


async def _serve(listener: socket.socket, token: str, lakehouse: Path, as_json: bool, owned: bool) -> None:
    from tornado.httpserver import HTTPServer

    from fabric_livy_magic.local.app import Place, make_app
    from fabric_livy_magic.local.session import Groups
    from fabric_livy_magic.local.sessions import Sessions

    folder = Path(tempfile.mkdtemp(prefix="fabric-livy-"))  # 0700
    reaper = Reaper(folder)
    sessions = Sessions(lakehouse, folder, Groups(reaper.watch, reaper.forget))
    place = Place(lakehouse)
    try:
        listener.setblocking(False)
        server = HTTPServer(make_app(sessions, place, token))
        server.add_sockets([listener])
        stop = asyncio.Event()
        _stop_on_signals(stop)
        if owned:
            _stop_at_end_of(sys.stdin, stop)
        port = listener.getsockname()[1]
        with offered(port, token) if not owned else contextlib.nullcontext(False) as found:
            _announce(port, token, place.livy_path(), as_json, found)
            await stop.wait()
        server.stop()
        await asyncio.get_running_loop().run_in_executor(None, sessions.stop_all)
    finally:
        reaper.close()
        shutil.rmtree(folder, ignore_errors=True)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _stop_at_end_of(stream: TextIO, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(stream.fileno(), 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="owner", daemon=True).start()


def _announce(port: int, token: str, livy_path: str, as_json: bool, found: bool) -> None:
    api_url = f"http://127.0.0.1:{port}/v1"
    endpoint = f"{api_url}/{livy_path}"
    if as_json:
        line = json.dumps({"api_url": api_url, "livy_endpoint": endpoint, "token": token, "pid": os.getpid()})
        print(line, flush=True)  # noqa: T201 - a command line
        return
    if found:
        how = f"A notebook of this user finds the token by itself; for others, set {TOKEN_VARIABLE} to it."
    else:
        how = f"Before that, set the environment variable {TOKEN_VARIABLE} to the token."
    print(  # noqa: T201 - a command line
        f"Livy endpoint: {endpoint}\nToken:         {token}\n\n"
        f"In a notebook, paste:\n\n%livy use {endpoint}\n\n{how}\nCtrl-C ends it.",
        flush=True,
    )
