"""Reading takes time in proportion to the length of a text, whoever wrote it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.completion.code import _typed
from fabric_livy_magic.errors import FabricLivyError, StatementError, short_remote_error
from fabric_livy_magic.notebooks.fabric_notebooks import is_fabric_notebook
from fabric_livy_magic.notebooks.git_format import STARS, read_git
from fabric_livy_magic.notebooks.ipython_syntax import as_python
from fabric_livy_magic.notebooks.json_text import read_forgiving_json
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.notebooks.run_magic import read_run_line
from fabric_livy_magic.printable import printable, printable_output
from fabric_livy_magic.signin.entra.logs import masked
from fabric_livy_magic.signin.entra.reasons import explain

# Reader and text: the part that is repeated, what stands before and behind it.
HARD: dict[str, tuple[Callable[[str], object], str, str, str]] = {
    "%run with braces": (read_run_line, "x {", "}", "'"),
    "%run with blanks": (read_run_line, "x", " ", "{"),
    "%run with options": (read_run_line, "", "-a ", "'"),
    "%run with words": (read_run_line, "", "a ", "'"),
    "%run with quotes": (read_run_line, "", "'\" ", "{"),
    "JSON with comments": (read_forgiving_json, "{", "/*/", "x"),
    "JSON with commas": (read_forgiving_json, "[", ",  ", "x"),
    "JSON with quotes": (read_forgiving_json, "{", '"\\', "\n"),
    "empty lines of a cell": (lambda text: is_fabric_notebook(Notebook(cells=(Cell(source=text),))), "", "\n", "x"),
    "a long word to complete": (_typed, "", "a", " "),
    "blanks of a sign-in error": (lambda text: explain({"error_description": text}), "x", " ", "x"),
    "tokens of a log": (masked, "", "eyJaaaaaa", " "),
    "carets of an error": (lambda text: short_remote_error(StatementError("E", text)), "", "^ ", "x"),
    "escape sequences": (printable, "", "\x1b[1;", "x"),
    "colours": (printable_output, "", "\x1b[1;", "x"),
    "lines written over": (printable_output, "", "\rx", "\n"),
    "markers of the Git format": (read_git, "# Fabric notebook source\n# CELL **{", "}** ", "x"),
}


MAGIC_CELL = "%run notebook\n" + "x = 1\n" * 5


def seconds_for(read: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    with contextlib.suppress(FabricLivyError, ValueError):
        read(text)
    return time.thread_time() - began


@pytest.mark.parametrize("name", HARD)
def test_the_time_grows_as_the_text(name: str) -> None:
    """Eight times the text takes 64 times as long where time is quadratic; what is quick in any case is not compared."""
    read, before, part, behind = HARD[name]
    once, eight_times = (
        min(seconds_for(read, before + part * count + behind) for _ in range(3)) for count in (4_000, 32_000)
    )
    assert eight_times < max(0.5, 25 * once)


def test_lines_that_belong_to_no_cell_are_read_in_proportion_too() -> None:
    def text(count: int) -> str:
        stray = "".join(f"stray {number}\n" for number in range(count))
        return f"# Fabric notebook source\n\n# CELL {STARS}\n\n# METADATA {STARS}\n\n{stray}"

    once, eight_times = (min(seconds_for(read_git, text(count)) for _ in range(3)) for count in (4_000, 32_000))
    assert eight_times < max(0.5, 25 * once)


def test_a_cell_of_many_magics_is_read_in_proportion_too() -> None:
    """IPython's own translation reads the whole cell anew for each of them."""
    once, four_times = (min(seconds_for(as_python, MAGIC_CELL * count) for _ in range(2)) for count in (50, 200))
    assert as_python(MAGIC_CELL * 200).count("run_line_magic") == 200
    assert four_times < max(0.5, 9 * once)
