from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import service


@pytest.fixture(scope="session")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a lakehouse é") / "house"


@pytest.fixture(scope="session")
def api(lakehouse: Path) -> Iterator[service.Api]:
    """A server for all modules that can share one: the names of their tables and files differ."""
    with service.serving(lakehouse) as running:
        yield running


@pytest.fixture(scope="session")
def started(api: service.Api) -> list[service.Session]:
    """All sessions so far; the last one is `session`."""
    return []


@pytest.fixture(scope="module")
def session(api: service.Api, started: list[service.Session]) -> service.Session:
    """Shared by modules, because a session takes some seconds of both cores, and its first statements as much again.

    A module gets a new one if another module left it unusable, or if it started without Delta's jars.
    """
    view = started[-1].view() if started else {}
    if view.get("state") != "idle" or "FallbackReasons" in view["tags"]:
        started.append(api.start_session(name="shared"))
        started[-1].wait_for("idle")
    return started[-1]
