"""What other systems have otherwise, as far as it can be shown on this one; docs/platforms.md says how far that is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.notebooks.files import read_notebook
from fabric_livy_magic.signin.external_credentials import program
from tests.support.commands import ROOT, fabric_livy
from tests.support.fakes import FakeFabric
from tests.support.outputs import text_output


def run_program(module: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def of_server(fabric: FakeFabric, folder: Path) -> dict[str, str]:
    fabric.session_goes("idle")
    return {
        "FABRIC_LIVY_TARGET": fabric.url,
        "FABRIC_LIVY_TOKEN": fabric.token,
        "XDG_STATE_HOME": str(folder / "state"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


# ------------------------------------------------------------------------------------------------ what Windows has not
def test_without_the_names_that_windows_has_not_all_loads_and_a_cell_runs(fabric: FakeFabric, tmp_path: Path) -> None:
    fabric.answer("1+1", text_output("2"))
    done = run_program("tests.support.without_posix", tmp_path, **of_server(fabric, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is ready after" in done.stdout
    assert fabric.posted_code == [("pyspark", "1+1")]
    assert not fabric.left_running
    # Who asks for the embedded Fabric there is told where it runs.
    assert "serve ends with 2" in done.stdout
    assert "does not run on Windows itself; start Jupyter inside WSL" in done.stdout.partition("use local:")[2]
    assert "does not run on Windows itself; start Jupyter inside WSL" in done.stderr


def test_a_process_that_is_spawned_leaves_the_sessions_of_its_parent_alone(fabric: FakeFabric, tmp_path: Path) -> None:
    """As `multiprocessing` does on Windows and macOS, where nothing is forked."""
    fabric.answer("1+1", text_output("2"))
    done = run_program("tests.support.spawning", tmp_path, **of_server(fabric, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["spawned", "2"]
    assert not fabric.left_running
    assert len(fabric.seen("DELETE", "/sessions/")) == 1


# ------------------------------------------------------------------------------------------ files of Windows' editors
def windows_bytes(text: str) -> bytes:
    """With the mark that editors put first, and with their line ends."""
    return text.replace("\n", "\r\n").encode("utf-8-sig")


def user_settings(folder: Path, content: bytes) -> dict[str, str]:
    (folder / "fabric-livy-magic").mkdir()
    (folder / "fabric-livy-magic" / "config.toml").write_bytes(content)
    return {"XDG_CONFIG_HOME": str(folder)}


PROFILE = '[profiles."büro"]\ntarget = "Verkauf/Größen"\n'


def shown_target(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    (target,) = [one["value"] for one in json.loads(done.stdout) if one["name"] == "target"]
    return str(target)


def test_a_settings_file_with_a_mark_and_line_ends_of_windows_is_read(tmp_path: Path) -> None:
    environ = user_settings(tmp_path, windows_bytes(PROFILE))
    done = fabric_livy("config", "--json", folder=tmp_path, FABRIC_LIVY_PROFILE="büro", **environ)
    assert shown_target(done) == "Verkauf/Größen"


CELLS = ("df = spark.range(3)", "%%sql\nSELECT 'Größe'\nFROM t")


def portal_notebook() -> str:
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None} for text in CELLS
    ]
    metadata = {"kernelspec": {"name": "synapse_pyspark", "display_name": "Synapse PySpark"}}
    return json.dumps(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1
    )


def git_notebook() -> str:
    return (
        '# Fabric notebook source\n\n# METADATA ********************\n\n# META {\n# META   "kernel_info": {\n'
        '# META     "name": "synapse_pyspark"\n# META   }\n# META }\n\n# CELL ********************\n\n'
        "df = spark.range(3)\n\n# CELL ********************\n\n# MAGIC %%sql\n# MAGIC SELECT 'Größe'\n# MAGIC FROM t\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("Größe.ipynb", portal_notebook()), ("Größe.Notebook/notebook-content.py", git_notebook())],
    ids=["portal", "git"],
)
def test_a_notebook_with_line_ends_of_windows_has_the_same_cells(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(windows_bytes(text))
    assert [cell.source for cell in read_notebook(path).cells] == list(CELLS)


def test_a_path_of_windows_in_an_option_keeps_its_backslashes() -> None:
    line = r"login --method certificate --certificate 'C:\new folder\app.pem' --tenant t --client-id c"
    assert read_command(line).options.certificate == r"C:\new folder\app.pem"
    upload = read_command(r"upload C:\data\trips.csv --table trips").options
    assert str(upload.file) == r"C:\data\trips.csv"


# -------------------------------------------------------------------------------------------------------- other locales
LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Western Europe": {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252", "LC_ALL": "C"},
}


@pytest.mark.parametrize("locale", LOCALES)
def test_settings_and_notebooks_are_utf_8_whatever_the_locale(locale: str, tmp_path: Path) -> None:
    environ = {**LOCALES[locale], **user_settings(tmp_path, PROFILE.replace('"büro"', "buero").encode())}
    done = fabric_livy("config", "--json", folder=tmp_path, FABRIC_LIVY_PROFILE="buero", **environ)
    assert shown_target(done) == "Verkauf/Größen"
    (tmp_path / "n.ipynb").write_text(portal_notebook(), encoding="utf-8")
    converted = fabric_livy("convert", "n.ipynb", "n.Notebook", folder=tmp_path, **environ)
    assert converted.returncode == 0, converted.stderr
    written = (tmp_path / "n.Notebook" / "notebook-content.py").read_text(encoding="utf-8")
    assert "# MAGIC SELECT 'Größe'" in written


@pytest.mark.parametrize("locale", LOCALES)
def test_results_are_printed_whatever_the_locale(locale: str, fabric: FakeFabric, tmp_path: Path) -> None:
    """What the stream cannot write appears by its number."""
    environ = {**of_server(fabric, tmp_path), **LOCALES[locale]}
    fabric.answer("print('Größe 寸')", text_output("Größe 寸"))
    (tmp_path / "a.py").write_text("print('Größe 寸')", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fabric_livy_magic", "run", "a.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    encoding = environ.get("PYTHONIOENCODING", "ascii")
    assert "Größe 寸".encode(encoding, "backslashreplace") in done.stdout


# ------------------------------------------------------------------------------------------- the command line of Azure
def test_a_program_of_windows_is_found_by_its_endings_and_not_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, names in {"here": ["az.cmd", "az.exe"], "there": ["az.cmd", "az"]}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path / "here")
    path = f".;;{tmp_path / 'there'}"
    assert program("az", path, is_windows=True, endings=".COM;.EXE;.CMD") == tmp_path / "there" / "az.cmd"
    assert program("az", path, is_windows=True, endings=".EXE") is None
