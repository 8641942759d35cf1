"""A proxy before a real server that breaks calls at random: before the server has acted, after it, or before it acts.

The faults are drawn from a seed. With several threads the order of the calls is not fixed, so a seed gives the same mix of
faults, not the same run.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Microsoft-Azure-Application-Gateway/v2</body></html>"
# By the moment: `before` the server has acted, `after` it has, or `early`: the connection ends before the server acts.
BEFORE, AFTER, EARLY = "before", "after", "early"
FAULTS = {
    BEFORE: ("close", "reset", "500", "502", "503", "504", "html", "429", "429 date", "429 until", "401", "404", "cut"),
    AFTER: ("close", "reset", "500", "502", "503", "504", "html", "half", "cut", "empty", "null", "stall"),
    EARLY: ("close", "reset"),
}
OWN_HEADERS = {"host", "connection", "accept-encoding"}
EARLY_DELAY_S = 0.05  # from the end of the connection to the server's work; the client looks for a lost statement later
STALL_S = 2.5  # longer than the client waits for an answer; so it comes rarely


def until_text(moment_s: float) -> str:
    """As Fabric writes it: `4/17/2026 12:22:35 PM (UTC)`."""
    at = time.gmtime(moment_s)
    half = "AM" if at.tm_hour < 12 else "PM"
    return f"{at.tm_mon}/{at.tm_mday}/{at.tm_year} {at.tm_hour % 12 or 12}:{at.tm_min:02}:{at.tm_sec:02} {half} (UTC)"


class FaultyProxy:
    def __init__(
        self,
        server: str,
        seed: int,
        share: float,
        may_inject: Callable[[str, str, str], bool],
        tls: ssl.SSLContext,
        host: str,
    ) -> None:
        """`may_inject(method, path, fault)`: for what cannot be borne there, by the contract. `host` is what its clients
        call this machine."""
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._share, self._may_inject = share, may_inject
        self.injected: Counter[str] = Counter()
        self.calls = 0
        self.latest_s = 0.0
        """How long after the end of its connection a request was done."""
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"https://{host}:{self._http.server_port}{parts.path}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def draw(self, method: str, path: str) -> tuple[str, str] | None:
        """(when, fault) for this call."""
        with self._lock:
            self.calls += 1
            if self.calls == 1:  # an address that has never answered well is taken for a wrong one
                return None
            if method == "POST" and path.endswith("/sessions") and not self.injected[f"{BEFORE} 430"]:
                self.injected[f"{BEFORE} 430"] += 1  # the one call that a full capacity refuses
                return BEFORE, "430"
            if self._random.random() >= self._share:
                return None
            when = self._random.choices((BEFORE, AFTER, EARLY), (5, 5, 1))[0]
            fault = self._random.choice(FAULTS[when])
            if not self._may_inject(method, path, fault) or (fault == "stall" and self._random.random() > 0.2):
                return None
            self.injected[f"{when} {fault}"] += 1
            return when, fault

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        server = http.client.HTTPConnection(self._host, self._port, timeout=60)
        try:
            server.request(method, path, body, headers)
            answer = server.getresponse()
            return answer.status, answer.read()
        finally:
            server.close()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Connections that were reset on purpose."""


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN_HEADERS}
            drawn = proxy.draw(self.command, self.path.partition("?")[0])
            if drawn is None:
                return self.answer(*proxy.forward(self.command, self.path, body, headers))
            when, fault = drawn
            if when == EARLY:
                broke_off_at = time.monotonic()
                self.break_off(fault)
                time.sleep(EARLY_DELAY_S)
            reply = (200, b'{"id": 0}') if when == BEFORE else proxy.forward(self.command, self.path, body, headers)
            if when == EARLY:
                proxy.latest_s = max(proxy.latest_s, time.monotonic() - broke_off_at)
                return None
            return self.inject(fault, *reply)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - names of the library

        def inject(self, fault: str, status: int, content: bytes) -> None:
            if fault in {"close", "reset"}:
                return self.break_off(fault)
            if fault == "stall":
                time.sleep(STALL_S)
                return self.answer(status, content)
            if fault == "cut":  # fewer bytes than were announced
                return self.answer(status, content[: len(content) // 2], announced=len(content) + 10)
            if fault == "html":
                return self.answer(status, PAGE)
            if fault in {"half", "empty", "null"}:
                short = {"half": content[: len(content) // 2], "empty": b"", "null": b"null"}[fault]
                return self.answer(status, short)
            return self.refuse(fault)

        def refuse(self, fault: str) -> None:
            code, _, how = fault.partition(" ")
            retry_at_s = time.time() + 1
            headers = {}
            message = "injected by the faulty proxy"
            if how == "until":
                message = f"Request is blocked by the upstream service until: {until_text(retry_at_s)}"
            elif code == "429":
                headers["Retry-After"] = formatdate(retry_at_s, usegmt=True) if how else "1"
            body = PAGE if code == "502" else json.dumps({"errorCode": "Struck", "message": message}).encode()
            self.answer(int(code), body, **headers)

        def break_off(self, fault: str) -> None:
            self.close_connection = True
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

        def answer(self, status: int, content: bytes, announced: int | None = None, **headers: str) -> None:
            lines = [f"HTTP/1.1 {status} Status", "Content-Type: application/json"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(content) if announced is None else announced}", "", ""]
            self.close_connection = self.close_connection or announced is not None
            try:
                self.wfile.write("\r\n".join(lines).encode() + content)
            except OSError:
                self.close_connection = True  # the client closed the connection

        def log_message(self, *words: Any) -> None:
            """Nothing."""

    return Handler
