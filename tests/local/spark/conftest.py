from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabric_livy_magic.local.spark.process_groups import ProcessGroups


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessGroups]:
    made = ProcessGroups(tmp_path_factory.mktemp("groups"))
    yield made
    made.close()
