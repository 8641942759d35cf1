"""A session of the embedded Fabric, and one of its Livy dialect with Livy's bugs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.running.results import Printed, Result, Shown
from fabric_livy_magic.sessions.session import Session
from tests.support import service

SERVERS = {"Fabric": (), "Livy with its bugs": ("--dialect", "livy", "--quirks")}


@pytest.fixture(scope="module", params=SERVERS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    options = ("--token", service.TOKEN, *SERVERS[request.param])
    with service.serving(tmp_path_factory.mktemp("house"), options) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        patch.setenv("FABRIC_LIVY_PASSWORD", service.TOKEN)
        with connect(api.base, livy_user="me") as started:
            yield started


def streams(result: Result) -> list[tuple[str, str]]:
    return [(part.stream, part.text) for part in result.parts if isinstance(part, Printed)]


def bundles(result: Result) -> list[dict[str, Any]]:
    return [dict(part.data) for part in result.parts if isinstance(part, Shown)]
