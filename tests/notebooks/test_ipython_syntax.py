"""IPython's syntax as plain Python: block by block it is what IPython makes of the whole cell."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager, leading_indent

from fabric_livy_magic.notebooks.ipython_syntax import as_python, split_line_magics

LINES = [
    *["%run x", "!ls", "x = %who", "y = !ls -l", "if a:", "    %time x", "    z = 1", "else:", "    !rm x", "def f():"],
    *["    return 1", "", "# comment", "s = '''", "'''", '"""', "(a", "%b", ")", "f(", "[1,", "]", "x?", "?x", "x??", "a % b"],
    *["x = 5 % 3", "!echo (", "!echo ]", "!echo '", "!echo '''", "!a \\", "print('a?')", "\\", "x = \\", "    %b", "x = 'a"],
    *["!pip install 'x'", "@d", "  %a", "\t%x", "a = b = %x", "!!ls", ",f a", "/f a", ";f a", "é = !x", "a=1; %x", "%x {"],
]  # fmt: skip


def by_ipython(code: str) -> str:
    try:
        return "".join(TransformerManager().do_token_transforms(leading_indent(code.splitlines(keepends=True))))
    except Exception:  # noqa: BLE001 - see as_python
        return code


def is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=9).map("\n".join), st.sampled_from(["", "\n"]))
def test_a_cell_becomes_what_ipython_makes_of_it(cell: str, end: str) -> None:
    code = f"{cell}{end}%last"
    expected = by_ipython(code)
    if is_python(expected) or is_python(as_python(code)):
        assert as_python(code) == expected


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r\n"])
def test_a_line_magic_below_a_text_with_a_separator_of_lines_is_cut_where_it_stands(separator: str) -> None:
    text = f'text = """a{separator}b"""\n'
    pieces = split_line_magics(as_python(f"{text}%pip install x\nafter = 1\n"))
    assert [(piece.code, piece.magic) for piece in pieces][::2] == [(text, ""), ("after = 1\n", "")]
    assert (pieces[1].magic, pieces[1].line) == ("pip", "install x")
