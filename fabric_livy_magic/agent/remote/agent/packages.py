"""`%pip`: installs packages for this session only, into its own folder. The environment, which sessions share, is not changed."""

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

PIP_OPTIONS = ["--disable-pip-version-check", "--no-input"]


class PackagesFolder:
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
    """Of `!pip`: a shell command, whose failure is no error of the cell."""
    try:
        pip({}, line)
    except Refused as problem:
        print(problem)  # noqa: T201
        return 1
    return 0


def install(words: list[str]) -> None:
    """pip first reports what is missing, and only that goes into the folder: `--target` alone would install everything again,
    PySpark's own libraries included."""
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.json")  # noqa: PTH118
        output = run(["install", "--dry-run", "--report", report, *words], is_shown=False)
        if not os.path.exists(report):  # noqa: PTH110 - `install --help`
            print(output, end="")  # noqa: T201
            return
        with open(report, encoding="utf-8") as file:  # noqa: PTH123
            missing = [requirement(one) for one in json.load(file)["install"]]
    if not missing:
        print("\n".join(line for line in output.splitlines() if line.startswith("Requirement already")))  # noqa: T201
        return
    quiet_options = [word for word in words if word in ("-q", "--quiet", "-qq")]
    run(
        [
            "install",
            "--no-deps",
            "--upgrade",
            "--no-warn-script-location",
            "--target",
            folder(),
            *quiet_options,
            *missing,
        ]
    )
    importlib.invalidate_caches()


def requirement(entry: dict[str, Any]) -> str:
    """Of one entry of pip's report: https://pip.pypa.io/en/stable/reference/installation-report/"""
    source = entry["download_info"]
    url: str = source["url"]
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    return url


def run(words: list[str], is_shown: bool = True) -> str:
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [PackagesFolder.path, os.environ.get("PYTHONPATH")])),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, *PIP_OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace")
    if is_shown or done.returncode:
        print(output, end="")  # noqa: T201
    if done.returncode:
        raise Refused(f"pip ended with exit code {done.returncode}.")
    return output


def folder() -> str:
    if not PackagesFolder.path:
        PackagesFolder.path = tempfile.mkdtemp(prefix="session-packages-")
        sys.path.insert(0, PackagesFolder.path)
        atexit.register(shutil.rmtree, PackagesFolder.path, ignore_errors=True)
    return PackagesFolder.path
