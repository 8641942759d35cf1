"""Runs one cell of a notebook, and shows the value of its last line."""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import io
import linecache
import tokenize
from typing import Any

from . import assertions, chart_data, display, event_loop, lines_ran, reloading
from .assertions import seen
from .debugger import debugger
from .errors import ends_cell, leave_out_what_is_told_twice
from .interrupts import watcher
from .lines_ran import ran
from .live import live
from .output import running

FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class CellState:
    """What lasts from cell to cell, apart from the user's names."""

    count = 0
    number = 0
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    value: Any = None  # of the last line; `_` may be a name of the user's


def run(
    namespace: dict[str, Any],
    code: str,
    rows_fetched: int,
    interruptible: bool = False,
    number: int | None = None,
    chart: dict[str, Any] | None = None,
    pace: list[Any] | None = None,
) -> None:
    """Raises what the cell raises. `rows_fetched` is for Spark DataFrames; `interruptible`: see `interrupts`. `number` is the one
    that the front end shows beside the cell. `chart`, see `chart_data`, is shown in place of the last line's value. `pace`: see `live`."""
    running.call.rows_fetched = rows_fetched
    if not CellState.count:
        leave_out_what_is_told_twice()
    CellState.count += 1
    CellState.value = None
    CellState.number = number = CellState.count if number is None else number
    running.call.origin.label = f"cell {number}"
    running.call.output.take(running.take_late())
    name = file_name(number)
    linecache.cache[name] = (len(code), None, lines_of(code), name)  # tracebacks show the lines
    debugger.begin_cell(name, code)
    try:
        with watcher.watching(running.call.request, polls=interruptible), live.written(pace, running.call):
            reloading.reload_changed()
            with event_loop.within_reach():
                value = CellState.value = execute(namespace, code, name)
    except BaseException as end:
        if not ends_cell(end):
            raise
        print(end)  # noqa: T201
    else:
        if value is not None:
            builtins._ = value  # type: ignore[attr-defined]  # as Python's own shell does
        if chart:
            header = chart_data.header(value, display.session_of(namespace), chart)
            display.emit({"frame": header, "result": True})
        elif value is not None:
            display.show(value, result=True)
    finally:
        for of_watch in (assertions.NAME, lines_ran.NAME):
            namespace.pop(of_watch, None)
        ran.save()
        display.show_figures()


def lines_of(code: str) -> list[str]:
    """Each with its line break, as of a file: without one Python draws the carets of an error one column too far right."""
    return list(io.StringIO(code if code.endswith("\n") else f"{code}\n"))


def file_name(number: int) -> str:
    """For tracebacks. A number comes again in a cell of several parts, and in a notebook's next kernel: then the lines of the
    first one are still those of the functions that it has defined."""
    name, times = f"<cell {number}>", 1
    while name in linecache.cache:
        times += 1
        name = f"<cell {number} ({times})>"
    return name


def execute(namespace: dict[str, Any], code: str, name: str) -> Any:
    tree: Any = compiled(code, name, "exec", ast.PyCF_ONLY_AST)
    for watch, change, of_watch in ((seen, seen.watched, assertions.NAME), (ran, ran.marked, lines_ran.NAME)):
        if watch.enabled:
            tree = change(tree, code)
            # With a function that is pickled for Spark's workers go the names of its module that it uses.
            namespace[of_watch] = watch
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not ends_with_semicolon(code):
        last = ast.Expression(tree.body.pop().value)
    evaluated(compiled(tree, name, "exec"), namespace)
    return None if last is None else evaluated(compiled(last, name, "eval"), namespace)


def compiled(source: Any, name: str, mode: str, flags: int = 0) -> Any:
    result = compile(source, name, mode, flags | CellState.flags, dont_inherit=True)
    if not flags:
        CellState.flags |= result.co_flags & FUTURE_FLAGS  # `from __future__ import …` holds for later cells as well
    return result


def evaluated(code: Any, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)  # noqa: S307 - running user code is the purpose
    if not code.co_flags & inspect.CO_COROUTINE:
        return value
    return event_loop.cell_loop().run_until_complete(value)


def ends_with_semicolon(code: str) -> bool:
    """Then the value of the last line is not shown."""
    if ";" not in code.rstrip().rsplit("\n", 1)[-1]:
        return False
    ignored = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(code).readline) if token.type not in ignored]
    return tokens[-1].string == ";"
