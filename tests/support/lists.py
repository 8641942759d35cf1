"""A server that answers GETs with lists, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.json_server import JsonServer


class ListServer(JsonServer):
    """Answers what a test put down for a path, in order; the last answer stays."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, list[tuple[int, Any]]] = {}

    def answer(self, path: str) -> tuple[int, Any]:
        script = self.answers.get(unquote(urlsplit(path).path), [(404, {"errorCode": "ItemNotFound"})])
        return script.pop(0) if len(script) > 1 else script[0]

    def put(self, path: str, *pages: Any, status: int = 200) -> None:
        self.answers[path] = [(status, page) for page in pages]

    def names(self, path: str, *names: str) -> list[str]:
        """A list of items with these names; their ids."""
        ids = [f"id-{number}" for number, _ in enumerate(names)]
        self.put(path, {"value": [{"id": i, "displayName": name} for i, name in zip(ids, names, strict=True)]})
        return ids
