"""A server that answers with lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.retries import RetryPolicy
from tests.support.lists import ListServer

WORKSPACE = "aaaaaaaa-0000-4000-8000-000000000001"
HOUSE = "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.fixture
def lists() -> Iterator[ListServer]:
    server = ListServer()
    yield server
    server.close()


@pytest.fixture
def api(lists: ListServer) -> FabricApi:
    return FabricApi(http(f"{lists.url}/v1"), http(f"{lists.url}/delta"))


def http(url: str) -> LivyHttp:
    return LivyHttp(url, retry=RetryPolicy(budget_s=0))


def page(*names: str, **more: Any) -> dict[str, Any]:
    return {"value": [{"id": f"id-{name}", "displayName": name} for name in names], **more}
