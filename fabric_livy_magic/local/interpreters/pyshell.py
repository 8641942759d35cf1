"""Runs PySpark statements and makes their outputs, by the rules of Livy's fake_shell.py.

The last node of the code is compiled in `single` mode, so that its value is echoed; all output goes into one text,
first stdout, then stderr, without trailing white space. `%json`, `%table` and `%matplot` lines are searched only if the
code is not valid Python. Intended differences: text printed before an error is kept (in the error's `data`), `__name__` is
`__main__`, and a magic that fails is an ordinary error instead of the end of the interpreter.
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

OWN_FRAMES = f'File "{Path(__file__).parent}{os.sep}'
TOP_FRAME = re.compile(r'\s*File "<stdin>".*in <module>')


class CapturedStream(io.TextIOWrapper):
    """What the code writes to sys.stdout or sys.stderr, kept until `take`.

    `fileno()` is the real descriptor, to which a child process with this stream writes. `write` returns no count, as in
    Livy: a cell that ends in `sys.stdout.write("x")` shows x, not x and a number.
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
    """Runs statements in one set of globals. `descriptor_output` returns what was written to descriptors 1 and 2 directly."""

    def __init__(self, user_globals: dict[str, Any], descriptor_output: Callable[[], str] = lambda: "") -> None:
        self.globals = user_globals
        self._descriptor_output = descriptor_output
        self.stdout = CapturedStream(1)
        self.stderr = CapturedStream(2)

    def install_streams(self) -> None:
        """Sets sys.stdout and sys.stderr, also after user code closed or replaced them."""
        if self.stdout.closed:
            self.stdout = CapturedStream(1)
        if self.stderr.closed:
            self.stderr = CapturedStream(2)
        sys.stdout, sys.stderr = self.stdout, self.stderr

    def run(self, code: str) -> Output:
        """Never raises what the code raises: KeyboardInterrupt and SystemExit are errors of the statement, too."""
        self.install_streams()
        try:
            nodes = parse_nodes(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError, pymagics.UnknownMagic) as failure:
            # ValueError: null bytes. RecursionError and MemoryError: code nested too deeply for the parser.
            return self._error(failure, None)
        data: dict[str, Any] = {}
        try:
            # Run in this frame: the fewer frames below user code, the deeper it may recurse.
            for node in nodes:
                if isinstance(node, pymagics.Magic):
                    data = node.run(self.globals)
                    continue
                for code_object in compiled_statements(node):
                    exec(code_object, self.globals)  # noqa: S102 - the purpose of this module
                data = {}
            self._check_json(data)
            text = str(data.pop("text/plain", "")) + self._printed()
        except BaseException as failure:  # noqa: BLE001 - whatever user code raises is its output
            return self._error(failure, failure.__traceback__)
        text = text.rstrip()
        if text or not data:
            data["text/plain"] = text
        return ok(data)

    def _check_json(self, data: dict[str, Any]) -> None:
        """A value that is no JSON becomes the statement's error; Livy's interpreter would end."""
        for mime, value in data.items():
            if mime.endswith("json"):
                json.dumps(value, allow_nan=False)

    def _printed(self) -> str:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        out = "" if self.stdout.closed else self.stdout.take()
        err = "" if self.stderr.closed else self.stderr.take()
        return out + self._descriptor_output() + err

    def _error(self, failure: BaseException, tb: TracebackType | None) -> Output:
        lines = format_error(failure, tb)
        return error(type(failure).__name__, message_of(failure), lines, self._printed().rstrip())


def message_of(failure: BaseException) -> str:
    try:
        return str(failure)
    except Exception as second:  # noqa: BLE001 - a broken __str__ of a user's class must not hide the error
        return f"<exception str() failed: {type(second).__name__}>"


def format_error(failure: BaseException, tb: TracebackType | None) -> list[str]:
    """Livy's traceback: without causes, without the frames of this package and the cell's `<module>` frame."""
    lines = traceback.format_exception(type(failure), failure, tb, chain=False)
    lines = [line for line in lines if not line.lstrip().startswith(OWN_FRAMES)]
    for index, line in enumerate(lines):
        if TOP_FRAME.match(line):
            return lines[:1] + lines[index + 1 :]
    return lines


def parse_nodes(code: str) -> list[ast.Module | pymagics.Magic]:
    """The code as one module; if it is not Python, split at lines that start with `%`."""
    try:
        return [parse(code)]
    except SyntaxError:
        chunks = split_magics(code)
        if not any(chunk.startswith("%") for chunk in chunks):
            raise
    return [pymagics.read_magic(chunk) if chunk.startswith("%") else parse(chunk) for chunk in chunks]


def parse(code: str) -> ast.Module:
    return ast.parse(code, filename="<stdin>")


def compiled_statements(module: ast.Module) -> Iterator[CodeType]:
    """Statement by statement, each compiled after the one before ran, so that its compile error comes then.

    The last is compiled in `single` mode, which echoes its value. The `from __future__` imports of this module are not the user's.
    """
    for statement in module.body[:-1]:
        yield compile(ast.Module([statement], []), "<stdin>", "exec", dont_inherit=True)
    for statement in module.body[-1:]:
        yield compile(ast.Interactive([statement]), "<stdin>", "single", dont_inherit=True)


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
