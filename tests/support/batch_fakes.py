"""The batches of a scripted server, see `fakes`: submitted, listed, read, cancelled, with the log of each."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

Reading = str | dict[str, Any]
LAST_LINES = 10


@dataclass
class FakeBatch:
    """`readings` in order, of which the last one stays; index 0 is the answer to the POST. `more` is in each of them."""

    id: str
    body: dict[str, Any]
    readings: list[Reading]
    more: dict[str, Any]
    position: int = 0

    def now(self) -> Reading:
        return self.readings[min(self.position, len(self.readings) - 1)]


@dataclass
class FakeBatches:
    apache: bool
    goes: list[Reading] = field(default_factory=lambda: ["starting", "running", "success"])
    more: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=lambda: ["stdout: ", "printed", "\nstderr: ", "noted"])
    kept: dict[str, FakeBatch] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any] | None:
        """None for what is no request about batches, or about one that is not there."""
        if (method, path) == ("POST", "/batches"):
            return self._submit(body)
        if (method, path) == ("GET", "/batches"):
            return self._list(query)
        match = re.fullmatch(r"/batches/([^/]+)(/log)?", path)
        batch = self.kept.get(match[1]) if match else None
        if match is None or batch is None:
            return None
        if match[2]:
            return self._log(batch, query) if self.apache and method == "GET" else None
        if method == "DELETE":
            return self._cancel(batch)
        batch.position += 1
        return 200, self._json(batch)

    def _submit(self, body: dict[str, Any]) -> tuple[int, Any]:
        batch_id = str(len(self.kept)) if self.apache else str(uuid.uuid4())
        batch = self.kept[batch_id] = FakeBatch(batch_id, body, list(self.goes), dict(self.more))
        return (201 if self.apache else 202), self._json(batch)

    def _list(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        found = [self._json(one) for one in self.kept.values()]
        if self.apache:
            return 200, {"from": 0, "total": len(found), "sessions": found}
        items = [
            {
                "id": one["id"],
                "name": one.get("name"),
                "livyState": one.get("state"),
                "submittedAt": one.get("submittedAt"),
            }
            for one in found
        ]
        return 200, {"items": items, "totalCountOfMatchedItems": len(items), "pageSize": int(query["$top"][0])}

    def _json(self, batch: FakeBatch) -> dict[str, Any]:
        reading, number = batch.now(), int(batch.id) if self.apache else batch.id
        if isinstance(reading, dict):
            return {"id": number, "name": batch.body.get("name"), **reading, **batch.more}
        found = {"id": number, "name": batch.body.get("name"), "state": reading, "appId": None}
        return {**found, "log": self.log[-LAST_LINES:], **batch.more}

    def _log(self, batch: FakeBatch, query: dict[str, list[str]]) -> tuple[int, Any]:
        begin, size = int(query["from"][0]), int(query["size"][0])
        lines = self.log[begin:] if size < 0 else self.log[begin : begin + size]
        return 200, {"id": int(batch.id), "from": begin, "total": len(self.log), "log": lines}

    def _cancel(self, batch: FakeBatch) -> tuple[int, Any]:
        self.cancelled.append(batch.id)
        if self.apache:
            del self.kept[batch.id]
        else:
            batch.readings = ["killed"]
        return 200, {"msg": "deleted"}
