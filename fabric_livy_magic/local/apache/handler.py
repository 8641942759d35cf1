"""What requests of Apache Livy's API have in common: sign-in, ids and names, numbers as Java reads them, the form of responses."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from fabric_livy_magic.local.apache.refusals import LivyRefusal, message, not_found
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.server.tokens import TokenRefused
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.local.web.handler import Handler

JSON = "application/json;charset=utf-8"
HTML = "text/html;charset=utf-8"
FORM = "application/x-www-form-urlencoded"
API_VERSIONS = ("0.1",)
ACCEPT_VERSION = re.compile(r"application/vnd\.livy\.v([^+]*).*")
MAX_GZIP_BYTES = 1024 * 1024  # larger responses take longer to compress than loopback takes to carry them
EMPTY_GZIP = gzip.compress(b"", mtime=0)
HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-XSS-Protection": "1; mode=block",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; img-src 'self'; frame-src 'self';"
    ),
}
INT_BITS, LONG_BITS = 32, 64


class Identified(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def request(self) -> Any: ...


T = TypeVar("T", bound=Identified)


class LivyHandler(Handler):
    content_type = JSON
    challenge = 'Basic realm="fabric-livy", Bearer'

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", self.content_type)

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method not in ("GET", "HEAD"):
            self._check_origin()
        accepts = ACCEPT_VERSION.fullmatch(self.request.headers.get("Accept", ""))
        if accepts and accepts[1] not in API_VERSIONS:
            raise message(406, f"No value found for '{accepts[1]}'")

    def bearer(self) -> str:
        """Clients of Apache Livy have only a user and a password: any user, and the token as password."""
        scheme, _, credentials = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return credentials.strip()
        if scheme.lower() == "basic":
            try:
                return base64.b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                pass  # refused below
        raise TokenRefused(401, "Unauthorized", "the request carries no token of this server, as bearer or as password")

    def _check_origin(self) -> None:
        """A browser that knows the password sends it with whatever any web page posts here."""
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != self.request.host.lower():
            raise message(403, f"a page of {origin} may not change anything on this server")

    # ---- the request

    def head(self, *args: str, **ids: str) -> Any:
        return self.get(*args, **ids)

    @property
    def json_text(self) -> bytes:
        """Livy reads the body of an HTML form as empty: its form parser has consumed it."""
        is_form = self.request.headers.get("Content-Type", "").lower().startswith(FORM)
        return b"" if is_form else self.body

    def number(self, name: str, default: int) -> int:
        """A number in the query."""
        values = self.get_query_arguments(name, strip=False)
        return java_number(values[0]) if values else default

    def known(self, id_or_name: str, items: Iterable[T]) -> T:
        """The one with this number, or with this name where it is no number."""
        if id_or_name.isascii() and id_or_name.isdigit():
            number = str(java_number(id_or_name))
            found = (one for one in items if one.id == number)
        else:
            found = (one for one in items if one.request.name == id_or_name)
        one = next(found, None)
        if one is None:
            raise not_found(id_or_name)
        return one

    # ---- the response

    def compute_etag(self) -> None:
        """None: Livy sends no ETag, and a large response would be hashed for nothing."""

    def answer(self, value: Any, status: int = 200) -> None:
        self.set_status(status)
        self.answer_bytes(dumps(value))

    def answer_text(self, text: str) -> None:
        self.answer_bytes(text.encode("utf-8"))

    def answer_bytes(self, data: bytes) -> None:
        if self._accepts_gzip and len(data) <= MAX_GZIP_BYTES:
            data = gzip.compress(data, compresslevel=1, mtime=0)
            self.set_header("Content-Encoding", "gzip")
            self.set_header("Vary", "Accept-Encoding")
        self.finish(data)

    def answer_nothing(self, status: int) -> None:
        """With quirks, 404 and 405 are compressed without a header that says so, as in Livy."""
        self.set_status(status)
        if status == 204:
            self.flush()  # else tornado leaves out the content type, which Livy sends
        self.finish(EMPTY_GZIP if self.server.quirks and self._accepts_gzip and status >= 400 else None)

    @property
    def _accepts_gzip(self) -> bool:
        return "gzip" in self.request.headers.get("Accept-Encoding", "").lower()

    def write_error(self, status_code: int, **details: Any) -> None:
        self.set_header("Connection", "close")  # see Handler.write_error
        self.set_header("Content-Type", JSON)
        failure = details.get("exc_info", (None, None, None))[1]
        if isinstance(failure, LivyRefusal):
            self.answer(failure.body, failure.status_code)
        elif status_code == 405:
            self.set_header("Allow", ", ".join(self._allowed()))
            self.answer_nothing(405)
        else:
            super().write_error(status_code, **details)

    def _allowed(self) -> list[str]:
        methods = [name for name in ("POST", "DELETE", "GET") if self.has_method(name)]
        return [*methods, "HEAD"] if "GET" in methods else methods

    def answer_refusal(self, refusal: Refusal) -> None:
        if refusal.status_code >= 500:
            self.answer(f"java.lang.RuntimeException: {refusal.message}", refusal.status_code)
        else:
            self.answer({"msg": refusal.message}, refusal.status_code)


class Unknown(LivyHandler):
    """A path without a route: an empty response, of JSON's type below an API path, else of HTML's."""

    def get(self) -> None:
        is_api = re.match(r"/(sessions|batches)(/|$)", self.request.path)
        self.set_header("Content-Type", JSON if is_api else HTML)
        self.answer_nothing(404)

    post = put = patch = delete = options = get


def java_number(text: str, bits: int = INT_BITS) -> int:
    """As Java reads an int or a long; a refusal with Java's message where the text is none."""
    if re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII) and -(1 << (bits - 1)) <= int(text) < 1 << (bits - 1):
        return int(text)
    raise message(400, f'For input string: "{text}"')


def part_of(items: list[Any], start: int, size: int) -> list[Any]:
    """Scala's `slice(start, start + size)`: a negative start shortens the part."""
    return items[max(0, start) : max(0, start + size)]
