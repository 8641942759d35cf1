"""The network before one host: at random its name is not found, nothing listens there, or TLS breaks in its handshake.

It answers the look-ups of this process, so that each fault is a real one of sockets and TLS.
"""

from __future__ import annotations

import os
import random
import socket
import ssl
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives import serialization

from tests.support.entra.certificates import certificate_authority, new_key, pem_of, signed_certificate

HOST = "livy.test"
FAULTS = ("no name", "nothing listens", "handshake")
OF_THE_MACHINE = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class FaultyNetwork:
    """`with`, or `start` and `close`, put it in place. A share of the new connections to HOST fails, the first one never."""

    def __init__(self, seed: int, share: float) -> None:
        self._lots, self._share = random.Random(seed), share
        self._look_up = socket.getaddrinfo
        self.injected: Counter[str] = Counter()
        self._asked = 0
        self._lock = threading.Lock()
        self._environ = mock.patch.dict(os.environ)

    def __enter__(self) -> FaultyNetwork:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        self._closed = socket.socket()  # bound, so that nobody else listens there
        self._closed.bind(("127.0.0.1", 0))
        self._hanging_up = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._hang_up, daemon=True).start()
        self._environ.start()
        for name in OF_THE_MACHINE:
            os.environ.pop(name, None)
        socket.getaddrinfo = self._found  # type: ignore[assignment]

    def close(self) -> None:
        socket.getaddrinfo = self._look_up
        self._environ.stop()
        self._closed.close()
        self._hanging_up.shutdown(socket.SHUT_RDWR)
        self._hanging_up.close()

    def _found(self, host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != HOST:
            return self._look_up(host, port, *more, **named)
        fault = self._draw()
        if fault == "no name":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if fault:
            port = (self._closed if fault == "nothing listens" else self._hanging_up).getsockname()[1]
        return self._look_up("127.0.0.1", port, *more, **named)

    def _draw(self) -> str:
        with self._lock:
            self._asked += 1
            if self._asked == 1 or self._lots.random() >= self._share:
                return ""
            fault = self._lots.choice(FAULTS)
            self.injected[fault] += 1
            return fault

    def _hang_up(self) -> None:
        while True:
            try:
                self._hanging_up.accept()[0].close()
            except OSError:
                return


def tls_of(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server at HOST speaks TLS with, and the CA file to trust it by."""
    key, ca = new_key(1), certificate_authority()
    server = signed_certificate(HOST, key, ca, new_key(0), addresses=("127.0.0.1",), host=HOST)
    (folder / "server.pem").write_bytes(pem_of(key) + server.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "ca.pem"
