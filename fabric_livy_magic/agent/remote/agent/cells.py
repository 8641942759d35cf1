"""A cell of a notebook: all of it runs, and the value of its last line is shown."""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import contextlib
import inspect
import io
import linecache
import tokenize
from typing import Any

from . import display
from .interrupts import watcher
from .output import running

FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class Shell:
    """What one cell leaves to the next, beside the user's names."""

    count = 0
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    loop: asyncio.AbstractEventLoop | None = None
    value: Any = None  # of the last line; `_` may be the user's own name


def run(namespace: dict[str, Any], code: str, rows_shown: int, interruptible: bool = False) -> None:
    """Raises what the cell raises. `rows_shown` is for Spark DataFrames; `interruptible`: see `interrupts`."""
    running.call.rows_shown = rows_shown
    Shell.count += 1
    Shell.value = None
    name = f"<cell {Shell.count}>"
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)  # tracebacks show the lines
    try:
        with watcher.over(running.call.request) if interruptible else contextlib.nullcontext():
            value = Shell.value = execute(namespace, code, name)
        if value is not None:
            builtins._ = value  # type: ignore[attr-defined]  # as Python's own shell does
            display.show(value, result=True)
    finally:
        display.show_figures()


def execute(namespace: dict[str, Any], code: str, name: str) -> Any:
    tree: Any = compiled(code, name, "exec", ast.PyCF_ONLY_AST)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not ends_quiet(code):
        last = ast.Expression(tree.body.pop().value)
    evaluated(compiled(tree, name, "exec"), namespace)
    return None if last is None else evaluated(compiled(last, name, "eval"), namespace)


def compiled(source: Any, name: str, mode: str, flags: int = 0) -> Any:
    made = compile(source, name, mode, flags | Shell.flags, dont_inherit=True)
    if not flags:
        Shell.flags |= made.co_flags & FUTURE  # `from __future__ import …` holds for later cells as well
    return made


def evaluated(code: Any, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)  # noqa: S307 - our purpose
    if not code.co_flags & inspect.CO_COROUTINE:
        return value
    if Shell.loop is None:
        Shell.loop = asyncio.new_event_loop()
    return Shell.loop.run_until_complete(value)


def ends_quiet(code: str) -> bool:
    """Whether it ends in a semicolon: the value of its last line is not to be shown then."""
    if ";" not in code.rstrip().rsplit("\n", 1)[-1]:
        return False
    spaces = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(code).readline) if token.type not in spaces]
    return tokens[-1].string == ";"
