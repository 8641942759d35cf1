"""The extension of JupyterLab is whole, is in the wheel, and is found where the wheel puts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fabric_livy_magic import __version__
from tests.support.commands import ROOT
from tests.support.jupyter_server import LABEXTENSION


def test_the_wheel_puts_it_where_jupyterlab_looks() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert wheel["wheel"]["shared-data"][LABEXTENSION.name] == "share/jupyter/labextensions/fabric-livy-magic"
    assert f"/{LABEXTENSION.name}" in wheel["sdist"]["include"]


def test_jupyter_finds_it_and_calls_it_fit(tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab")
    package = json.loads((LABEXTENSION / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert (LABEXTENSION / package["jupyterlab"]["_build"]["load"]).is_file()
    shutil.copytree(LABEXTENSION, tmp_path / "labextensions" / package["name"])
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    environ = {**os.environ, "JUPYTER_PATH": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if package["name"] in line]
    assert f"v{__version__}" in line
    assert "enabled" in line
    assert "OK" in line
