"""`notebookutils` on folders of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebookutils import BRONZE, WORKSPACE, utilities

HOST = "onelake.dfs.fabric.microsoft.com"
HOME = f"abfss://{WORKSPACE}@{HOST}/{BRONZE}"


@pytest.fixture
def utils(tmp_path: Path) -> Iterator[Any]:
    with utilities(tmp_path) as package:
        yield package
