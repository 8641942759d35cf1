"""The small cases by `fabric-livy run`: what each cell shows is what its notebook says."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from tests.support.commands import fabric_livy
from tests.support.service import NO_DELTA
from tests.support.small_cases import NAMES, SMALL_CASES, surprises

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All by one command on one embedded Fabric, as cron starts it: without a locale. They are of one default lakehouse."""
    folder = tmp_path_factory.mktemp("cases")
    repository = folder / "repository"
    shutil.copytree(SMALL_CASES, repository)
    (repository / ".git").mkdir()
    words = ("run", *(f"{name}.ipynb" for name in NAMES), "--target", "local", "--share-session", "--output", "out")
    environ = {"FABRIC_LIVY_LAKEHOUSE": str(folder / "house"), "LC_ALL": "C"}
    done = fabric_livy(*words, folder=repository, timeout_s=1200, **environ)
    if any(words in done.stdout for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return repository / "out"


@pytest.mark.parametrize("name", NAMES)
def test_fabric_livy_run_shows_of_each_case_what_its_notebook_says(out: Path, name: str) -> None:
    executed = nbformat.read(out / f"{name}.executed.ipynb", as_version=4)
    assert not (found := surprises(name, executed)), "\n\n".join(found)
