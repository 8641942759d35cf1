"""A server that answers GETs with lists, page by page."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class ListServer:
    """Answers what a test put down for a path, in order; the last answer stays. `seen` has the paths with their queries."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.seen: list[str] = []
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(self.path)
                script = outer.answers.get(unquote(urlsplit(self.path).path), [(404, {"errorCode": "ItemNotFound"})])
                status, content = script.pop(0) if len(script) > 1 else script[0]
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, path: str, *pages: Any, status: int = 200) -> None:
        self.answers[path] = [(status, page) for page in pages]

    def names(self, path: str, *names: str) -> list[str]:
        """A list of items with these names; their ids."""
        ids = [f"id-{number}" for number, _ in enumerate(names)]
        self.put(path, {"value": [{"id": i, "displayName": name} for i, name in zip(ids, names, strict=True)]})
        return ids

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
