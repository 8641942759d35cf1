from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.notebook_samples import FILES


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The sample notebooks, in a repository of their own."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(FILES / "committed", tmp_path / "notebooks")
    return tmp_path
