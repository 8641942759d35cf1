"""The grammar of `%livy`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.cell import KINDS, cell_parser
from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.cells.session_request import session_spec
from fabric_livy_magic.cells.subcommands import SUMMARIES, overview, parser_of, read_command
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import SessionSpec


@pytest.mark.parametrize("line", ["", "  ", "help", "--help", "-h"])
def test_help_lists_every_subcommand_and_cell(line: str) -> None:
    with pytest.raises(HelpRequested) as caught:
        read_command(line)
    for name in SUMMARIES:
        assert f"%livy {name}" in str(caught.value)
    for kind in KINDS:
        assert f"%%livy_{kind}" in str(caught.value)


@pytest.mark.parametrize("name", SUMMARIES)
@pytest.mark.parametrize("form", ["{} --help", "help {}", "{} -h"])
def test_each_subcommand_has_help_in_each_form(name: str, form: str) -> None:
    with pytest.raises(HelpRequested, match=f"usage: %livy {name}" if name != "help" else "usage: %livy"):
        read_command(form.format(name))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("strat", "There is no `%livy strat`. Did you mean 'start'?"),
        ("sesions", "Did you mean 'sessions'?"),
        ("usse local", "Did you mean 'use'?"),
        ("frobnicate", "There is no `%livy frobnicate`. `%livy help` lists what there is."),
        ("START", "Did you mean 'start'?"),
        ("help strat", "Did you mean 'start'?"),
        ("use", "required: TARGET"),
        ("switch", "required: NAME"),
        ("start --cnf a=b", "Did you mean '--conf'?"),
        ("start --driver-cores four", "invalid int value: 'four'"),
        ("start --conf", "expected one argument"),
        ("stop --al", "there is no option '--al'"),
        ("logs -n lots", "a number above 0"),
        ("logs -n 0", "a number above 0"),
        ("logs -n -5", "a number above 0"),
        ("status now", "'now' is one word too many"),
        ("config a b c", "'c' is one word too many"),
    ],
)
def test_a_wrong_line_is_refused_with_a_guess(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_command(line)
    assert message in str(caught.value)


def test_a_subcommand_may_be_followed_by_any_space() -> None:
    assert read_command("use\tlocal").options.target == "local"


def test_every_option_of_start_reaches_the_request() -> None:
    line = (
        "start second --name nightly --conf a=b --conf spark.x=y=z --driver-memory 28g --driver-cores 4 "
        "--executor-memory 28g --executor-cores 4 --num-executors 2"
    )
    options = read_command(line).options
    assert options.session == "second"
    assert session_spec(options, SessionSpec()) == SessionSpec(
        name="nightly",
        conf={"a": "b", "spark.x": "y=z"},
        driver_memory="28g",
        driver_cores=4,
        executor_memory="28g",
        executor_cores=4,
        num_executors=2,
    )


def test_without_options_nothing_is_requested() -> None:
    assert session_spec(read_command("start").options, SessionSpec()) == SessionSpec()


@pytest.mark.parametrize("pair", ["a", "=b", "' =b'"])
def test_a_conf_that_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(SettingsError, match="--conf takes KEY=VALUE"):
        session_spec(read_command(f"start --conf {pair}").options, SessionSpec())


def test_an_empty_value_of_a_conf_is_a_value() -> None:
    assert session_spec(read_command("start --conf a=").options, SessionSpec()).conf == {"a": ""}


@given(st.sampled_from([*SUMMARIES, ""]), st.text())
def test_any_line_is_read_or_refused(name: str, rest: str) -> None:
    try:
        command = read_command(f"{name} {rest}")
    except (SettingsError, HelpRequested):
        pass
    else:
        assert command.name in SUMMARIES


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays options out in another way from 3.13 on")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("help.txt", overview),
        *((f"help_{name}.txt", parser_of(name).format_help) for name in ("use", "start", "logs", "stop", "config")),
        *((f"help_livy_{kind}.txt", cell_parser(kind).format_help) for kind in ("sql", "pyspark")),
    ],
)
def test_help_reads_as_the_golden_file(golden: Callable[[str, str], None], name: str, text: Callable[[], str]) -> None:
    golden(name, text().rstrip() + "\n")


@pytest.mark.parametrize(
    ("line", "target"),
    [("use 'a/b'/c", "'a/b'/c"), ('use "Sales/Bronze"', '"Sales/Bronze"'), ("use  a\\/b/c ", "a\\/b/c")],
)
def test_a_target_is_taken_as_it_was_typed(line: str, target: str) -> None:
    assert read_command(line).options.target == target
