"""A proxy before a real server that holds the next request of a kind, so that a test can act at that moment.

Faults of the embedded Fabric are chosen before it starts, by count; here a test chooses while the server runs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

LONGEST_S = 30.0


@dataclass
class Hold:
    """`after_work`: the server handles the request, and its answer is held. `status`: answered instead, at once, for each
    request that fits."""

    method: str
    path: str
    after_work: bool = False
    status: int | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    """The server has handled the request that was held."""


class Proxy:
    def __init__(self, server: str) -> None:
        self.server = server
        self.hold: Hold | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @contextmanager
    def holding(self, method: str, path: str, *, after_work: bool = False, status: int | None = None) -> Iterator[Hold]:
        self.hold = hold = Hold(method, path, after_work, status)
        try:
            yield hold
        finally:
            self.hold = None
            hold.released.set()

    def hold_for(self, method: str, path: str) -> Hold | None:
        hold = self.hold
        if hold is None or hold.method != method or not re.search(hold.path, path.partition("?")[0]):
            return None
        if hold.status is None:
            self.hold = None  # one request alone
        return hold

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hold = proxy.hold_for(self.command, self.path)
                if hold and hold.status is not None:
                    hold.reached.set()
                    return self.answer(hold.status, {"Retry-After": "2"}, b'{"message": "not now"}')
                if hold and not hold.after_work:
                    hold.reached.set()
                    hold.released.wait(LONGEST_S)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                answer = requests.request(
                    self.command,
                    proxy.server + self.path,
                    data=body,
                    headers=headers,
                    timeout=60,
                    allow_redirects=False,
                )
                if hold and hold.after_work:
                    hold.reached.set()
                    hold.released.wait(LONGEST_S)
                if hold:
                    hold.answered.set()
                return self.answer(answer.status_code, {}, answer.content)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - names of the library

            def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
                try:
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # the client has gone

            def log_message(self, *words: Any) -> None:
                """Nothing."""

        return Handler

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
