"""Python cells are read, whatever they hold."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.notebooks.python_code import PREDEFINED, read_python

PIECES = [
    "%",
    "%%",
    "!",
    "?",
    "x",
    "=",
    "(",
    "'",
    '"""',
    "\\",
    "\n",
    "\n  ",
    "import a.b as c",
    "@f\n",
    "lambda",
    "#",
    "\t",
]


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
@example("(" * 3000)
@example('=%"""')
@example("a" + ".a" * 3000)
@example("-" * 5000 + "1")
@example("x = %time " * 300)
def test_any_code_is_read_or_has_a_syntax_error(source: str) -> None:
    facts = read_python(source, dict(PREDEFINED))
    assert facts.error_line >= bool(facts.error)
