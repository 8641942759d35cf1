from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.environments import ROOT, CleanEnvironment, clean_environment


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source archive, and with the wheel that was built from it, as `python -m build` does."""
    pytest.importorskip("build", reason="build is not installed: pip install '.[release]'")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def tests_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tests and their settings, and without the package: what they import is the installed one."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., CleanEnvironment]:
    return lambda *requirements, python=Path(sys.executable): clean_environment(
        tmp_path / "environment", *requirements, python=python
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty one."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"
