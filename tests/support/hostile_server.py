"""A server on a real socket that stalls, drips, lies or never ends: what it does is said in bytes, not in HTTP's terms.

A behaviour gets the connection after a request was read, and the event that ends the server. When it returns, the connection
is closed.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Behaviour = Callable[[socket.socket, threading.Event], None]
Answer = Callable[[str, str], Behaviour]
MIB = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIP_S = 0.05  # far below any time-out: to a time-out that counts anew with each byte all is well


class HostileServer:
    """`answer(method, path)` chooses the behaviour. `seen` has method and path of each request."""

    def __init__(self, answer: Answer) -> None:
        self.seen: list[tuple[str, str]] = []
        self._answer, self._ended = answer, threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError), connection.makefile("rb") as lines:
            method, path, _ = lines.readline().decode().split(" ", 2)
            length = 0
            while (line := lines.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            lines.read(length)
            self.seen.append((method, path))
            self._answer(method, path)(connection, self._ended)

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self) -> HostileServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def always(behaviour: Behaviour) -> Answer:
    return lambda method, path: behaviour


# ------------------------------------------------------------------------------------------------ behaviours
def sends(content: bytes) -> Behaviour:
    return lambda connection, ended: connection.sendall(content)


def gives(value: Any, status: str = "200 OK") -> Behaviour:
    """An honest answer."""
    body = json.dumps(value).encode()
    return sends(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def stalls_after(content: bytes) -> Behaviour:
    def stall(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(content)
        ended.wait()

    return stall


def drips(content: bytes, then: Callable[[], bytes]) -> Behaviour:
    """One byte at a time without an end."""

    def drip(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(content)
        while not ended.wait(DRIP_S):
            connection.sendall(then())

    return drip


def never_ends(content: bytes, part: bytes) -> Behaviour:
    """As fast as it is read."""

    def pour(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(content)
        while not ended.is_set():
            connection.sendall(part)

    return pour


def chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


def bomb(unpacked_bytes: int, wbits: int = 16 + zlib.MAX_WBITS) -> bytes:
    """Zeros, packed a thousand to one: after the first block all are the same bytes."""
    packing = zlib.compressobj(9, wbits=wbits)
    first, block = [packing.compress(bytes(MIB)) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    return first + block * (unpacked_bytes // MIB) + packing.flush()


def packed(body: bytes, encoding: str = "gzip") -> bytes:
    """A whole answer."""
    return OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def many_streams(unpacked_bytes: int) -> bytes:
    """One stream of gzip behind the other."""
    return gzip.compress(bytes(MIB)) * (unpacked_bytes // MIB)


STALLING: dict[str, Behaviour] = {
    "stalls before the head": stalls_after(b""),
    "stalls in the head": stalls_after(b"HTTP/1.1 200 OK\r\nContent-"),
    "stalls before the body": stalls_after(OK + b"Content-Length: 5\r\n\r\n"),
    "stalls in the body": stalls_after(OK + b'Content-Length: 50\r\n\r\n{"id":'),
    "drips the status line": drips(b"HTTP/1.1 200 ", lambda: b"O"),
    "drips a header": drips(OK + b"X-Long: ", lambda: b"x"),
    "drips headers": drips(OK, lambda: b"A: b\r\n"),
    "drips the body": drips(OK + b"Content-Length: 100000\r\n\r\n", lambda: b" "),
    "drips a body without a length": drips(OK + b"Connection: close\r\n\r\n", lambda: b" "),
    "drips chunks": drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", lambda: chunk(b" ")),
    "drips a packed body": drips(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{"), lambda: b"\x1f"),
    "drips trailers": drips(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", lambda: b"A: b\r\n"),
    "drips an error": drips(b"HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n", lambda: b" "),
    "says 100 for ever": never_ends(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
ENDLESS: dict[str, Behaviour] = {
    "an endless body": never_ends(OK + b"Connection: close\r\n\r\n", b" " * MIB),
    "endless chunks": never_ends(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(b" " * MIB)),
    "a length without end": never_ends(OK + b"Content-Length: 999999999999999\r\n\r\n", b" " * MIB),
    "a bomb": sends(packed(bomb(1024 * MIB))),
    "a bomb of many streams": sends(packed(many_streams(1024 * MIB))),
    "a bomb in zlib's form": sends(packed(bomb(1024 * MIB, zlib.MAX_WBITS), "deflate")),
}
