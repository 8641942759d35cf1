"""A faulty network before one host: at random its name is not found, nothing listens there, or its TLS handshake fails.

It replaces `socket.getaddrinfo`, so each fault is a real one of sockets and TLS.
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
MACHINE_SETTINGS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class FaultyNetwork:
    """`with`, or `start` and `close`, put it in place. A share of the new connections to HOST fails, the first one never."""

    def __init__(self, seed: int, share: float) -> None:
        self._random, self._share = random.Random(seed), share
        self._getaddrinfo = socket.getaddrinfo
        self.injected: Counter[str] = Counter()
        self._lookups = 0
        self._lock = threading.Lock()
        self._environ = mock.patch.dict(os.environ)

    def __enter__(self) -> FaultyNetwork:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        self._closed = socket.socket()  # bound, so that no other process listens there
        self._closed.bind(("127.0.0.1", 0))
        self._closing_listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._close_connections, daemon=True).start()
        self._environ.start()
        for name in MACHINE_SETTINGS:
            os.environ.pop(name, None)
        socket.getaddrinfo = self._resolve  # type: ignore[assignment]

    def close(self) -> None:
        socket.getaddrinfo = self._getaddrinfo
        self._environ.stop()
        self._closed.close()
        self._closing_listener.shutdown(socket.SHUT_RDWR)
        self._closing_listener.close()

    def _resolve(self, host: Any, port: Any, *arguments: Any, **keywords: Any) -> Any:
        if host != HOST:
            return self._getaddrinfo(host, port, *arguments, **keywords)
        fault = self._draw()
        if fault == "no name":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if fault:
            port = (self._closed if fault == "nothing listens" else self._closing_listener).getsockname()[1]
        return self._getaddrinfo("127.0.0.1", port, *arguments, **keywords)

    def _draw(self) -> str:
        with self._lock:
            self._lookups += 1
            if self._lookups == 1 or self._random.random() >= self._share:
                return ""
            fault = self._random.choice(FAULTS)
            self.injected[fault] += 1
            return fault

    def _close_connections(self) -> None:
        while True:
            try:
                self._closing_listener.accept()[0].close()
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
