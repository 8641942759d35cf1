"""Where in its cell a Scala error is."""

from __future__ import annotations

import pytest

from fabric_livy_magic.cells.scala_lines import join_scala_lines
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.running.scala_errors import placed

CHAIN = "val a = 1\nList(a)\n  .map(_.nosuch)\n  .size"
NOT_FOUND = "error: not found: value nosuch"
CASES = {
    "Livy counts lines of its own": (
        "val a = 1\n\nnosuch + a",
        (f"<console>:23: {NOT_FOUND}", ["       nosuch + a\n", "       ^\n"]),
        (f"<console>:3: {NOT_FOUND}", ["       nosuch + a\n", "       ^\n"]),
    ),
    "the embedded Fabric counts the cell's": (
        "nosuch\nnosuch",
        (f"<console>:2: {NOT_FOUND}", ["       nosuch\n", "       ^\n"]),
        (f"<console>:2: {NOT_FOUND}", ["       nosuch\n", "       ^\n"]),
    ),
    "two lines are the same": (
        "nosuch\nnosuch",
        (f"<console>:23: {NOT_FOUND}", ["       nosuch\n", "       ^\n"]),
        (f"<console>:23: {NOT_FOUND}", ["       nosuch\n", "       ^\n"]),
    ),
    "more than one line above the code": (
        'val a = 1\nval b: Int = "b"',
        (
            "<console>:23: error: type mismatch;",
            [' found   : String("b")\n', " required: Int\n", '       val b: Int = "b"\n', "                    ^\n"],
        ),
        (
            "<console>:2: error: type mismatch;",
            [' found   : String("b")\n', " required: Int\n", '       val b: Int = "b"\n', "                    ^\n"],
        ),
    ),
    "a line that was changed for Livy": (
        CHAIN,
        (f"<console>:25: {NOT_FOUND}", ["          map(_.nosuch).\n", "                ^\n"]),
        (f"<console>:3: {NOT_FOUND}", ["         .map(_.nosuch)\n", "                ^\n"]),
    ),
    "a line that a comment was put into": (
        "val a = 1 +\nnosuch",
        (f"<console>:25: {NOT_FOUND}", ["       */nosuch\n", "         ^\n"]),
        (f"<console>:2: {NOT_FOUND}", ["       nosuch\n", "       ^\n"]),
    ),
    "an exception": (
        CHAIN,
        ("java.lang.RuntimeException: no", ["  in line 3 of the cell: map(_.nosuch).\n", "  ... 51 elided\n"]),
        ("java.lang.RuntimeException: no", ["  in line 3 of the cell: .map(_.nosuch)\n", "  ... 51 elided\n"]),
    ),
    "no place": ("nosuch", ("incomplete statement", []), ("incomplete statement", [])),
}


@pytest.mark.parametrize("name", CASES)
def test_the_place_is_the_line_of_the_cell_as_it_was_written(name: str) -> None:
    code, (evalue, traceback), wanted = CASES[name]
    error = placed(StatementError("Error", evalue, traceback, "printed"), code, join_scala_lines(code))
    assert (error.evalue, error.traceback) == wanted
    assert error.printed == "printed"
    assert str(error).startswith(wanted[0])
