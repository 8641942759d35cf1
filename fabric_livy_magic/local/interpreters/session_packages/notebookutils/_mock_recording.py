"""Recording: a call without a mock goes out, and its answer is written down as one."""

from __future__ import annotations

import os
import re
import threading
import urllib.error
import urllib.request
from typing import Any, List, Tuple

from notebookutils import _mock_http, _mocks

FOLDER = "http"
EXTENSIONS = {"application/json": "json", "text/csv": "csv", "text/html": "html", "application/xml": "xml"}
# Of a request: what the real server needs not to be told again. Of an answer: what signs somebody in, or is about the way.
NOT_SENT = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")
KEPT = ("content-type", "location", "retry-after", "etag", "link", "x-ms-continuationtoken")
LOCK = threading.Lock()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The library that asked follows them itself."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def recorded(request: Any) -> Any:
    answer = asked(request)
    with LOCK:
        file = write(request, answer)
    _mocks.note_used("recorded HTTP", request.shown, file)
    return answer


def asked(request: Any) -> Any:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in NOT_SENT}
    if not request.url.startswith(("http://", "https://")):
        raise ValueError(f"{request.shown} is no http or https address.")
    real = urllib.request.Request(request.url, request.body or None, headers, method=request.method)  # noqa: S310
    _mock_http.ASKING.is_real = True
    try:
        with urllib.request.build_opener(NoRedirect).open(real, timeout=60) as response:
            return _mock_http.Answer(response.status, list(response.headers.items()), response.read())
    except urllib.error.HTTPError as error:
        return _mock_http.Answer(error.code, list(error.headers.items()), error.read())
    finally:
        _mock_http.ASKING.is_real = False


def write(request: Any, answer: Any) -> str:
    """Its lines at the end of the file of mocks, and its body in a file of its own."""
    toml = _mocks.file_to_add_to()
    toml = toml if toml.endswith(".toml") else os.path.join(os.path.dirname(toml), _mocks.NAMES[0])
    url = _mock_http.shown_url(request.url)
    lines = ["", "[[http]]", f"method = {_mocks.quoted(request.method)}", f"url = {_mocks.quoted(url)}"]
    lines.append(f"status = {answer.status}")
    kept: List[Tuple[str, str]] = [(name, value) for name, value in answer.headers if name.lower() in KEPT]
    if kept:
        lines.append(f"headers = {_mocks.quoted_table(dict(kept))}")
    if answer.body:
        lines.append(f"file = {_mocks.quoted(body_file(os.path.dirname(toml), url, kept, answer.body))}")
    with open(toml, "a", encoding="utf-8") as opened:
        opened.write("\n".join([*lines, ""]))
    return toml


def body_file(folder: str, url: str, headers: List[Tuple[str, str]], body: bytes) -> str:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "").partition(";")[0].strip()
    stem = re.sub(r"[^\w.-]+", "-", url.partition("://")[2].partition("?")[0]).strip("-.")[:80] or "answer"
    os.makedirs(os.path.join(folder, FOLDER), exist_ok=True)
    number = 1
    while True:
        name = f"{FOLDER}/{stem}{'' if number == 1 else f'-{number}'}.{EXTENSIONS.get(kind, 'bin')}"
        try:
            with open(os.path.join(folder, name), "xb") as opened:
                opened.write(body)
                return name
        except FileExistsError:
            number += 1
