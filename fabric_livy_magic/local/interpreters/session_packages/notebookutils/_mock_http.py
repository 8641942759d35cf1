"""HTTP with mocks: `requests`, `urllib`, `urllib3` and what is built on them meet recorded answers.

A connection gets `Recorded` in the place of its socket: the libraries send their request to it and read the answer from it, so
that redirects, cookies, retries and errors are theirs. This machine's own addresses, and the hosts of `let_through`, are
reached as usual.
"""

from __future__ import annotations

import fnmatch
import http.client
import importlib.abc
import importlib.machinery
import io
import ipaddress
import json
import os
import sys
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from notebookutils import _mocks

PORTS = {"http": 80, "https": 443}
HTTPX = "httpx"
VAULT_HOST = ".vault.azure.net"
# Of a query: what signs or opens something. It goes into no message and no file.
SECRET_WORDS = ("sig", "token", "key", "code", "secret", "password", "pwd", "auth", "credential")


class Request(NamedTuple):
    method: str
    url: str
    headers: Dict[str, str]
    body: bytes

    @property
    def shown(self) -> str:
        return f"{self.method} {shown_url(self.url)}"


class Answer(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes


# How often each entry with `times` has answered in this process.
SERVED: Dict[Tuple[str, str], int] = {}
LOCK = threading.Lock()
ASKING = threading.local()  # `is_real` in a thread that records: its connections are real ones


# ------------------------------------------------------------------------------------------------ which entry
def answer_of(request: Request) -> Answer:
    """Raises MockMissing."""
    for entry in _mocks.entries("http"):
        if fits(entry.values, request) and is_left(entry):
            _mocks.note_used("HTTP", request.shown, entry.file)
            return answer_from(entry)
    if is_secret_of_vault(request):
        return answer_of_vault(request)
    if _mocks.settings()["record"]:
        from notebookutils import _mock_recording

        recorded: Answer = _mock_recording.recorded(request)
        return recorded
    lines = [
        "[[http]]",
        *([f"method = {_mocks.quoted(request.method)}"] if request.method != "GET" else []),
        f"url = {_mocks.quoted(shown_url(request.url))}",
        'json = { }   # or body = "…", or file = "answer.json" beside it; status = 200',
    ]
    raise _mocks.missing("HTTP", request.shown, "\n".join(lines))


def fits(values: Dict[str, Any], request: Request) -> bool:
    if str(values.get("method", "GET")).upper() not in (request.method, "*"):
        return False
    if not url_fits(values["url"], request.url):
        return False
    return str(values.get("contains", "")) in request.body.decode("utf-8", "replace")


def url_fits(pattern: str, url: str) -> bool:
    """Scheme and host in any case, parameters in any order; `*` stands for any text. A pattern without a query fits any."""
    wanted, got = urlsplit(pattern), urlsplit(url)
    if not text_fits(place(wanted), place(got)):
        return False
    if not wanted.query:
        return True
    left = parse_qsl(got.query, keep_blank_values=True)
    for name, value in parse_qsl(wanted.query, keep_blank_values=True):
        found = next((one for one in left if one[0] == name and text_fits(value, one[1])), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def place(parts: Any) -> str:
    host = parts.netloc.rpartition("@")[2].lower()
    for scheme, port in PORTS.items():
        if parts.scheme.lower() == scheme and host.endswith(f":{port}"):
            host = host[: -len(str(port)) - 1]
    return f"{parts.scheme.lower()}://{host}{unquote(parts.path) or '/'}"


def text_fits(pattern: str, text: str) -> bool:
    """Only `*` is special: brackets and `?` stand in URLs."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def is_left(entry: Any) -> bool:
    times = entry.values.get("times")
    if times is None:
        return True
    with LOCK:
        key = (entry.file, repr(entry.values))  # its place changes with each one that a test adds
        SERVED[key] = SERVED.get(key, 0) + 1
        return SERVED[key] <= int(times)


def answer_from(entry: Any) -> Answer:
    values = entry.values
    headers = {str(name): str(value) for name, value in dict(values.get("headers", {})).items()}
    kind = ""
    if "json" in values:
        body, kind = json.dumps(values["json"], default=str).encode("utf-8"), "application/json"
    elif "file" in values:
        path = entry.path()
        with open(path, "rb") as opened:
            body = opened.read()
        kind = "application/json" if path.lower().endswith(".json") else ""
    else:
        body = str(values.get("body", "")).encode("utf-8")
    if kind and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = kind
    return Answer(int(values.get("status", 200)), list(headers.items()), body)


def is_secret_of_vault(request: Request) -> bool:
    parts = urlsplit(request.url)
    is_vault = (parts.hostname or "").endswith(VAULT_HOST)
    return is_vault and request.method == "GET" and parts.path.lower().startswith("/secrets/")


def answer_of_vault(request: Request) -> Answer:
    """As Key Vault's REST answers, from the same table as `getSecret`."""
    from notebookutils import _secrets

    parts = urlsplit(request.url)
    name = unquote(parts.path.split("/")[2])
    value = _mocks.secret(str(parts.hostname), name, _secrets.vault_name)
    identity = f"https://{parts.hostname}/secrets/{quote(name)}/mocked"
    body = json.dumps({"value": value, "id": identity, "attributes": {"enabled": True}})
    return Answer(200, [("Content-Type", "application/json")], body.encode("utf-8"))


def shown_url(url: str) -> str:
    """Without user, password and what its query signs with: those are `*`, which also fits them in a mock."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    hidden = [
        (name, "*" if any(word in name.lower() for word in SECRET_WORDS) else quote(value, safe="*$/:,"))
        for name, value in pairs
    ]
    query = "&".join(f"{quote(name, safe='$')}={value}" for name, value in hidden)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


# ------------------------------------------------------------------------------------------------ in place of a socket
class Recorded:
    """What a connection of `http.client` does with its socket. One request, one answer: the connection is closed behind it."""

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self._scheme, self._host, self._port = scheme, host, port
        self._sent = bytearray()

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._sent += bytes(data)

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BytesIO:
        request = self._request()
        answer = answer_of(request)
        return io.BytesIO(answer_bytes(answer, has_body=request.method != "HEAD"))

    def _request(self) -> Request:
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        self._sent.clear()
        first, _, rest = head.partition(b"\r\n")
        method, target, _version = first.decode("latin-1").split(" ", 2)
        headers = dict(http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n")).items())
        if headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = dechunked(body)
        is_usual = PORTS[self._scheme] == self._port
        host = f"[{self._host}]" if ":" in self._host else self._host
        at = f"{self._scheme}://{host}{'' if is_usual else f':{self._port}'}"
        # A proxy is asked for the whole URL.
        return Request(method, target if "://" in target else at + target, headers, body)

    def close(self) -> None:
        pass

    settimeout = setsockopt = shutdown = lambda self, *_: None


def dechunked(data: bytes) -> bytes:
    body, rest = b"", data
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            break
    return body


def answer_bytes(answer: Answer, *, has_body: bool) -> bytes:
    own = {"content-length", "transfer-encoding", "connection", "content-encoding"}
    headers = [(name, value) for name, value in answer.headers if name.lower() not in own]
    headers += [("Content-Length", str(len(answer.body))), ("Connection", "close")]
    reason = http.client.responses.get(answer.status, "")
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {one_line(value)}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + (answer.body if has_body else b"")


def one_line(text: str) -> str:
    return " ".join(text.split("\n")).replace("\r", "")


# ------------------------------------------------------------------------------------------------ in the libraries
def is_real(host: str, port: int) -> bool:
    """Whether a connection to it is made: this machine, but for a proxy on it, and what the mocks let through."""
    if is_loopback(host) and not is_proxy(host, port):
        return True
    return any(
        fnmatch.fnmatchcase(host.lower(), str(pattern).lower())
        for file in _mocks.files()
        for pattern in _mocks.content(file).get(_mocks.LET_THROUGH, [])
    )


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_proxy(host: str, port: int) -> bool:
    proxies = [
        os.environ.get(name) or os.environ.get(name.lower()) for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    ]
    for proxy in filter(None, proxies):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if (parts.hostname, parts.port or 80) == (host, port):
            return True
    return False


def connecting(scheme: str, real: Callable[[Any], None]) -> Callable[[Any], None]:
    """In place of `connect` of a connection class."""

    def connect(self: Any) -> None:
        host, port = (
            (self._tunnel_host, self._tunnel_port) if getattr(self, "_tunnel_host", None) else (self.host, self.port)
        )
        if is_real(host, port) or getattr(ASKING, "is_real", False):
            real(self)
            return
        self.sock = Recorded(scheme, host, port)
        self.is_verified = True  # urllib3 warns of a connection that is not

    return connect


def patch_connections(module: Any) -> None:
    for scheme, name in (("http", "HTTPConnection"), ("https", "HTTPSConnection")):
        kind = getattr(module, name, None)
        if kind is not None and "connect" in vars(kind):
            kind.connect = connecting(scheme, kind.connect)


def patch_httpx(module: Any) -> None:
    """It brings its own connections. Its clients for `async` code share `answer_of`."""
    real, real_async = module.HTTPTransport.handle_request, module.AsyncHTTPTransport.handle_async_request

    def response(request: Any, body: bytes) -> Any:
        answer = answer_of(Request(request.method, str(request.url), dict(request.headers), body))
        return module.Response(answer.status, headers=answer.headers, content=answer.body)

    def is_passed(request: Any) -> bool:
        return is_real(request.url.host, request.url.port or PORTS.get(request.url.scheme, 443))

    def handle_request(self: Any, request: Any) -> Any:
        return real(self, request) if is_passed(request) else response(request, request.read())

    async def handle_async_request(self: Any, request: Any) -> Any:
        return await real_async(self, request) if is_passed(request) else response(request, await request.aread())

    module.HTTPTransport.handle_request = handle_request
    module.AsyncHTTPTransport.handle_async_request = handle_async_request


class MockedLibraries(importlib.abc.MetaPathFinder):
    """The first finder: calls a function with a module when it has been loaded. Loading all of them early costs each session."""

    def __init__(self, actions: Dict[str, Callable[[Any], None]]) -> None:
        self._actions = actions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        action = self._actions.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path) if action else None
        if spec is not None and spec.loader is not None and action is not None:
            run = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                action(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    patch_connections(http.client)
    actions = {"urllib3.connection": patch_connections, HTTPX: patch_httpx}
    for name, action in actions.items():
        if name in sys.modules:
            action(sys.modules[name])
    sys.meta_path.insert(0, MockedLibraries({name: one for name, one in actions.items() if name not in sys.modules}))
