"""How a PySpark statement runs and what it answers: the rules of Livy's fake_shell.py.

The last node of the code is compiled in `single` mode, so that its value is echoed; all output goes into one text,
first stdout, then stderr, without trailing white space. `%json`, `%table` and `%matplot` lines are looked for only
where the code is no valid Python. Chosen differences: text printed before an error is kept (in the error's `data`),
`__name__` is `__main__`, and a magic that cannot work is an ordinary error instead of a dead interpreter.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from fabric_livy_magic.local.interpreters import pymagics
from fabric_livy_magic.local.interpreters.outputs import Output, error, ok

OUR_FRAMES = f'File "{Path(__file__).parent}{os.sep}'
TOP_FRAME = re.compile(r'\s*File "<stdin>".*in <module>')


class CapturedStream(io.TextIOWrapper):
    """What the code writes to sys.stdout or sys.stderr, kept until taken.

    `fileno()` is the real descriptor: a child process that is given this stream writes to that one. `write` gives no
    count, as Livy's does not: a cell that ends in `sys.stdout.write("x")` shows x, not x and a number.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> None:  # type: ignore[override]
        super().write(text)

    def take(self) -> str:
        """Everything written so far; the stream is empty afterwards."""
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        text = kept.getvalue().decode("utf-8")
        kept.seek(0)
        kept.truncate()
        return text


class PythonShell:
    """Runs statements in one set of globals. `stray` gives what reached descriptors 1 and 2 past sys.stdout."""

    def __init__(self, user_globals: dict[str, Any], stray: Callable[[], str] = lambda: "") -> None:
        self.globals = user_globals
        self._stray = stray
        self.stdout = CapturedStream(1)
        self.stderr = CapturedStream(2)

    def install_streams(self) -> None:
        """Put our streams in place, also after the user closed or replaced them for good."""
        if self.stdout.closed:
            self.stdout = CapturedStream(1)
        if self.stderr.closed:
            self.stderr = CapturedStream(2)
        sys.stdout, sys.stderr = self.stdout, self.stderr

    def run(self, code: str) -> Output:
        """Never raises for what the code does; KeyboardInterrupt and SystemExit in it are errors of the statement."""
        self.install_streams()
        try:
            nodes = parse_nodes(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError, pymagics.UnknownMagic) as failure:
            # ValueError: null bytes. RecursionError and MemoryError: code nested too deeply for the parser.
            return self._error(failure, None)
        data: dict[str, Any] = {}
        try:
            # Run in this very frame: how deep user code may recurse depends on the frames below it.
            for node in nodes:
                if isinstance(node, pymagics.Magic):
                    data = node.run(self.globals)
                    continue
                for code_object in compiled(node):
                    exec(code_object, self.globals)  # noqa: S102 - our purpose
                data = {}
            self._check_json(data)
            text = str(data.pop("text/plain", "")) + self._printed()
        except BaseException as failure:  # noqa: BLE001 - the user's code: whatever it raises is its answer
            return self._error(failure, failure.__traceback__)
        text = text.rstrip()
        if text or not data:
            data["text/plain"] = text
        return ok(data)

    def _check_json(self, data: dict[str, Any]) -> None:
        """A value that is no JSON becomes this statement's error, where Livy's interpreter would die of it."""
        for mime, value in data.items():
            if mime.endswith("json"):
                json.dumps(value, allow_nan=False)

    def _printed(self) -> str:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        out = "" if self.stdout.closed else self.stdout.take()
        err = "" if self.stderr.closed else self.stderr.take()
        return out + self._stray() + err

    def _error(self, failure: BaseException, tb: TracebackType | None) -> Output:
        lines = format_error(failure, tb)
        return error(type(failure).__name__, message_of(failure), lines, self._printed().rstrip())


def message_of(failure: BaseException) -> str:
    try:
        return str(failure)
    except Exception as second:  # noqa: BLE001 - a broken __str__ of the user's class must not hide the error itself
        return f"<exception str() failed: {type(second).__name__}>"


def format_error(failure: BaseException, tb: TracebackType | None) -> list[str]:
    """Livy's traceback: causes left out, our own frames and the cell's `<module>` frame removed."""
    lines = traceback.format_exception(type(failure), failure, tb, chain=False)
    lines = [line for line in lines if not line.lstrip().startswith(OUR_FRAMES)]
    for index, line in enumerate(lines):
        if TOP_FRAME.match(line):
            return lines[:1] + lines[index + 1 :]
    return lines


def parse_nodes(code: str) -> list[ast.Module | pymagics.Magic]:
    """The code as one module; where that is no Python, cut at lines that start with `%`."""
    try:
        return [parse(code)]
    except SyntaxError:
        chunks = split_magics(code)
        if not any(chunk.startswith("%") for chunk in chunks):
            raise
    return [pymagics.read_magic(chunk) if chunk.startswith("%") else parse(chunk) for chunk in chunks]


def parse(code: str) -> ast.Module:
    return ast.parse(code, filename="<stdin>")


def compiled(module: ast.Module) -> Iterator[CodeType]:
    """Statement by statement, each compiled when its turn has come: an error in the last one comes after the others ran.

    The last is compiled in `single` mode, which echoes its value.
    """
    for statement in module.body[:-1]:
        yield compile(ast.Module([statement], []), "<stdin>", "exec")
    for statement in module.body[-1:]:
        yield compile(ast.Interactive([statement]), "<stdin>", "single")


def split_magics(code: str) -> list[str]:
    chunks: list[str] = []
    normal: list[str] = []
    for line in code.rstrip().split("\n"):
        if not line.startswith("%"):
            normal.append(line)
            continue
        if normal:
            chunks.append("\n".join(normal))
            normal = []
        chunks.append(line)
    if normal:
        chunks.append("\n".join(normal))
    return chunks
