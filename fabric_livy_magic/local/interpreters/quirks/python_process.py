"""A Python process with Livy's protocol: one line in, one line out, whether the worker or user code wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.interpreters.python_process import PythonProcess, WorkerDied
from fabric_livy_magic.local.interpreters.quirks.limits import LONGEST_STRING_CHARS
from fabric_livy_magic.local.spark.jvm import Jvm


class LivyPythonProcess(PythonProcess):
    """A line of user code on descriptor 1 is read as the reply; from then on each reply is that of the request before."""

    script = str(Path(__file__).with_name("worker.py"))
    replies_by_stdout = True

    def __init__(self, jvm: Jvm, *arguments: Any) -> None:
        self._jvm = jvm
        self._unread = b""
        super().__init__(*arguments)

    def run(self, code: str, group: str) -> Output:
        """Two requests for each statement, as in Livy. The first one gets the output that the statement before left."""
        self._execute(f'sc.setJobGroup("{group}", "Job group for statement {group}")')
        return self._execute(code)

    def _execute(self, code: str) -> Output:
        try:
            return read_reply(self._jvm, self._request({"code": code}))
        except WorkerDied as died:
            return self._death_output(str(died))

    def _read_line(self) -> bytes:
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            parts.append(self._read_part())
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line


def read_reply(jvm: Jvm, line: bytes) -> Output:
    """The line as Livy's JSON library, Jackson, reads it. Jackson itself is called where it may differ from Python's."""
    text = line.decode("utf-8", errors="replace")
    reply: Any = None
    try:
        reply = json.loads(text, parse_constant=_no_json)
        unsure = len(text) > LONGEST_STRING_CHARS
    except ValueError:
        unsure = True
    if unsure:
        try:
            reply = json.loads(jvm.view.com.fasterxml.jackson.databind.ObjectMapper().readTree(text).toString() or "0")
        except Py4JJavaError as refused:
            exception = refused.java_exception
            return error(exception.getClass().getName(), exception.getMessage())
    if not isinstance(reply, dict) or "status" not in reply:
        # JSON, but no reply: `os.write(1, b"5\n")`.
        no_text = "Did not find value which can be converted into java.lang.String"
        return error("org.json4s.package$MappingException", no_text)
    return reply


def _no_json(constant: str) -> None:
    raise ValueError(constant)
