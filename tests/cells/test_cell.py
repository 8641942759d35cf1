"""The options on a cell magic's first line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.cell import KINDS, Cell, cell_parser, read_cell, split_options
from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.errors import SettingsError


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_its_body_as_it_was_typed(kind: str) -> None:
    body = "  x = 1 \n\n\ty  -- ' \" {x} $x\n"
    assert read_cell(kind, "", body) == Cell(kind=kind, code=body)


def test_every_option_of_a_cell_is_read() -> None:
    cell = read_cell("sql", "-s second -o trips -n 1_000 -q", "SELECT 1")
    assert cell == Cell(kind="sql", code="SELECT 1", session="second", output="trips", limit=1000, quiet=True)
    assert cell == read_cell("sql", "--session=second --output trips --limit 1000 --quiet", "SELECT 1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-o 2x", "-o takes the name of a variable; '2x' is none"),
        ("-o a.b", "-o takes the name of a variable"),
        ("-o class", "-o takes the name of a variable"),
        ("-o ''", "-o takes the name of a variable"),
        ("-n many", "-n takes a number of rows, not 'many'"),
        ("-n -5", "-n takes a number of rows, not '-5'"),
        ("-n 1.5", "-n takes a number of rows"),
        ("--outptu x", "Did you mean '--output'?"),
        ("SELECT 1", "'SELECT' is one word too many"),
        ("-o", "expected one argument"),
    ],
)
def test_a_wrong_option_of_a_cell_is_refused(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_cell("sql", line, "SELECT 1")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("-p floor=10", [("floor", "10")]),
        ("-pfloor=10 --parameter=x=y -q", [("floor", "10"), ("x", "y")]),
        ("-p day='2024-01-31' -o x", [("day", "'2024-01-31'")]),
        ('-p "days=[1, 2]" -n 3', [("days", "[1, 2]")]),
        ("""-p 'names=["a b", "c"]'""", [("names", '["a b", "c"]')]),
        ("""-p names=["a","b"] -p same=a=="b" """, [("names", '["a","b"]'), ("same", 'a=="b"')]),
        ("-p text='it is'+\"'s\"", [("text", "'it is'+\"'s\"")]),
    ],
)
def test_the_expression_of_a_parameter_is_as_it_was_typed(line: str, parameters: list[tuple[str, str]]) -> None:
    assert read_cell("sql", line, "SELECT 1").parameters == tuple(parameters)
    assert read_cell("sql", f"{line} SELECT -p", None).parameters == tuple(parameters)


@pytest.mark.parametrize("line", ["-p", "-p 5", "-p x", "-p x=", "-p 'a b=1'", "-p x='a"])
def test_a_parameter_without_a_name_or_an_expression_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match=r"-p takes NAME=EXPRESSION|expected one argument|A quote is not closed"):
        read_cell("sql", line, "SELECT 1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["", " \n\t\n"])
def test_a_cell_without_a_body_is_refused(kind: str, body: str) -> None:
    with pytest.raises(SettingsError, match=f"%%livy_{kind} has no body: write the code on the lines below it"):
        read_cell(kind, "-q", body)


@pytest.mark.parametrize("line", ["", "-q", "-o x --"])
def test_a_line_without_code_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="%livy_sql has no code"):
        read_cell("sql", line, None)


@pytest.mark.parametrize("kind", KINDS)
def test_help_needs_no_body(kind: str) -> None:
    with pytest.raises(HelpRequested, match=f"usage: %livy_{kind}"):
        read_cell(kind, "--help", "")


@pytest.mark.parametrize(
    ("line", "options", "code"),
    [
        ("SELECT 1", "", "SELECT 1"),
        ("  SELECT  1 ", "", "SELECT  1"),
        ("-o x SELECT 1", "-o x", "SELECT 1"),
        ("-q -n 5 --session=two SELECT '-o y'", "-q -n 5 --session=two", "SELECT '-o y'"),
        ("-o x -- -1 + 2", "-o x", "-1 + 2"),
        ("-1 + 2", "", "-1 + 2"),
        ("- 1", "", "- 1"),
        ("-n 5 -- --x", "-n 5", "--x"),
        ("-s 'my session' SELECT 1", "-s 'my session'", "SELECT 1"),
        ('--session "my session" SELECT 1', '--session "my session"', "SELECT 1"),
        ("--session='my session' SELECT 1", "--session='my session'", "SELECT 1"),
        ("SELECT 'it''s' -- it's", "", "SELECT 'it''s' -- it's"),
        ("-o", "-o", ""),
        ("", "", ""),
    ],
)
def test_the_code_of_a_line_starts_after_its_options(line: str, options: str, code: str) -> None:
    found_options, found_code = split_options(cell_parser("sql"), line)
    assert (found_options.strip(), found_code) == (options, code)


@given(st.text())
def test_splitting_a_line_loses_nothing(line: str) -> None:
    options, code = split_options(cell_parser("sql"), line)
    assert line.startswith(options)
    assert code == line[len(options) :].strip() or code == line[len(options) :].strip().removeprefix("--").strip()


@given(code=st.text().map(str.strip).filter(lambda text: text and not text.startswith("-")), output=st.booleans())
def test_code_of_a_line_arrives_as_it_was_typed(code: str, output: bool) -> None:
    cell = read_cell("pyspark", f"-o x {code}" if output else code, None)
    assert cell.code == code


@given(st.text().map(str.strip).filter(bool))
def test_after_two_dashes_any_code_arrives_as_it_was_typed(code: str) -> None:
    assert read_cell("pyspark", f"-q -- {code}", None).code == code


@given(st.sampled_from(KINDS), st.text(), st.none() | st.text())
def test_any_cell_is_read_or_refused(kind: str, line: str, body: str | None) -> None:
    try:
        cell = read_cell(kind, line, body)
    except (SettingsError, HelpRequested):
        pass
    else:
        assert cell.code.strip()
