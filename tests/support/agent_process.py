"""The agent in a Python process of its own, without Spark: it gets the statements that a session would."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fabric_livy_magic.agent.client import Reply, call_text, install_text, read_reply

SHELL = """
import contextlib, io, json, os, sys
replies, requests = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stdin
names = {"__name__": "__main__"}
for line in requests:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(json.loads(line), names)
    print(json.dumps(printed.getvalue()), file=replies, flush=True)
"""


class AgentProcess:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._statement(install_text())

    def _statement(self, code: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        text: str = json.loads(self._process.stdout.readline())
        return text

    def call(self, operation: str, *arguments: Any) -> Reply:
        request = uuid.uuid4().hex
        reply = read_reply(self._statement(call_text(request, operation, arguments)), request)
        assert reply is not None
        return reply

    def cell(self, code: str) -> Reply:
        return self.call("cell", code, 20)

    def shows(self, code: str) -> list[str]:
        """The texts that a cell prints and displays; it must not fail."""
        reply = self.cell(code)
        assert reply.error is None, reply.error["full"]
        return [text_of(event) for event in reply.events]


def text_of(event: Mapping[str, Any]) -> str:
    return str(event["text"] if "stream" in event else event["data"]["text/plain"])


@contextmanager
def agent_process(folder: Path, options: Sequence[str] = ()) -> Iterator[AgentProcess]:
    """With an own environment's variables only where pytest has them; it works in `folder`."""
    command = [sys.executable, "-P", *options, "-c", SHELL]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    with process:
        yield AgentProcess(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(20) == 0
