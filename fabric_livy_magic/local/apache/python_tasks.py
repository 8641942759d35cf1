"""Tasks for a session's Python that are no statements: submitted here, run by `pyjobs` in that Python."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.interpreters import pyjobs
from fabric_livy_magic.local.sessions.repl import JobRunner, Repl
from fabric_livy_magic.local.sessions.session import Session

PYTHON_ENDED = "Error: the session's Python has ended"


@dataclass
class PythonTask:
    python: JobRunner | None
    reply_file: Path
    was_cancelled: bool = False

    def reply(self) -> dict[str, Any] | None:
        """`{"result": …}` or `{"error": text}`; None while there is none yet."""
        has_ended = self.python is None or not self.python.alive  # before it is looked for: it may write and end
        try:
            read: dict[str, Any] = json.loads(self.reply_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"error": PYTHON_ENDED} if has_ended else None
        return read

    def forget(self) -> None:
        self.reply_file.unlink(missing_ok=True)
        self.reply_file.with_suffix(".json").unlink(missing_ok=True)


def submit_to_python(session: Session, repl: Repl, task: str, argument: str) -> PythonTask:
    """`task` is one of `pyjobs.TASKS`. It runs at once, beside the statement that runs."""
    folder = session.folders.private / "python-tasks"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, request = tempfile.mkstemp(suffix=".json", dir=folder)  # 0600
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        json.dump({"task": task, "argument": argument}, file)
    if repl.python is not None:
        repl.python.run_job(request)
    return PythonTask(repl.python, Path(request).with_suffix(pyjobs.REPLY_SUFFIX))
