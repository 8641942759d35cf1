"""An embedded Fabric for the kernels of a test file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import service


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN)) as served:
        yield served
