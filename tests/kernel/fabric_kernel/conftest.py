"""The Fabric Livy kernel on real Spark, driven as front ends drive it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import service
from tests.support.kernels import Kernel, kernel


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN)) as served:
        yield served


@pytest.fixture(scope="module")
def notebook(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    with kernel(environ, tmp_path_factory.mktemp("notebook"), with_person=True, spec="fabric-livy") as running:
        yield running


@pytest.fixture(scope="module")
def started(notebook: Kernel) -> Kernel:
    assert notebook.run("1 + 1").text.endswith("2")
    return notebook


def sessions(api: service.Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/sessions").json()["items"]
    return found


def codes(api: service.Api) -> list[str]:
    """All that any session was asked to run."""
    return [
        statement["code"]
        for session in sessions(api)
        for statement in api.get(f"/sessions/{session['id']}/statements").json()["statements"]
    ]
