"""Scala cells are joined where Livy's line-by-line shell would break them, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.cells.scala_lines import CONTINUES, _pieces, join_scala_lines

JOINED = {
    "leading dots": ('spark.range(5)\n  .filter($"id" > 1)\n  .show()', 'spark.range(5) .filter($"id" > 1) .show()'),
    "else": ("if (x) {\n  1\n}\nelse {\n  2\n}", "if (x) {\n  1\n} else {\n  2\n}"),
    "catch and finally": (
        "try {\n f\n}\ncatch { case e: Exception => 1 }\nfinally { g }",
        "try {\n f\n} catch { case e: Exception => 1 } finally { g }",
    ),
    "yield": ("for (i <- 1 to 3)\n  yield i", "for (i <- 1 to 3) yield i"),
    "match": ("x\nmatch { case _ => 1 }", "x match { case _ => 1 }"),
    "extends and with": ("class A\n  extends B\n  with C", "class A extends B with C"),
    "blank lines and comments between": ("df\n\n  // only big ones\n  /* nested /* */ */\n  .count", "df .count"),
    "comment at the end of the line": ("df // the frame\n  .count // rows", "df .count // rows"),
    "after a string": ('val s = """a\n.b"""\n  .trim', 'val s = """a\n.b""" .trim'),
    "a slash is no comment": ('val p = "http://x"\n  .length', 'val p = "http://x" .length'),
    "a quote as a character": ("val q = '\"'\n  .toInt", "val q = '\"' .toInt"),
    "backticked member": ("x\n  .`type`", "x .`type`"),
}
UNCHANGED = [
    "val x = 1\nval y = 2\nx + y",
    'val s = """one\n.two\nelse"""',
    "/* one\n.two\nelse */ val a = 1",
    "// one\n// .two",
    ".5",
    ".toString",
    "",
    "\n\n",
    "withColumn\nelsewhere\nmatching",
    "val a = 1 // .x\nval b = 2",
    "x /\n2",
    "val c = 'x\nval d = 'y",
    "/* never closed\n.x",
]


@pytest.mark.parametrize("name", JOINED)
def test_a_continuing_line_is_joined_with_the_code_before_it(name: str) -> None:
    cell, wanted = JOINED[name]
    assert join_scala_lines(cell) == wanted


@pytest.mark.parametrize("cell", UNCHANGED)
def test_every_other_cell_stays_as_it_is(cell: str) -> None:
    assert join_scala_lines(cell) == cell


SCALA = st.lists(
    st.sampled_from(
        ["\n", "\n", " ", ".f", "else", '"', '"""', "'", "//", "/*", "*/", "x", "\\", "val a = 1", "{", "}", "é", "=>"]
    ),
    max_size=30,
).map("".join)


@given(SCALA)
@example('"""')
@example("'\\")
def test_the_pieces_of_a_cell_are_the_cell(cell: str) -> None:
    assert "".join(text for _, text in _pieces(cell)) == cell


@given(SCALA)
def test_a_joined_cell_is_not_changed_again(cell: str) -> None:
    joined = join_scala_lines(cell)
    assert join_scala_lines(joined) == joined


@given(SCALA)
def test_only_line_breaks_blanks_and_comments_are_lost(cell: str) -> None:
    def code(text: str) -> list[str]:
        return [
            word for kind, part in _pieces(text) if kind not in {"comment", "block", "newline"} for word in part.split()
        ]

    assert "".join(code(join_scala_lines(cell))) == "".join(code(cell))


@given(
    st.lists(st.sampled_from(["val a = 1", "a + 1", "println(a)", "", "// note", "def f = {", "}"]), max_size=12).map(
        "\n".join
    )
)
def test_a_cell_without_continuing_lines_is_unchanged(cell: str) -> None:
    assert not any(CONTINUES.match(line) for line in cell.split("\n"))
    assert join_scala_lines(cell) == cell
