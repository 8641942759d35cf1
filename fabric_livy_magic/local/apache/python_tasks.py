"""Tasks for a session's Python that are no statements: submitted here, run by `pyjobs` in that Python."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.apache import pyjobs
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.sessions.statements import Statement


@dataclass(frozen=True)
class PythonTask:
    statement: Statement
    reply_file: Path

    def reply(self) -> dict[str, Any] | None:
        """`{"result": …}` or `{"error": text}`; None while there is none yet."""
        try:
            read: dict[str, Any] = json.loads(self.reply_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if self.statement.state != "available":
                return None
            output = self.statement.output or {}  # its Python died, or has never run it
            return {"error": f"{output.get('ename', 'Error')}: {output.get('evalue', 'no answer came')}"}
        return read


def submit_to_python(session: Session, repl: Repl, task: str, argument: str) -> PythonTask:
    """`task` is one of `pyjobs.TASKS`. Of the request only the path of its file gets into the code."""
    folder = session.folders.private / "python-tasks"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, request = tempfile.mkstemp(suffix=".json", dir=folder)  # 0600
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        json.dump({"task": task, "argument": argument}, file)
    code = f"__import__({pyjobs.__name__!r}, fromlist=['run']).run({request!r})"
    return PythonTask(repl.submit_unlisted(code, "pyspark"), Path(request).with_suffix(pyjobs.REPLY_SUFFIX))
