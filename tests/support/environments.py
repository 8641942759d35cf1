"""Clean Python environments, made by uv, with the wheel and nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
# What the base install may bring besides this package. On macOS IPython brings one more, appnope.
MOST_PACKAGES = {"linux": 55, "windows": 55, "macos": 56}
SPARK = {"3.11": "3.5.", "3.12": "3.5.", "3.13": "4.", "3.14": "4."}  # what `[local]` brings there


@dataclass(frozen=True)
class CleanEnvironment:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str, folder: Path, timeout_s: float = 300, **environ: str) -> str:
        """What the program of this environment printed; its failure is the test's."""
        done = self.try_to_run(*arguments, folder=folder, timeout_s=timeout_s, **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_to_run(
        self, program: str, *arguments: str, folder: Path, timeout_s: float = 300, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL"))
        }
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(self.python.parent / program), *arguments],
            cwd=folder,
            env={**inherited, "PATH": path, **environ},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def uv(*arguments: str) -> str:
    program = pytest.importorskip("uv", reason="uv is not installed: pip install '.[release]'").find_uv_bin()
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_of(version: str) -> Path:
    """One that this machine has: on the PATH, or kept by pyenv. Skips the test where there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
    for one in filter(None, candidates):
        # pyenv's shim of a version that is not switched on fails.
        if subprocess.run([one, "--version"], capture_output=True, check=False).returncode == 0:
            return Path(one)
    pytest.skip(f"this machine has no Python {version}")


def clean_environment(folder: Path, *requirements: str, python: Path) -> CleanEnvironment:
    uv("venv", "--quiet", "--python", str(python), str(folder))
    made = CleanEnvironment(folder)
    uv("pip", "install", "--quiet", "--python", str(made.python), *requirements)
    return made


def resolved(version: str, *options: str) -> dict[str, str]:
    """Name → version of what the base install of `pyproject.toml`, or an extra, comes to on that Python; every one has a wheel."""
    words = ["pip", "compile", "--quiet", "--no-annotate", "--no-header", "--python-version", version, *options]
    lines = uv(*words, "pyproject.toml").splitlines()
    return dict(line.partition(";")[0].strip().split("==") for line in lines if "==" in line)
