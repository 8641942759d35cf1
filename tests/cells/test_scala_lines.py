"""Scala cells are joined where Livy's line-by-line shell would break them, and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.cells.scala_lines import CONTINUES, _pieces, join_scala_lines

JOINED = {
    "leading dots": (
        'spark.range(5)\n  .filter($"id" > 1)\n  .show()',
        'spark.range(5).\n   filter($"id" > 1).\n   show()',
    ),
    "else": ("if (x) {\n  1\n}\nelse {\n  2\n}", "if (x) {\n  1\n} else\n     {\n  2\n}"),
    "catch and finally": (
        "try {\n f\n}\ncatch { case e: Exception => 1 }\nfinally { g }",
        "try {\n f\n} catch\n      { case e: Exception => 1 } finally\n        { g }",
    ),
    "yield": ("for (i <- 1 to 3)\n  yield i", "for (i <- 1 to 3) yield\n        i"),
    "match": ("x\nmatch { case _ => 1 }", "x match\n      { case _ => 1 }"),
    "extends and with": ("class A\n  extends B\n  with C", "class A extends\n          B with\n       C"),
    "blank lines and comments between": (
        "df\n\n  // only big ones\n  /* nested /* */ */\n  .count",
        "df.\n\n  // only big ones\n  /* nested /* */ */\n   count",
    ),
    "comment at the end of the line": ("df // the frame\n  .count // rows", "df. // the frame\n   count // rows"),
    "after a string": ('val s = """a\n.b"""\n  .trim', 'val s = """a\n.b""".\n   trim'),
    "a slash is no comment": ('val p = "http://x"\n  .length', 'val p = "http://x".\n   length'),
    "a quote as a character": ("val q = '\"'\n  .toInt", "val q = '\"'.\n   toInt"),
    "backticked member": ("x\n  .`type`", "x.\n   `type`"),
    "an operator at the end of a line": ("val a = 1 +\n  2", "val a = 1 + /*\n*/2"),
    "an operator and a comment": ("a && // both\nb", "a && /* // both\n*/b"),
    "an operator and a text": ('val s = "a" +\n  "b"', 'val s = "a" + /*\n  */"b"'),
    "a class and its companion": (
        "case class A(i: Int)\n\nobject A {\n  val one = A(1)\n}\nA.one",
        "case class A(i: Int); object\n\n       A {\n  val one = A(1)\n}\nA.one",
    ),
    "an object and its companion, with more between": (
        "object A\nprintln(1)\n@deprecated class A",
        "object A; /*\n*/println(1); @\n deprecated class A",
    ),
    "a sealed family": (
        "sealed trait T\ncase object X extends T\nfinal class Y extends Serializable with T\nval x = 1",
        "sealed trait T; case\n     object X extends T; final\n      class Y extends Serializable with T\nval x = 1",
    ),
    "definitions that use one another": (
        "def even(n: Int): Boolean = n == 0 || odd(n - 1)\ndef odd(n: Int): Boolean = n != 0 && even(n - 1)",
        "def even(n: Int): Boolean = n == 0 || odd(n - 1); def\n    odd(n: Int): Boolean = n != 0 && even(n - 1)",
    ),
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
    "x /\n\n2",
    "x match {\n  case 1 => 2\n}",
    "def f = {\n  1 +\n    2\n}",
    "f(1,\n  2 +\n  3)",
    '"ls" !\nprintln(1)',
    "def later = ???\nprintln(1)",
    "val a =\n  1",
    "1 +\nval b = 2",
    "class A\nclass B\nobject C",
    "class A\nobject B { val a = new A }",
    "def f(x: Int) = x\ndef f(x: String) = x",
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
        [
            *(
                "\n",
                "\n",
                " ",
                "  ",
                ".f",
                "else",
                '"',
                '"""',
                "'",
                "//",
                "/*",
                "*/",
                "x",
                "\\",
                "val a = 1",
                "{",
                "}",
                "é",
                "=>",
            ),
            *(
                "+",
                "&&",
                "class A",
                "object A",
                "sealed trait T",
                "case class B() extends T",
                "def f = g",
                "def g = 1",
                "@x ",
            ),
        ]
    ),
    max_size=30,
).map("".join)


def line_of_each_word(cell: str) -> list[tuple[str, int]]:
    found, line = [], 1
    for piece in _pieces(cell):
        if piece.is_code:
            for number, text in enumerate(piece.text.split("\n")):
                found += [(word, line + number) for word in re.findall(r"\w+|[^\w\s;]", text)]
        line += piece.text.count("\n")
    return found


@given(SCALA)
@example('"""')
@example("'\\")
def test_the_pieces_of_a_cell_are_the_cell(cell: str) -> None:
    assert "".join(piece.text for piece in _pieces(cell)) == cell


@given(SCALA)
def test_a_joined_cell_is_not_changed_again(cell: str) -> None:
    joined = join_scala_lines(cell)
    assert join_scala_lines(joined) == joined


@given(SCALA)
def test_words_stay_and_are_at_most_moved_up_to_the_code_before_them(cell: str) -> None:
    before, after = line_of_each_word(cell), line_of_each_word(join_scala_lines(cell))
    assert [word for word, _ in after] == [word for word, _ in before]
    assert all(
        line in (was, previous)
        for (_, line), (_, was), (_, previous) in zip(after, before, [("", 1), *before], strict=False)
    )


@given(
    st.lists(st.sampled_from(["val a = 1", "a + 1", "println(a)", "", "// note", "def f = {", "}"]), max_size=12).map(
        "\n".join
    )
)
def test_a_cell_without_continuing_lines_is_unchanged(cell: str) -> None:
    assert not any(CONTINUES.match(line) for line in cell.split("\n"))
    assert join_scala_lines(cell) == cell
