"""Notebooks of our own in the shapes that real ones have, in a repository with committed lakehouses and a variable library.

Their cells assert what real Fabric gives. The usual run takes the chosen ones, on one session; `--fifty` takes all. Each by itself, on an
empty machine:

    cd tests/fifty_notebooks
    find . -name "*.Notebook" -o -name "*.ipynb" | while read -r file; do
        FABRIC_LIVY_LAKEHOUSE=$(mktemp -d) fabric-livy run "$file" --target local --output /tmp/executed.ipynb || echo "FAILED $file"
    done
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.committed_form import write_committed
from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks
from fabric_livy_magic.notebooks.git_format import write_git
from fabric_livy_magic.notebooks.ipynb import SUFFIX, read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import with_portal_metadata
from fabric_livy_magic.notebooks.need import FABRIC_ONLY, PROBLEM
from fabric_livy_magic.notebooks.needs import Checker
from tests.support.commands import fabric_livy
from tests.support.service import NO_DELTA

REPOSITORY = Path(__file__).parents[1] / "fifty_notebooks"
FILES = find_notebooks(REPOSITORY)
NAMES = sorted(file.name for file in FILES)
# What the other series do not run already, all with one default lakehouse: one session.
CHOSEN = {
    "Constraints",
    "Functions Of Users",
    "Merge Upsert",
    "Shortcuts",
    "Variables Of The Library",
    "Windows And Joins",
}
EXIT_VALUES = {
    "Child Exit": "1 ",
    "Exported": "2",
    "Ingest Orders": '{"day": "2024-05-01", "rows": 3}',
    "Nothing New": "nothing new",
    "Parameters Later": '{"start": "2024-01-30", "retries": 3}',
    "Uses Installed": "not installed",
}


def test_there_are_fifty_and_more_and_their_names_differ() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 50
    assert set(NAMES) >= CHOSEN | EXIT_VALUES.keys()


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_each_is_written_as_the_portal_does_and_comes_back_from_the_other_format(file: NotebookFile) -> None:
    notebook = file.read()
    text = file.path.read_bytes().decode()
    assert notebook.problems == ()
    assert (write_ipynb if file.path.suffix == SUFFIX else write_git)(replace(notebook, original=None)) == text
    if file.path.suffix != SUFFIX:
        again = read_ipynb(write_ipynb(replace(notebook, original=None)))
        assert write_committed(with_portal_metadata(again)) == text


def test_check_finds_nothing_in_them_that_the_embedded_fabric_has_not() -> None:
    checker = Checker()
    missing = [need for file in FILES for need in checker.check(file).needs if need.verdict in {FABRIC_ONLY, PROBLEM}]
    assert missing == []


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Name → (verdict, what was printed)."""
    folder = tmp_path_factory.mktemp("fifty")
    repository = folder / "repository" / "prod"
    shutil.copytree(REPOSITORY, repository)
    (repository.parent / ".git").mkdir()
    # Another stage's copies, which are further from the notebooks.
    (repository.parent / "dev" / "Settings.VariableLibrary").mkdir(parents=True)
    (repository.parent / "dev" / "Settings.VariableLibrary" / "variables.json").write_text('{"variables": []}')
    shutil.copytree(REPOSITORY / "Runs" / "Child Exit.Notebook", repository.parent / "dev" / "Child Load.Notebook")
    takes_all = request.config.getoption("--fifty")
    files = [file for file in find_notebooks(repository) if takes_all or file.name in CHOSEN]
    files.sort(key=lambda file: lakehouse.name if (lakehouse := file.read().default_lakehouse) else "")
    paths = [str(file.path if file.path.suffix == SUFFIX else file.path.parent) for file in files]
    words = ("run", *paths, "--share-session", "--target", "local", "--output", str(folder / "out"))
    environ = {"FABRIC_LIVY_LAKEHOUSE": str(folder / "lakehouse")}
    done = fabric_livy(*words, folder=repository, timeout_s=3600 if takes_all else 1200, **environ)
    texts = done.stdout.split("══ ")[1:]
    texts[-1], end = texts[-1].rsplit(" s)\n\n", 1)
    printed = {one.partition("\n")[0].strip(): one for one in texts}
    verdicts = {line.partition(" s): ")[2].strip(): line for line in end.splitlines() if " s): " in line}
    return {name: (verdict, printed[name]) for name, verdict in verdicts.items()}


@pytest.mark.spark
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_of_ours_runs_as_on_fabric(
    request: pytest.FixtureRequest, ended: dict[str, tuple[str, str]], name: str
) -> None:
    if name not in CHOSEN and not request.config.getoption("--fifty"):
        pytest.skip("not among the chosen ones: --fifty runs all")
    verdict, printed = ended[name]
    if verdict.startswith("failed") and any(words in printed for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    expected = f"ended with the value {EXIT_VALUES[name]!r}" if name in EXIT_VALUES else "ran"
    assert verdict.startswith(f"{expected} ("), printed
    assert "Traceback" not in printed
