"""The Python process of one REPL with Livy's structure, from which its bugs come.

- Replies are lines on descriptor 1, which user code and its children can write to as well.
- What a cell printed stays in sys.stdout until a request succeeds. After a failed one it is output of the next request, which
  is Livy's own and has no visible output.
- Exceptions outside of user code, as in a magic, are not caught: the process ends, and stops the SparkContext.
- The globals have no `__name__`, so it is that of the builtins.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import signal
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from fabric_livy_magic.local.interpreters import pyjobs, pymagics
from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.pymagics import UnknownMagic
from fabric_livy_magic.local.interpreters.pyshell import TOP_FRAME, compiled_statements, parse, split_magics
from fabric_livy_magic.local.interpreters.worker import SparkConnection, end_with_server, send


class UnicodeDecodingStringIO(io.StringIO):
    def write(self, text: str | bytes) -> None:  # type: ignore[override]
        super().write(text.decode("utf-8") if isinstance(text, bytes) else text)


class LivyShell:
    """An exception of `run` ends the process."""

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {}
        self._fresh_streams()

    def _fresh_streams(self) -> None:
        sys.stdout, sys.stderr = UnicodeDecodingStringIO(), UnicodeDecodingStringIO()

    def run(self, code: str) -> Output:
        try:
            nodes = parse_nodes(code)
        except SyntaxError as failure:
            return failed(failure, None)
        data: dict[str, Any] = {}
        for node in nodes:
            try:
                data = self._magic(node) if isinstance(node, str) else {}
            except UnknownMagic as failure:
                return failed(failure, None)
            if isinstance(node, ast.Module) and (raised := self._execute(node)):
                return failed(raised, raised.__traceback__)
        # If user code has replaced or closed them, the process ends here.
        stdout: Any = sys.stdout
        stderr: Any = sys.stderr
        text = stdout.getvalue() + stderr.getvalue()
        self._fresh_streams()
        text = (data.pop("text/plain", "") + text).rstrip()
        if text or not data:
            data["text/plain"] = text
        return ok(data)

    def _execute(self, node: ast.Module) -> BaseException | None:
        """With as many frames as in Livy, because they limit how deep user code may recurse."""
        try:
            for code_object in compiled_statements(node):
                exec(code_object, self.globals)  # noqa: S102 - the purpose of this module
        except BaseException as failure:  # noqa: BLE001 - whatever user code raises is its output
            return failure
        return None

    def _magic(self, line: str) -> dict[str, Any]:
        name, *rest = line[1:].split(" ", 1)
        if not name:
            raise UnknownMagic("magic command not specified")
        if name not in MAGICS:
            raise UnknownMagic(f"unknown magic command '{name}'")
        data: dict[str, Any] = MAGICS[name](self.globals, *rest)
        return data


def parse_nodes(code: str) -> list[ast.Module | str]:
    """A magic stays text: an unknown one is an error only when it runs."""
    try:
        return [parse(code)]
    except SyntaxError:
        return [chunk if chunk.startswith("%") else parse(chunk) for chunk in split_magics(code)]


def magic_json(names: dict[str, Any], name: str) -> dict[str, Any]:
    return {"application/json": names[name]} if name in names else reply_as_data(KeyError(name))


def magic_table(names: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in names:
        return reply_as_data(KeyError(name))
    refuse_cells(names[name])
    return {pymagics.TABLE: pymagics.table(names[name])}


def magic_matplot(names: dict[str, Any], name: str) -> dict[str, Any]:
    picture = io.BytesIO()
    try:
        names[name].gcf().savefig(picture, format="png")
    except BaseException as failure:  # noqa: BLE001 - as in Livy, it becomes a reply inside the data
        return reply_as_data(failure)
    return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii"), "text/plain": ""}


MAGICS = {"json": magic_json, "table": magic_table, "matplot": magic_matplot}


def reply_as_data(failure: BaseException) -> dict[str, Any]:
    """A magic that fails returns a complete error reply, which becomes its data."""
    return {"msg_type": "execute_reply", "content": failed(failure, None)}


def refuse_cells(rows: Any) -> None:
    """Raises for lists of several types, and dicts, as cells of a table: they end Livy's shell."""
    for row in rows if isinstance(rows, (list, tuple)) else [rows]:
        cells = row.values() if isinstance(row, dict) else row if isinstance(row, (list, tuple)) else ()
        for cell in cells:
            if isinstance(cell, dict) or (isinstance(cell, (list, tuple)) and len({type(item) for item in cell}) > 1):
                raise ValueError("value has inconsistent types")


def failed(failure: BaseException, tb: TracebackType | None) -> Output:
    """With the traceback below the cell's own frame; with all frames, also of this package, if it has none. An exception whose
    text cannot be made ends the process: Livy asks for it outside of what it catches."""
    lines = traceback.format_exception(type(failure), failure, tb, chain=False)
    for index, line in enumerate(lines):
        if TOP_FRAME.match(line):
            lines = lines[:1] + lines[index + 1 :]
            break
    return error(type(failure).__name__, str(failure), lines)


def main(arguments: list[str]) -> None:
    requests, replies, lifeline, interrupts, jobs = (int(number) for number in arguments[:5])
    os.close(replies)  # it is descriptor 1 as well
    os.close(interrupts)  # a cancel of Livy ends Spark's jobs, not the code
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from wherever it comes, as in Livy
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for descriptor in (requests, lifeline):
        os.set_inheritable(descriptor, False)
    threading.Thread(target=end_with_server, args=(lifeline,), name="lifeline", daemon=True).start()
    import pyspark.sql  # noqa: F401 - its second of work overlaps with the start of the JVM

    sys.argv = [""]
    sys.stdin = io.StringIO()
    shell = LivyShell()
    pyjobs.serve(jobs)
    connections: list[SparkConnection] = []  # kept, or py4j would free the session
    try:
        with open(requests, "rb") as lines:  # noqa: PTH123 - a descriptor
            for line in lines:
                request = json.loads(line)
                if "attach" in request:
                    connections.append(SparkConnection(**request["attach"]))
                    shell.globals.update(connections[0].names)
                    reply: Output = {"attached": True}
                else:
                    reply = shell.run(request["code"])
                send(1, json.dumps(reply).encode("ascii"))  # as in Livy: NaN stays, and its server fails to read it
    finally:
        if "sc" in shell.globals:
            shell.globals["sc"].stop()


if __name__ == "__main__":
    main(sys.argv[1:])
