"""Any notebook and any text, in both formats."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.notebooks.git_format import SUFFIXES, as_git, read_git, write_git
from fabric_livy_magic.notebooks.ipynb import read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import CODE, MARKDOWN, Cell, Notebook, with_portal_metadata
from tests.support.notebook_samples import STARS

# Words of the format, so that random text meets its edges.
WORDS = st.sampled_from(
    [
        "# ",
        "#",
        "-- ",
        "// ",
        "MAGIC",
        "MAGIC ",
        "META",
        "META {",
        "ATTA {}",
        "%%sql",
        "%run x",
        "!ls",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        " ",
        f"CELL {STARS}",
        f"# CELL {STARS}",
        f"METADATA {STARS}",
        f"# METADATA {STARS}",
        f"-- MARKDOWN {STARS}",
        f"PARAMETERS CELL {STARS}",
        f"ATTACHMENTS {STARS}",
        "MARKDOWN **{}**",
        "# MAGIC %%sql",
        "<<<<<<< HEAD",
        "# Fabric notebook source",
    ]
)
TEXT = st.lists(WORDS | st.text(max_size=5), max_size=12).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "tags"), JSON, max_size=3)
CELL = st.builds(
    Cell, source=TEXT, kind=st.just(CODE), is_parameters=st.booleans(), metadata=OBJECT, attachments=OBJECT
) | st.builds(Cell, source=TEXT, kind=st.just(MARKDOWN), attachments=OBJECT)
NOTEBOOK = st.builds(
    Notebook,
    cells=st.lists(CELL, max_size=5).map(tuple),
    primary=st.sampled_from(sorted(SUFFIXES)),
    metadata=OBJECT,
)


@given(NOTEBOOK)
def test_any_notebook_comes_back_from_the_git_format_equal(notebook: Notebook) -> None:
    text = write_git(notebook)
    again = read_git(text, SUFFIXES[notebook.primary])
    assert again == notebook
    assert write_git(again) == text
    assert write_git(replace(again, original=None)) == text


@given(NOTEBOOK)
def test_any_notebook_comes_back_from_an_ipynb_equal(notebook: Notebook) -> None:
    # What an .ipynb has no place for: attachments of code, and metadata of a notebook that is not the portal's.
    cells = tuple(replace(cell, attachments={}) if cell.kind == CODE else cell for cell in notebook.cells)
    own = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": notebook.metadata}
    cells = tuple(replace(cell, metadata=without_words_of_jupyter(cell.metadata)) for cell in cells)
    notebook = replace(notebook, cells=cells, metadata=own)
    assert read_ipynb(write_ipynb(notebook)) == notebook


def without_words_of_jupyter(metadata: Any) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in {"frozen", "editable", "tags"}}


@given(st.booleans().flatmap(lambda fabric: TEXT.map(lambda text: "# Fabric notebook source\n" * fabric + text)))
@example("# Fabric notebook source\n\n# METADATA " + STARS + "\n\n# META " + '{"a":' * 50_000)
@example("# Fabric notebook source\n\n# METADATA " + STARS + "\n\n# META " + '{"a":' * 900 + "1" + "}" * 900)
@example("# Fabric notebook source\n\n# METADATA " + STARS + '\n\n# META {"\\ud800": "\\ud800"}')
def test_reading_any_text_raises_nothing_of_its_own_and_writing_it_gives_it_back(text: str) -> None:
    with suppress(FabricLivyError):
        notebook = read_git(text)
        assert write_git(notebook) == text
        assert len(with_portal_metadata(notebook).cells) == len([notebook.kernel_code(cell) for cell in notebook.cells])


@given(st.text() | TEXT | JSON.map(json.dumps) | st.lists(OBJECT).map(lambda cells: json.dumps({"cells": cells})))
@example('{"cells": [], "metadata": ' + '{"a":' * 900 + "1" + "}" * 901)
@example('{"cells": [], "metadata": {"a": NaN}}')
def test_reading_any_ipynb_raises_nothing_of_its_own_and_writing_it_gives_it_back(text: str) -> None:
    with suppress(FabricLivyError):
        assert write_ipynb(read_ipynb(text)) == text


@given(
    st.lists(
        st.fixed_dictionaries(
            {"cell_type": st.sampled_from(["code", "markdown", "raw"])},
            optional={
                "source": TEXT | st.lists(TEXT, max_size=3),
                "metadata": JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "microsoft": OBJECT | JSON,
                        "tags": JSON | st.lists(st.sampled_from(["parameters", "a"])),
                        "run_control": JSON | st.fixed_dictionaries({"frozen": JSON}),
                        "editable": JSON,
                    },
                ),
                "outputs": JSON,
                "attachments": JSON,
                "id": JSON,
                "execution_count": JSON,
            },
        ),
        max_size=3,
    ),
    JSON | st.fixed_dictionaries({}, optional={"kernel_info": JSON, "microsoft": JSON, "trident": JSON}),
)
def test_any_ipynb_goes_into_the_git_format(cells: list[dict[str, Any]], metadata: Any) -> None:
    text = json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})
    notebook = read_ipynb(text)
    assert write_ipynb(notebook) == text
    for one in (notebook, with_portal_metadata(notebook)):
        assert read_git(write_git(one), SUFFIXES[notebook.primary]) == as_git(one)
        read_ipynb(write_ipynb(replace(one, original=None)))
