"""What this package imports does not come from the working folder, whichever names lie there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.own_imports import install, installed_folders, no_working_folder, working_folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, first on sys.path as in a kernel, with a module of its own."""
    (tmp_path / "of_this_folder.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    yield tmp_path
    sys.modules.pop("of_this_folder", None)


def test_within_it_the_working_folder_gives_no_module(here: Path) -> None:
    with no_working_folder():
        with pytest.raises(ModuleNotFoundError, match="of_this_folder"):
            __import__("of_this_folder")
        with working_folder():
            __import__("of_this_folder")


def test_what_is_nowhere_can_be_looked_for(here: Path) -> None:
    """As IPython does with `argcomplete`, which few have."""
    with no_working_folder():
        assert importlib.util.find_spec("a_module_that_nobody_has") is None


def test_other_threads_import_from_it_meanwhile(here: Path) -> None:
    with no_working_folder():
        thread = threading.Thread(target=__import__, args=("of_this_folder",))
        thread.start()
        thread.join()
    assert "of_this_folder" in sys.modules


def test_it_is_there_again_afterwards_also_after_an_error(here: Path) -> None:
    with pytest.raises(ZeroDivisionError), no_working_folder():
        _ = 1 / 0
    assert __import__("of_this_folder")


def test_installing_twice_does_nothing() -> None:
    install()
    before = list(sys.meta_path)
    install()
    assert sys.meta_path == before


@pytest.mark.parametrize("spelling", ["", ".", "below/..", "{here}", "{here}/", "{here}/below/..", "{link}"])
def test_every_spelling_of_the_working_folder_is_it(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "here" / "below").mkdir(parents=True)
    here, link = tmp_path / "here", tmp_path / "link"
    link.symlink_to(here)
    folder = spelling.format(here=here, link=link)
    assert installed_folders([folder, str(tmp_path / "kept"), str(here / "below")], str(here)) == [
        str(tmp_path / "kept"),
        str(here / "below"),
    ]


NAMES = (
    "requests",
    "pandas",
    "platformdirs",
    "psutil",
    "tomllib",
    "msal",
    "brotli",
    "simplejson",
    "zstandard",
    "chardet",
)


def test_the_first_use_of_the_magics_runs_no_module_of_the_folder(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"print('ran: {name}')\n")
    code = (
        "import sys; sys.path.insert(0, '')\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'fabric_livy_magic')\n"
        "import os\n"
        "for line in ('config', 'use local', 'status', 'doctor', 'trust'):\n"
        "    shell.run_line_magic('livy', line)\n"
        "print('requests loaded:', 'requests' in sys.modules, 'as', sys.modules['requests'].__file__)\n"
        "import simplejson\n"  # the user's own cell
    )
    environ = {"PATH": "", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "FABRIC_LIVY_TARGET": "a/b"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environ
    )
    assert "requests loaded: True" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("ran: ")] == ["ran: simplejson"]
