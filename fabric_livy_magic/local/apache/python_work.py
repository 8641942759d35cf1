"""Work for a session's Python that is no statement: asked for here, done by `pyjobs`, which runs in that Python."""

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
class PythonWork:
    statement: Statement
    reply_file: Path

    def reply(self) -> dict[str, Any] | None:
        """`{"result": …}` or `{"error": text}`; None while there is none yet."""
        try:
            read: dict[str, Any] = json.loads(self.reply_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if self.statement.state != "available":
                return None
            output = self.statement.output or {}  # its Python died, or never ran it
            return {"error": f"{output.get('ename', 'Error')}: {output.get('evalue', 'no answer came')}"}
        return read


def ask_python(session: Session, repl: Repl, work: str, given: str) -> PythonWork:
    """`work` is one of `pyjobs.WORK`. The path, our own, is all that gets into the code."""
    folder = session.folders.private / "python-work"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, request = tempfile.mkstemp(suffix=".json", dir=folder)  # 0600
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        json.dump({"work": work, "given": given}, file)
    code = f"__import__({pyjobs.__name__!r}, fromlist=['run']).run({request!r})"
    return PythonWork(repl.submit_unlisted(code, "pyspark"), Path(request).with_suffix(pyjobs.REPLY_SUFFIX))
