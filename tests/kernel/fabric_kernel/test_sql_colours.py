"""The extension of JupyterLab and Notebook 7 that gives cells the colours of their magic's language, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.kernel.fabric_kernel.conftest import write_notebook
from tests.support import service
from tests.support.browser import screenshot
from tests.support.jupyter_server import JupyterServer, jupyter_page
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
IPYTHON, SQL, SCALA = "text/x-ipython", "text/x-sql", "text/x-scala"
# Cell → the MIME type by which a front end chooses its colours.
CELLS = {
    "import os\nSELECT = 'SELECT' if os else None": IPYTHON,
    "%%sql\nSELECT `a b` AS n -- note\nFROM trips": SQL,
    "# a comment\n\n-- another\n%%livy_sql -o frame\nSELECT 1": SQL,
    "%%time\n%%sparksql\nSELECT 1": SQL,
    "%%livy_spark\nval x = 1": SCALA,
    "%%sparkr\nx <- 1": "text/x-rsrc",
    '%%configure -f\n{"a": 1}': "application/json",
    "%%pyspark\nimport os": IPYTHON,
    "%%html\n<b>x</b>": IPYTHON,
    "x = 1\n%%sql\nSELECT 1": IPYTHON,
    "%sql SELECT 1": IPYTHON,
    "%%sqlite\nSELECT 1": IPYTHON,
}
TYPES = "() => jupyterapp.shell.currentWidget.content.widgets.map(one => one.model.mimeType)"


@pytest.fixture(scope="module")
def lab(api: service.Api, started: Kernel, jupyter: JupyterServer) -> JupyterServer:
    write_notebook(jupyter, "session.ipynb", api, ["print('ran')", ""])
    spec = {"name": "python3", "display_name": "Python", "language": "python"}
    plain = new_notebook(cells=[new_code_cell(one) for one in CELLS], metadata={"kernelspec": spec})
    nbformat.write(plain, jupyter.folder / "plain.ipynb")
    return jupyter


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    with jupyter_page(chromium) as page:
        yield page


def color(page: Any, cell: int, word: str) -> str:
    """In which the word of a cell is drawn."""
    span = page.locator(".jp-CodeCell").nth(cell).locator(".cm-line span").get_by_text(word, exact=True).first
    return str(span.evaluate("(one) => getComputedStyle(one).color"))


def has_type(page: Any, cell: int, mime_type: str) -> None:
    page.wait_for_function(f"([cell, type]) => ({TYPES})()[cell] === type", arg=[cell, mime_type])


@pytest.mark.parametrize("front_end", ["lab/tree", "notebooks"])
def test_a_cell_has_the_colours_of_its_magic_s_language(lab: JupyterServer, page: Any, front_end: str) -> None:
    lab.open(page, "plain.ipynb", front_end)
    has_type(page, 1, SQL)
    assert dict(zip(CELLS, page.evaluate(TYPES), strict=True)) == CELLS
    keyword = color(page, 0, "import")
    assert color(page, 1, "SELECT") == color(page, 1, "FROM") == color(page, 2, "SELECT") == keyword
    assert color(page, 4, "val") == keyword
    assert page.locator(".jp-CodeCell").first.locator(".cm-line span").get_by_text("SELECT", exact=True).count() == 0
    assert color(page, 1, "-- note") == color(page, 2, "-- another") != keyword
    screenshot(page, f"SQL colours {front_end.partition('/')[0]}")


def test_colours_come_and_go_while_somebody_types(lab: JupyterServer, page: Any) -> None:
    lab.open(page, "plain.ipynb")
    page.locator(".jp-CodeCell .cm-content").first.click()
    lab.command(page, "notebook:insert-cell-above")
    editor = page.locator(".jp-CodeCell .cm-content").first
    editor.click()
    page.keyboard.type("%%sq")
    assert page.evaluate(TYPES)[0] == IPYTHON
    page.keyboard.type("l")
    has_type(page, 0, SQL)
    page.keyboard.type("\nSELECT 1")
    assert color(page, 0, "SELECT") == color(page, 2, "SELECT")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Delete")
    has_type(page, 0, IPYTHON)
    page.keyboard.type("%")
    has_type(page, 0, SQL)
    page.keyboard.press("Control+z")
    has_type(page, 0, IPYTHON)


def test_colours_stay_when_the_notebook_s_language_is_told_again(lab: JupyterServer, page: Any) -> None:
    """As a kernel that starts or another one that is chosen does: the notebook then sets the type of all cells."""
    lab.open(page, "plain.ipynb")
    tell = "(one) => jupyterapp.shell.currentWidget.content.model.setMetadata('language_info', one)"
    page.evaluate(tell, {"name": "scala", "mimetype": SCALA})
    has_type(page, 0, SCALA)
    assert page.evaluate(TYPES)[7] == IPYTHON, "`%%pyspark` among cells of Scala"
    page.evaluate(tell, {"name": "python", "codemirror_mode": {"name": "ipython", "version": 3}})
    has_type(page, 0, IPYTHON)
    assert dict(zip(CELLS, page.evaluate(TYPES), strict=True)) == CELLS


def test_tab_completes_a_table_s_name_in_a_cell_of_sql(lab: JupyterServer, started: Kernel, page: Any) -> None:
    started.run("spark.range(3).createOrReplaceTempView('coloured_trips')")
    lab.open(page, "session.ipynb")
    lab.command(page, "notebook:run-all-cells")
    page.locator(".jp-OutputArea-output").get_by_text("ran", exact=True).wait_for()
    page.locator(".jp-CodeCell .cm-content").nth(2).click()
    page.keyboard.type("%%sql\nSELECT * FROM coloured_t")
    has_type(page, 2, SQL)
    offered = page.locator(".jp-Completer-item").get_by_text("coloured_trips")
    for _ in range(5):  # JupyterLab drops an answer that takes more than a second, as the first one may
        page.keyboard.press("Tab")
        page.wait_for_timeout(2000)
        if offered.is_visible():
            break
    page.keyboard.press("Enter")
    source = "jupyterapp.shell.currentWidget.content.widgets[2].model.sharedModel.getSource()"
    page.wait_for_function(f"() => {source} === '%%sql\\nSELECT * FROM coloured_trips'")
