"""Notebooks as `.ipynb`: languages, old exports, outputs, and files that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import nbformat
import pytest

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.git_format import as_git, git_losses, read_git, write_git
from fabric_livy_magic.notebooks.ipynb import read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import RAW, Cell, Item, with_portal_metadata
from tests.support.notebook_samples import code_cell, committed, ipynb_text


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "pyspark"),
        ({"language_info": {"name": "python"}}, "pyspark"),
        ({"kernelspec": {"name": "python3", "language": "python"}}, "pyspark"),
        ({"kernel_info": {"name": "synapse_pyspark"}, "microsoft": {"language": "scala"}}, "spark"),
        ({"microsoft": {"language": "sparksql"}, "language_info": {"name": "python"}}, "sql"),
        ({"language_info": {"name": "sql"}}, "sql"),
        ({"language_info": {"name": "r"}}, "sparkr"),
        ({"language_info": {"name": "pyspark"}}, "pyspark"),
        ({"kernel_info": {"name": "sqldatawarehouse"}}, "tsql"),
        ({"kernel_info": {"name": "jupyter", "jupyter_kernel_name": "python3.12"}}, "python"),
        ({"kernelspec": None, "microsoft": [], "language_info": {"name": 3}}, "pyspark"),
    ],
)
def test_the_primary_language_of_an_exported_notebook(metadata: dict[str, Any], language: str) -> None:
    assert read_ipynb(ipynb_text(**metadata)).language == language


def test_metadata_set_the_language_of_a_cell_without_a_magic() -> None:
    cells = [code_cell(microsoft={"language": "scala"}), code_cell(microsoft={"language": "sparksql"}), code_cell()]
    notebook = read_ipynb(ipynb_text(cells, microsoft={"language": "scala"}))
    assert [notebook.language_of(cell) for cell in notebook.cells] == ["spark", "sql", "spark"]


def test_the_group_of_a_kernel_that_a_notebook_once_had_does_not_count() -> None:
    cells = [code_cell(microsoft={"language": "python", "language_group": "jupyter_python"})]
    notebook = read_ipynb(ipynb_text(cells, kernel_info={"name": "synapse_pyspark"}))
    assert notebook.language_of(notebook.cells[0]) == "pyspark"


def test_an_old_export_names_its_lakehouse_and_environment_otherwise() -> None:
    trident = {"lakehouse": {"default_lakehouse_name": "old"}, "environment": {"environmentId": "e"}}
    notebook = read_ipynb(ipynb_text(trident=trident))
    assert notebook.default_lakehouse == Item("", "old")
    assert notebook.environment == Item("e")
    assert read_git(write_git(with_portal_metadata(notebook))).default_lakehouse == Item("", "old")


def test_a_notebook_without_ids_of_cells_is_written_as_format_4_4() -> None:
    notebook = replace(read_ipynb(ipynb_text([code_cell()])), original=None)
    assert json.loads(write_ipynb(notebook))["nbformat_minor"] == 4


def test_outputs_and_ids_can_be_put_in_and_are_read_again() -> None:
    notebook = committed("plain")
    output = {"output_type": "stream", "name": "stdout", "text": "45"}
    ran = tuple(
        replace(cell, id=f"cell-{number}", **({"outputs": (output,), "execution_count": 1} if number == 1 else {}))
        for number, cell in enumerate(notebook.cells)
    )
    text = write_ipynb(replace(notebook, cells=ran))
    nbformat.validate(nbformat.reads(text, as_version=4))
    again = read_ipynb(text)
    assert again.cells == ran
    assert again.cells[1].outputs == (output,)


def test_the_losses_of_the_git_format_are_dropped_and_listed() -> None:
    raw = {"cell_type": "raw", "metadata": {}, "source": "text"}
    shown = {**code_cell(collapsed=True), "outputs": [{"output_type": "stream", "name": "stdout", "text": ""}]}
    notebook = read_ipynb(ipynb_text([shown, raw], widgets={}, nteract={}, kernelspec={"name": "python3"}))
    assert notebook.cells[1].kind == RAW
    assert git_losses(notebook) == [
        "the outputs of 1 cell",
        "metadata of the .ipynb (collapsed, widgets)",
        "that 1 cell is raw text, which becomes Markdown",
    ]
    assert read_git(write_git(notebook)) == as_git(notebook)
    assert git_losses(committed("plain")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "broken"),
        ("{", "broken"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "no list of cells"),
        ("{}", "no list of cells"),
        ('{"cells": 3}', "no list of cells"),
        ('{"nbformat": 3, "worksheets": []}', "old format 3"),
        ('{"cells": [3]}', "Cell 1 is no JSON object"),
        ('{"cells": [{"cell_type": "code", "source": [3]}]}', "Cell 1 has no text"),
        ('{"cells": [{"cell_type": "code", "source": 3}]}', "Cell 1 has no text"),
        ('{"cells": [{"cell_type": "heading", "source": ""}]}', "of the type 'heading'"),
        ('{\n<<<<<<< HEAD\n"cells": []}', "merge conflict in line 2"),
    ],
)
def test_text_that_is_no_ipynb_is_refused(text: str, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        read_ipynb(text)


def test_a_cell_with_nothing_but_its_type_is_an_empty_cell() -> None:
    assert read_ipynb('{"cells": [{"cell_type": "code"}]}').cells == (Cell(),)
