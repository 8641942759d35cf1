from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local import service


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a lakehouse é") / "house"


@pytest.fixture(scope="module")
def api(lakehouse: Path) -> Iterator[service.Api]:
    """One server per module; each session in it costs some seconds."""
    with service.serving(lakehouse) as running:
        yield running


@pytest.fixture(scope="module")
def session(api: service.Api) -> service.Session:
    started = api.start_session(name="shared")
    started.wait_for("idle")
    return started
