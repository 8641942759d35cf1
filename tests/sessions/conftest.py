"""A target and a runner on the scripted server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabric_livy_magic.sessions.runner import Runner
from tests.support.fakes import FakeFabric


@pytest.fixture
def runner(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.session_goes("idle")
    one = Runner()
    one.account.use(fabric.url)
    yield one
    assert one.close() == []


@pytest.fixture
def target(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.session_goes("idle")
    return fabric.url
