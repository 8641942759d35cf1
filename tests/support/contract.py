"""The published description of the Fabric Livy API, as calls, fields and values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "payloads" / "fabric_livy_swagger.yaml"
BASE = "/v1/workspaces/{workspaceId}/lakehouses/{lakehouseId}/livyApi/versions/{livyApiVersion}"


@dataclass(frozen=True)
class Call:
    """`path` is what follows the base; its parts in braces stand for any one part. `body` names a definition."""

    method: str
    path: str
    query: frozenset[str]
    body: str | None

    def is_of(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(any_of(self.path), path) is not None


@cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def any_of(path: str) -> str:
    """A regular expression of all the paths that it stands for."""
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))


@cache
def calls() -> tuple[Call, ...]:
    return tuple(
        _call(method.upper(), path.removeprefix(BASE), operation["parameters"])
        for path, operations in description()["paths"].items()
        for method, operation in operations.items()
    )


def _call(method: str, path: str, parameters: list[dict[str, Any]]) -> Call:
    query = frozenset(one["name"] for one in parameters if one["in"] == "query")
    bodies = [_name(one["schema"]["$ref"]) for one in parameters if one["in"] == "body"]
    return Call(method, path, query, bodies[0] if bodies else None)


def fields(definition: str) -> dict[str, Any]:
    """Of a definition and of those that it is made of."""
    described = description()["definitions"][definition]
    found = dict(described.get("properties", {}))
    for part in described.get("allOf", []):
        found |= fields(_name(part["$ref"])) if "$ref" in part else part.get("properties", {})
    return found


def values(definition: str, field: str = "") -> list[str]:
    """Of an enumeration: a field, or a definition that is one itself."""
    described = fields(definition)[field] if field else description()["definitions"][definition]
    return [str(one) for one in described["enum"]]


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
