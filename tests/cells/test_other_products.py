"""What people bring from sparkmagic and Databricks: every entry of the table runs, or says the line that does it here."""

from __future__ import annotations

import re

import pytest

from fabric_livy_magic.cells import other_products
from fabric_livy_magic.cells.cell import cell_parser, read_cell
from fabric_livy_magic.cells.kernel_cells import REFUSED, Step, read_kernel_cell
from fabric_livy_magic.cells.subcommands import SUMMARIES, read_command
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.fabric_notebooks import OWN_KERNEL_MAGICS
from fabric_livy_magic.notebooks.portal_features import FABRIC_EQUIVALENT_OF_DBUTILS

RUNS = [
    ("%%info", [Step("livy", "sessions")]),
    ("%%logs\n", [Step("livy", "logs")]),
    ("# first\n%%help", [Step("livy", "help")]),
    ("%%manage_spark", [Step("livy", "status")]),
    ("%%send_to_spark -i df -t df -n trips", [Step("livy", "put df --as trips")]),
    ("%%send_to_spark -i df -t df", [Step("livy", "put df --as df")]),
    ("%%send_to_spark -i df -t df -m 10", [Step("livy", 'put "df.head(10)" --as df')]),
    ("%%pretty\ndf.show()", [Step("livy_pyspark", "", "df.show()")]),
    ("%%configure -f\n{}", [Step("livy_configure", "-f", "{}")]),
    ("%%spark -o df\nval df = 1", [Step("livy_spark", "-o df", "val df = 1")]),
    ("%python\nx = 1", [Step("livy_pyspark", "", "x = 1")]),
    ("%python x = 1\ny = 2", [Step("livy_pyspark", "", "x = 1\ny = 2")]),
    ("-- first\n%sql\nSELECT 1", [Step("livy_sql", "", "SELECT 1")]),
    ("%scala\nval x = 1", [Step("livy_spark", "", "val x = 1")]),
    ("%r\nx <- 1", [Step("livy_sparkr", "", "x <- 1")]),
    ("%sql SELECT 1", [Step("livy_sql", "SELECT 1")]),
]
REFUSALS = [
    ("%%cleanup -f", "%livy stop --all"),
    ("%%delete -f -s 3", "%livy stop NAME"),
    ("%spark add -s s -l python -u http://a -t None", "%livy use URL"),
    ("%spark info", "%livy sessions"),
    ("%%spark config\n{}", "%%configure"),
    ("%spark logs -s s", "%livy logs"),
    ("%spark delete -s s", "%livy stop NAME"),
    ("%spark cleanup", "%livy stop --all"),
    ("%%send_to_spark -i x", "`:NAME`"),
    ("%%send_to_spark -t df", "%livy put FRAME"),
    ("%%send_to_spark -i df -x", "%livy put FRAME"),
    ("%md\n# title", "a Markdown cell"),
    ("%%md\n# title", "a Markdown cell"),
    ("%fs ls /", "notebookutils.fs"),
    ("%sh ls", "!command"),
]


@pytest.mark.parametrize(("text", "steps"), RUNS)
def test_a_magic_of_another_product_runs_under_its_name(text: str, steps: list[Step]) -> None:
    found = read_kernel_cell(text, "pyspark").steps
    assert [(step.magic, step.line, (step.body or "").strip() or None) for step in found] == [
        (step.magic, step.line, step.body) for step in steps
    ]
    for step in found:
        if step.magic == "livy" and step.line != "help":
            read_command(step.line)  # what it becomes is a command that exists


@pytest.mark.parametrize(("text", "advice"), REFUSALS)
def test_a_magic_that_does_not_run_here_says_what_does_it(text: str, advice: str) -> None:
    (step,) = read_kernel_cell(text, "pyspark").steps
    assert step.magic == REFUSED
    assert advice in step.line
    assert "\n" not in step.line


def test_no_entry_of_the_table_is_without_a_test_and_each_advice_names_a_command_that_exists() -> None:
    tried = " ".join(text for text, _ in [*RUNS, *REFUSALS])
    names = [*other_products.SUBCOMMANDS, *other_products.CELL_LANGUAGES, *other_products.REFUSED]
    assert [name for name in names if name.lstrip("%") not in tried and name != "-t str"] == []
    advice = " ".join([*other_products.REFUSED.values(), *other_products.OPTIONS.values()])
    assert set(re.findall(r"%livy (\w+)", advice)) <= set(SUMMARIES)


def test_check_and_run_take_in_a_notebook_of_our_kernel_what_runs_there() -> None:
    run_here = {*other_products.SUBCOMMANDS, *other_products.CELL_LANGUAGES, "send_to_spark", "pretty", "matplot"}
    assert run_here <= OWN_KERNEL_MAGICS
    assert not OWN_KERNEL_MAGICS & {name.lstrip("%") for name in other_products.REFUSED}


def test_magics_that_are_ours_are_not_taken_for_another_product_s() -> None:
    assert read_kernel_cell("%spark 1 + 1", "pyspark").steps == (Step("livy_spark", "1 + 1"),)
    assert read_kernel_cell("%spark additional", "pyspark").steps == (Step("livy_spark", "additional"),)
    assert read_kernel_cell("%sql SELECT 1\nx = 1", "pyspark").steps[0] == Step("livy_sql", "SELECT 1")
    (step,) = read_kernel_cell("%matplot plt", "pyspark").steps
    assert step == Step("livy_pyspark", "", "get_ipython().run_line_magic('matplot', 'plt')\n")


@pytest.mark.parametrize("kind", ["sql", "pyspark", "spark", "sparkr"])
@pytest.mark.parametrize("names", other_products.OPTIONS)
def test_an_option_of_sparkmagic_is_refused_with_what_does_it_here(kind: str, names: tuple[str, str]) -> None:
    for name in names:
        for value in ("", " sample", " 0.1"):
            with pytest.raises(SettingsError, match=f"{name} is an option of sparkmagic; here "):
                read_cell(kind, f"{name}{value}", "SELECT 1")
    assert names[1] not in cell_parser(kind).format_help()


def test_all_rows_and_the_first_rows_are_taken_as_sparkmagic_says_it() -> None:
    assert read_cell("sql", "-o df -n -1 -m take", "SELECT 1") == read_cell("sql", "-o df", "SELECT 1")
    assert read_cell("sql", "-n -1 SELECT 1", None).limit is None
    assert read_cell("sql", "-n -1 SELECT 1", None).code == "SELECT 1"


def test_the_names_of_dbutils_are_told_where_one_was_not_found() -> None:
    text = other_products.hint("NameError", "name 'dbutils' is not defined")
    assert all(f"dbutils.{part} is {there}" in text for part, there in FABRIC_EQUIVALENT_OF_DBUTILS.items())
    assert other_products.hint("NameError", "name 'x' is not defined") == ""
    assert other_products.hint("KeyError", "'dbutils'") == ""
