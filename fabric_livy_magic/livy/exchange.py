"""One exchange with a server: it ends within its time whatever the server does, and no answer fills the memory.

The time-out of `requests` counts anew with each byte. Here it counts from the first to the last byte of the exchange: each
system call on the socket gets what is left of it. The body is read in parts and unpacked within a limit.
"""

from __future__ import annotations

import contextvars
import http.client
import io
import socket
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from fabric_livy_magic.errors import AnswerTooLarge

MIB = 1024 * 1024
CONNECT_TIMEOUT_S = 10.0
# Livy's driver sends 50 MiB at most. Fabric gives a session's latest hundred statements in one answer, outputs and all.
MOST_ANSWER_BYTES = 256 * MIB
MOST_ERROR_BYTES = MIB  # of an error's text; the rest is left unread
PART_BYTES = MIB
UNPACKED_PART_BYTES = 8 * MIB  # zlib holds a part twice for a moment
# Of those that `requests` offers only this can be unpacked within a limit without a library of its own.
ACCEPT_ENCODING: Mapping[str, str] = {"Accept-Encoding": "gzip"}
PACKED = {"gzip", "x-gzip", "deflate"}
ADVICE = "Have the cell print or collect less; a frame of any size comes in pieces: `%livy get`, `-o NAME`."
_until_s: contextvars.ContextVar[float] = contextvars.ContextVar("until_s", default=float("inf"))


def _left_s() -> float:
    """Of the exchange of this thread."""
    left_s = _until_s.get() - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


class _TimedReader(io.RawIOBase):
    """A connection's bytes, as `makefile` gives them, read within the time of the exchange."""

    def __init__(self, connection: socket.socket, until_s: float) -> None:
        super().__init__()
        self._socket, self._until_s = connection, until_s
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *more: Any, **options: Any) -> None:
        super().__init__(sock, *more, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock, _until_s.get()))


class _TimedSending:
    """For a connection class: sending is within the time of the exchange, too."""

    response_class: Any = _TimedResponse

    def send(self: Any, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        self.sock.settimeout(_left_s())
        super().send(data)  # type: ignore[misc]


class _TimedHttp(_TimedSending, HTTPConnection):
    pass


class _TimedHttps(_TimedSending, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _TimedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHttps


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class TimedAdapter(HTTPAdapter):
    """For a session of `requests`: its `timeout`, a number, is that of the whole exchange. The answer's body is left for
    `receive`."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        through = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # its connections are of another class
            through.pool_classes_by_scheme = _POOLS
        return through

    def send(
        self, request: requests.PreparedRequest, *_: Any, timeout: Any = None, **options: Any
    ) -> requests.Response:
        request.headers.update(ACCEPT_ENCODING)
        _until_s.set(time.monotonic() + timeout)
        options["stream"] = True
        limits = urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, timeout), total=timeout)
        return super().send(request, timeout=limits, **options)  # type: ignore[arg-type]


class Allowance:
    """How many bytes several answers may have together."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = self.left_bytes = most_bytes


def receive(response: requests.Response, most: int | Allowance = MOST_ANSWER_BYTES) -> bytes:
    """The body of an answer of `TimedAdapter`, unpacked; `response.content` has it afterwards. An error's body is cut where it
    is too long. Raises AnswerTooLarge and what `requests` raises."""
    is_error = response.status_code >= 300
    allowance = most if isinstance(most, Allowance) else Allowance(most)
    body = _Body(response, MOST_ERROR_BYTES if is_error else allowance.left_bytes)
    content: bytes | None = None
    try:
        content = body.read(cut=is_error)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error, request=response.request) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise requests.ConnectionError(error, request=response.request) from error
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(error, request=response.request) from error
    finally:
        if not body.is_whole:
            response.close()  # what is left of it must not be taken for the next answer
    if content is None:
        raise AnswerTooLarge(
            f"{urlsplit(response.url or '').netloc} gave an answer of more than {allowance.most_bytes / MIB:,.0f} MiB; the rest of "
            f"it was not read. {ADVICE}",
            status=response.status_code,
        )
    allowance.left_bytes -= 0 if is_error else len(content)
    response.raw = io.BytesIO(content)
    return content


class _Body:
    def __init__(self, response: requests.Response, most_bytes: int) -> None:
        self._raw, self._most_bytes = response.raw, most_bytes
        self._is_packed = response.headers.get("Content-Encoding", "").strip().lower() in PACKED
        self._unpacking: Any = None
        self.is_whole = False

    def read(self, *, cut: bool) -> bytes | None:
        """All of it; where it is too long, its beginning (`cut`) or None."""
        parts: list[bytes] = []
        received_bytes = left_bytes = self._most_bytes
        while left_bytes >= 0 and received_bytes >= 0:
            part = self._raw.read(PART_BYTES, decode_content=False)
            if not part:
                self.is_whole = True
                break
            _left_s()
            received_bytes -= len(part)
            found = self._unpacked(part, left_bytes + 1) if self._is_packed else [part]
            left_bytes -= sum(map(len, found))
            parts += found
        if not self.is_whole and not cut:
            return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _unpacked(self, packed: bytes, most_bytes: int) -> list[bytes]:
        """At most that many bytes. A body may be several streams, one behind the other."""
        parts: list[bytes] = []
        while packed and most_bytes > 0:
            if self._unpacking is None or self._unpacking.eof:
                self._unpacking = zlib.decompressobj(32 + zlib.MAX_WBITS)  # gzip's head or zlib's
            parts.append(self._unpacking.decompress(packed, min(most_bytes, UNPACKED_PART_BYTES)))
            most_bytes -= len(parts[-1])
            packed = self._unpacking.unused_data if self._unpacking.eof else self._unpacking.unconsumed_tail
        return parts
