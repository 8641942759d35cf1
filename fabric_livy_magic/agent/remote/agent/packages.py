"""`%pip`: installs packages for this session only, into its own folder. The environment, which sessions share, is not changed.

The embedded Fabric has such a folder for each session, which all its Python processes look into: those of other notebooks and
the workers of UDFs. Elsewhere it is this process's own, and executors get what is in it as an archive.
"""

from __future__ import annotations

import atexit
import contextlib
import glob
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

from .errors import Refused

PIP_OPTIONS = ["--disable-pip-version-check", "--no-input"]
FOLDER_VARIABLE = "LIVY_SESSION_PACKAGES"  # as in local/spark/submit.py
INSTALLS_VARIABLE = "FABRIC_LIVY_INSTALLS"
OWN_FOLDER = "session-packages"  # as in local/spark/settings.py; `notebookutils.session` knows what was installed by it


class PackagesFolder:
    path = ""
    installs = 0


def pip(namespace: dict[str, Any], line: str) -> None:
    run_pip(as_shell_has_them(shlex.split(line)))


def run_pip(words: list[str]) -> None:
    if words[:1] == ["install"]:
        install(words[1:])
    elif words[:1] == ["uninstall"]:
        raise Refused(
            "`%pip uninstall` would change the environment of other sessions; a new session has none of what this one installed."
        )
    else:
        run(words)


def as_shell_has_them(words: list[str]) -> list[str]:
    """IPython's `%pip` goes through a shell, too: without a comment, with the files of `dist/*.whl`."""
    words = next((words[:at] for at, word in enumerate(words) if word.startswith("#")), words)
    paths = [os.path.expandvars(os.path.expanduser(word)) for word in words]  # noqa: PTH111
    return [found for path in paths for found in (sorted(glob.glob(path)) or [path])]  # noqa: PTH207


def shell_words(command: str) -> list[str] | None:
    """The words after `pip` of a shell command that is nothing but `pip install …`, also by a path and as `python -m pip`."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = as_shell_has_them(list(lexer))
    except ValueError:  # an open quote: the shell reports it
        return None
    if any(word and not word.strip("();<>|&") for word in words):
        return None
    programs = [os.path.basename(word).rstrip("0123456789.") for word in words[:1]]  # noqa: PTH119
    if programs == ["python"] and words[1:3] == ["-m", "pip"]:
        rest = words[3:]
    elif programs == ["pip"]:
        rest = words[1:]
    else:
        return None
    return rest if "install" in rest[:1] else None


def shell_environment(command: str) -> dict[str, str] | None:
    """For a command of the shell in which pip is one of several: it is that of this Python, and what it installs goes into the
    folder as well."""
    if "pip" in command and "install" in command:
        programs = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), os.environ.get("PATH")]))
        return {**os.environ, "PIP_TARGET": folder(), "PATH": programs}
    return None


def exit_code(words: list[str]) -> int:
    """Of `!pip`: a shell command, whose failure is no error of the cell."""
    try:
        run_pip(words)
    except Refused as problem:
        print(problem)  # noqa: T201
        return 1
    return 0


def install(words: list[str]) -> None:
    """pip first reports what is missing, and only that goes into the folder: `--target` alone would install everything again,
    PySpark's own libraries included."""
    with one_at_a_time(folder()), tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.json")  # noqa: PTH118
        output = run(["install", "--dry-run", "--report", report, *words], is_shown=False)
        if not os.path.exists(report):  # noqa: PTH110 - `install --help`
            print(output, end="")  # noqa: T201
            return
        with open(report, encoding="utf-8") as file:  # noqa: PTH123
            missing = [requirement(one) for one in json.load(file)["install"]]
        if missing:
            quiet_options = [word for word in words if word in ("-q", "--quiet", "-qq")]
            options = ["--no-deps", "--upgrade", "--no-warn-script-location", "--target", folder(), *quiet_options]
            run(["install", *options, *missing])
            share_with_workers()
        else:
            print("\n".join(line for line in output.splitlines() if line.startswith("Requirement already")))  # noqa: T201
    importlib.invalidate_caches()  # also where another notebook of the session has just installed it


def requirement(entry: dict[str, Any]) -> str:
    """Of one entry of pip's report: https://pip.pypa.io/en/stable/reference/installation-report/"""
    source = entry["download_info"]
    url: str = source["url"]
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    return url


def run(words: list[str], is_shown: bool = True) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "PIP_TARGET"}
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
        of_session = os.environ.get(FOLDER_VARIABLE, "")
        if os.path.isdir(of_session):  # noqa: PTH112
            PackagesFolder.path = of_session
        else:
            own = tempfile.mkdtemp(prefix="fabric-livy-")
            atexit.register(shutil.rmtree, own, ignore_errors=True)
            PackagesFolder.path = os.path.join(own, OWN_FOLDER)  # noqa: PTH118
            os.mkdir(PackagesFolder.path)  # noqa: PTH102
        if PackagesFolder.path not in sys.path:
            sys.path.insert(0, PackagesFolder.path)
            started = filter(None, [PackagesFolder.path, os.environ.get("PYTHONPATH")])
            os.environ["PYTHONPATH"] = os.pathsep.join(started)  # of the processes that cells start
    return PackagesFolder.path


@contextlib.contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """Notebooks that run side by side in one session install into one folder. The lock ends with this process, too."""
    try:
        import fcntl
    except ImportError:  # Windows: no session runs there
        yield
        return
    with open(f"{path}.lock", "a", encoding="utf-8") as file:  # noqa: PTH123
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def use_new_workers() -> Any:
    """From now on UDFs run in new workers: Spark keeps one daemon for each environment, and a worker keeps the modules that it
    has imported. The environment is part of each Python function that is made after this. Returns the SparkContext, if there is one."""
    pyspark = sys.modules.get("pyspark")
    context: Any = pyspark and pyspark.SparkContext._active_spark_context
    if context:
        PackagesFolder.installs += 1
        context.environment[INSTALLS_VARIABLE] = f"{os.getpid()}-{PackagesFolder.installs}"
    return context


def share_with_workers() -> None:
    context = use_new_workers()
    if not context:
        return
    if re.match(r"local(\[|$)", context.master):
        context.environment["PYTHONPATH"] = PackagesFolder.path
        return
    # Kept beside it, as an executor that starts later asks the driver for it. The path is relative to the folder in which an
    # executor starts, as with `spark.archives`.
    name = f"{OWN_FOLDER}-{PackagesFolder.installs}"
    archive = shutil.make_archive(f"{PackagesFolder.path}-{PackagesFolder.installs}", "zip", PackagesFolder.path)
    context.addArchive(f"{archive}#{name}")
    context.environment["PYTHONPATH"] = f".{os.sep}{name}"
