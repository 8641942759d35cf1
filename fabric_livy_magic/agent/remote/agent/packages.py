"""`%pip`: packages for this session alone, in a folder of its own. The environment that other sessions share stays as it is."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from .errors import Refused

QUIET = ["--disable-pip-version-check", "--no-input"]


class Folder:
    path = ""


def pip(namespace: dict[str, Any], line: str) -> None:
    words = shlex.split(line)
    if words[:1] == ["install"]:
        install(words[1:])
    elif words[:1] == ["uninstall"]:
        raise Refused(
            "`%pip uninstall` would change the environment of other sessions; a new session has none of what this one installed."
        )
    else:
        run(words)


def exit_code(line: str) -> int:
    """As a shell's command, whose failure is no error of the cell."""
    try:
        pip({}, line)
    except Refused as problem:
        print(problem)  # noqa: T201
        return 1
    return 0


def install(words: list[str]) -> None:
    """pip first says what is missing, and what is missing goes into the folder: `--target` alone would install again
    everything that is there already, PySpark's own libraries among it."""
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.json")  # noqa: PTH118
        said = run(["install", "--dry-run", "--report", report, *words], is_shown=False)
        if not os.path.exists(report):  # noqa: PTH110 - it was asked for its help
            print(said, end="")  # noqa: T201
            return
        with open(report, encoding="utf-8") as file:  # noqa: PTH123
            wanted = [specifier(one) for one in json.load(file)["install"]]
    if not wanted:
        print("\n".join(line for line in said.splitlines() if line.startswith("Requirement already")))  # noqa: T201
        return
    quiet = [word for word in words if word in ("-q", "--quiet", "-qq")]
    run(["install", "--no-deps", "--upgrade", "--no-warn-script-location", "--target", folder(), *quiet, *wanted])
    importlib.invalidate_caches()


def specifier(entry: dict[str, Any]) -> str:
    """Of one entry of pip's report: https://pip.pypa.io/en/stable/reference/installation-report/"""
    source = entry["download_info"]
    url: str = source["url"]
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    return url


def run(words: list[str], is_shown: bool = True) -> str:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [Folder.path, os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *QUIET],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    if is_shown or done.returncode:
        print(said, end="")  # noqa: T201
    if done.returncode:
        raise Refused(f"pip ended with exit code {done.returncode}.")
    return said


def folder() -> str:
    if not Folder.path:
        Folder.path = tempfile.mkdtemp(prefix="session-packages-")
        sys.path.insert(0, Folder.path)
        atexit.register(shutil.rmtree, Folder.path, ignore_errors=True)
    return Folder.path
