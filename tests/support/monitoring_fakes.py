"""The monitoring of a scripted server, see `fakes`: what the Monitoring hub lists, Spark's own REST API of each run, and logs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Query = dict[str, list[str]]
MONITORING = "/v1/workspaces/[^/]+/lakehouses/[^/]+"
PLACES = (
    rf"\?{MONITORING}/livySessions/(?P<run>[^/]+)/applications/(?P<app>[^/]+)/(?P<below>.+)",
    r"/ui/api/v1/applications/(?P<app>[^/]+)/(?P<below>.+)",  # of Spark, as Apache Livy names it in appInfo.sparkUiUrl
)


@dataclass
class FakeMonitoring:
    """`runs` are entries of the list, `page_size` as many on a page. `spark` are answers by what follows the application, `files` logs by
    (type, container, file name), `grows` what is added to one after each time that it was read."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 100
    spark: dict[str, Any] = field(default_factory=dict)
    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    grows: dict[tuple[str, str, str], list[bytes]] = field(default_factory=dict)

    def answer(self, path: str, query: Query) -> tuple[int, Any] | None:
        """None for what it does not know."""
        if re.fullmatch(rf"\?{MONITORING}/livySessions", path):
            return 200, self._page(int(query.get("continuationToken", ["0"])[0]))
        if match := re.fullmatch(rf"\?{MONITORING}/livySessions/([^/]+)", path):
            found = [one for one in self.runs if one["livyId"] == match[1]]
            return (200, found[0]) if found else None
        if self.spark and path == "/ui/api/v1/applications":
            return 200, [{"id": "local-1"}]
        match = next(filter(None, (re.fullmatch(place, path) for place in PLACES)), None)
        if match is None:
            return None
        if match["below"] == "logs":
            return self._log(query)
        return (200, self.spark[match["below"]]) if match["below"] in self.spark else None

    def _page(self, start: int) -> dict[str, Any]:
        end = start + self.page_size
        more = {"continuationToken": str(end)} if end < len(self.runs) else {}
        return {"value": self.runs[start:end], **more}

    def _log(self, query: Query) -> tuple[int, Any] | None:
        given = {name: values[0] for name, values in query.items()}
        if given["type"] == "executor" and given.get("meta") == "true":
            containers = sorted({container for kind, container, _ in self.files if kind == "executor"})
            return 200, [{"containerId": one, "containerLogMeta": self._metas(one)} for one in containers]
        key = (given["type"], given.get("containerId", ""), given.get("fileName", ""))
        content = self.files.get(key)
        if content is None:
            return None
        if given.get("meta") == "true":
            return 200, {"containerLogMeta": {"fileName": given.get("fileName", "livy.log"), "length": len(content)}}
        begin, size = int(given.get("offset", "0")), int(given.get("size", "1048576"))
        if more := self.grows.get(key):
            self.files[key] += more.pop(0)
        return 200, content[begin : begin + size]

    def _metas(self, container: str) -> list[dict[str, Any]]:
        return [
            {"fileName": name, "fileSize": str(len(content))}  # as text, as in Microsoft's sample
            for (kind, of, name), content in self.files.items()
            if (kind, of) == ("executor", container)
        ]
