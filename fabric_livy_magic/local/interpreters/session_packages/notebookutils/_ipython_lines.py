"""`%pip` and `!pip install` in a notebook that another one runs: no front end is there to run them.

Installs as a cell of the session does, into the session's folder: pip first reports what is missing, and only that is installed.
"""

from __future__ import annotations

import fcntl
import glob
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from typing import Any, List

from notebookutils._errors import NotebookUtilsError

FOLDER_VARIABLE = "LIVY_SESSION_PACKAGES"  # as in local/spark/submit.py
VARIABLE = re.compile(r"\{([^{}]+)\}|\$([A-Za-z_]\w*)")


class IPythonLines:
    """What `get_ipython()` gives there. Which magics there are, is checked before the notebook runs."""

    def run_line_magic(self, name: str, line: str) -> None:
        if name == "pip":
            pip(_words(_with_values(line)))

    def system(self, command: str) -> None:
        """Of the commands of the shell only this one gets here: `pip install …`, also as `python -m pip install …`."""
        words = _words(_with_values(command))
        pip(words[words.index("install") :])


def get_ipython() -> IPythonLines:
    return IPythonLines()


def _with_values(text: str) -> str:
    """`{expression}` and `$name` of the notebook, as in IPython; any other is for the shell."""
    names = vars(sys.modules["__main__"])

    def value(match: Any) -> str:
        try:
            return str(eval(match[1], names) if match[1] else names[match[2]])  # noqa: S307 - the user's own
        except Exception:  # noqa: BLE001 - `{a,b}` and `$HOME`
            return str(match[0])

    return VARIABLE.sub(value, text)


def _words(line: str) -> List[str]:
    words = shlex.split(line)
    words = next((words[:at] for at, word in enumerate(words) if word.startswith("#")), words)
    return [found for word in words for found in (sorted(glob.glob(os.path.expanduser(word))) or [word])]


def pip(words: List[str]) -> None:
    if words[:1] != ["install"]:
        print(_run(words), end="")
        return
    folder = os.environ[FOLDER_VARIABLE]
    with open(f"{folder}.lock", "a", encoding="utf-8") as lock, tempfile.TemporaryDirectory() as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = os.path.join(scratch, "report.json")
        output = _run(["install", "--dry-run", "--report", report, *words[1:]])
        missing: List[str] = []
        if os.path.exists(report):  # not for `install --help`
            with open(report, encoding="utf-8") as file:
                missing = [_requirement(one) for one in json.load(file)["install"]]
        if missing:
            output = _run(
                ["install", "--no-deps", "--upgrade", "--no-warn-script-location", "--target", folder, *missing]
            )
    importlib.invalidate_caches()
    print("" if {"-q", "--quiet"} & set(words) else output, end="")


def _requirement(entry: Any) -> str:
    source = entry["download_info"]
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{source['url']}@{source['vcs_info']['commit_id']}"
    return str(source["url"])


def _run(words: List[str]) -> str:
    command = [sys.executable, "-m", "pip", *words, "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise NotebookUtilsError(f"pip ended with exit code {done.returncode}.\n{output.strip()}")
    return output
