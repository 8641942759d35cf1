"""The Python process of one REPL as Livy's is: its bugs come from how it is made.

- Replies are lines on descriptor 1, which user code and its children can write to as well.
- What a cell printed stays in sys.stdout until a request ends well. One that failed leaves it to the next one, which is
  Livy's own, and nobody sees its output.
- What goes wrong outside user code, as in a magic, is not caught: the process ends, and takes the SparkContext with it.
- The globals have no `__name__`, so it is that of the builtins.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from fabric_livy_magic.local.interpreters import pymagics
from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.pymagics import UnknownMagic
from fabric_livy_magic.local.interpreters.pyshell import TOP_FRAME, compiled, message_of, parse, split_magics
from fabric_livy_magic.local.interpreters.worker import SparkLink, send, watch


class UnicodeDecodingStringIO(io.StringIO):
    def write(self, text: str | bytes) -> None:  # type: ignore[override]
        super().write(text.decode("utf-8") if isinstance(text, bytes) else text)


class LivyShell:
    """What `run` raises is the end of the process."""

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
        # Whatever the code put there: if it is no stream of ours, or closed, the process ends here.
        stdout: Any = sys.stdout
        stderr: Any = sys.stderr
        text = stdout.getvalue() + stderr.getvalue()
        self._fresh_streams()
        text = (data.pop("text/plain", "") + text).rstrip()
        if text or not data:
            data["text/plain"] = text
        return ok(data)

    def _execute(self, node: ast.Module) -> BaseException | None:
        """How deep user code may recurse depends on the frames below it. They are as many as in Livy."""
        try:
            for code_object in compiled(node):
                exec(code_object, self.globals)  # noqa: S102 - our purpose
        except BaseException as failure:  # noqa: BLE001 - the user's code: whatever it raises is its answer
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
    """A line that is a magic stays text: whether there is such a magic is found out when its turn comes."""
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
    except BaseException as failure:  # noqa: BLE001 - as in Livy: whatever it is becomes a reply inside the data
        return reply_as_data(failure)
    return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii"), "text/plain": ""}


MAGICS = {"json": magic_json, "table": magic_table, "matplot": magic_matplot}


def reply_as_data(failure: BaseException) -> dict[str, Any]:
    """A magic that fails returns a whole error reply, and that is taken for its data."""
    return {"msg_type": "execute_reply", "content": failed(failure, None)}


def refuse_cells(rows: Any) -> None:
    """Lists of several types, and dicts, as cells of a table: Livy's shell ends by them."""
    for row in rows if isinstance(rows, (list, tuple)) else [rows]:
        cells = row.values() if isinstance(row, dict) else row if isinstance(row, (list, tuple)) else ()
        for cell in cells:
            if isinstance(cell, dict) or (isinstance(cell, (list, tuple)) and len({type(item) for item in cell}) > 1):
                raise ValueError("value has inconsistent types")


def failed(failure: BaseException, tb: TracebackType | None) -> Output:
    """The traceback from below the cell's own frame on, or all of it, our frames too, where it has none."""
    lines = traceback.format_exception(type(failure), failure, tb, chain=False)
    for index, line in enumerate(lines):
        if TOP_FRAME.match(line):
            lines = lines[:1] + lines[index + 1 :]
            break
    return error(type(failure).__name__, message_of(failure), lines)


def main(arguments: list[str]) -> None:
    requests, replies, lifeline = (int(number) for number in arguments[:3])
    os.close(replies)  # it is descriptor 1 as well
    for descriptor in (requests, lifeline):
        os.set_inheritable(descriptor, False)
    threading.Thread(target=watch, args=(lifeline,), name="lifeline", daemon=True).start()
    import pyspark.sql  # noqa: F401 - its second of work overlaps with the start of the JVM

    sys.argv = [""]
    sys.stdin = io.StringIO()
    shell = LivyShell()
    links: list[SparkLink] = []  # kept, or py4j would let go of the session
    try:
        with open(requests, "rb") as lines:  # noqa: PTH123 - a descriptor
            for line in lines:
                request = json.loads(line)
                if "attach" in request:
                    links.append(SparkLink(**request["attach"]))
                    shell.globals.update(links[0].names)
                    reply: Output = {"attached": True}
                else:
                    reply = shell.run(request["code"])
                send(1, json.dumps(reply).encode("ascii"))  # as Livy's: NaN stays, and its server fails on it
    finally:
        if "sc" in shell.globals:
            shell.globals["sc"].stop()


if __name__ == "__main__":
    main(sys.argv[1:])
