"""A result's table in JupyterLab and Notebook 7, on the session of this folder: run, saved, opened again, and not trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import write_notebook
from tests.support import service
from tests.support.browser import screenshot
from tests.support.jupyter_server import JupyterServer, jupyter_page
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
HOSTILE = "<img src=x onerror=hacked()></script><script>hacked()</script>{{hacked()}}"
ROWS = f"SELECT id, IF(id % 3 = 0, NULL, id * 37 % 1000 / 8) AS fare, IF(id = 1, '{HOSTILE}', concat('zone ', id)) AS zone, "
SQL = f"%%sql\n{ROWS} named_struct('id', id, 'tags', array('a', 'b')) AS s FROM range(2000)"


@pytest.fixture(scope="module")
def lab(api: service.Api, started: Kernel, jupyter: JupyterServer) -> JupyterServer:
    write_notebook(jupyter, "trips.ipynb", api, [SQL, "%%sql\nEXPLAIN SELECT * FROM range(3)"])
    return jupyter


@pytest.fixture(scope="module")
def page(lab: JupyterServer, chromium: Any) -> Iterator[Any]:
    with jupyter_page(chromium) as page:
        yield page


TRIPS = """%%livy_sql -q
CREATE OR REPLACE TEMP VIEW green_tripdata AS SELECT id AS trip, id * 37 % 5999 / 100 AS fare,
element_at(array('Astoria', 'Bay Ridge', 'Chelsea', 'East Village', 'Harlem'), cast(id % 5 AS int) + 1) AS zone FROM range(50000)"""
README_CELL = """%%livy_sql -o by_zone -p floor=20
SELECT zone, count(*) AS rides, round(avg(fare), 2) AS fare,
       max(struct(fare, trip)) AS dearest
FROM green_tripdata WHERE fare > :floor GROUP BY zone"""


def is_live(page: Any) -> None:
    page.locator(".flm-b").first.wait_for()
    table = page.locator(".flm-t").first
    table.get_by_role("button", name="Next page").click()
    assert table.locator(".flm-rows").text_content() == "11–20 of 1,000 rows"
    assert "there are more rows" in str(table.locator(".flm-c").text_content())
    table.locator("th button").nth(1).click()
    assert table.locator("tbody td").nth(1).text_content() == "0.125"
    table.get_by_label("Search", exact=True).fill("onerror")
    assert table.locator("tbody td").nth(2).text_content() == HOSTILE
    assert page.evaluate("done") == []


def test_a_cells_table_is_live_in_jupyterlab_in_both_themes(lab: JupyterServer, page: Any) -> None:
    lab.open(page, "trips.ipynb")
    lab.command(page, "notebook:run-all-cells")
    is_live(page)
    table = page.locator(".flm-t").first
    table.get_by_label("Search", exact=True).fill("")
    table.locator("tbody td").nth(3).click()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.command(page, "apputils:change-theme", theme=theme)
        page.wait_for_timeout(500)
        screenshot(page, theme)


def test_keys_of_the_table_do_nothing_to_the_notebook(page: Any) -> None:
    page.locator(".flm-t tbody td").first.click()
    for key in ("d", "d", "x", "b", "ArrowDown"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == 3
    assert page.evaluate("document.activeElement.parentElement.sectionRowIndex") == 1


def test_a_plan_has_its_lines(page: Any) -> None:
    assert str(page.locator(".flm-t pre").last.text_content()).startswith("== Physical Plan ==\n")


def test_the_table_is_live_after_its_notebook_was_saved_and_opened_again(lab: JupyterServer, page: Any) -> None:
    lab.command(page, "docmanager:save")
    saved = lab.folder / "trips.ipynb"
    page.wait_for_timeout(500)
    content = json.loads(saved.read_text(encoding="utf-8"))
    outputs = [output for cell in content["cells"] for output in cell["outputs"]]
    assert any("10 of 1,000 rows shown" in "".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    lab.open(page, "trips.ipynb")
    is_live(page)


def test_it_is_live_in_notebook_7(lab: JupyterServer, page: Any) -> None:
    lab.open(page, "trips.ipynb", "notebooks")
    is_live(page)
    screenshot(page, "Notebook 7")


def test_in_a_notebook_that_is_not_trusted_it_is_a_plain_table(lab: JupyterServer, page: Any) -> None:
    content = (lab.folder / "trips.ipynb").read_text(encoding="utf-8")
    (lab.folder / "foreign.ipynb").write_text(content.replace("zone 2", "zone two"), encoding="utf-8")
    lab.open(page, "foreign.ipynb")
    rows = page.locator(".jp-OutputArea-output table:visible").first.locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == 10
    assert rows.nth(2).locator("td").nth(2).text_content() == "zone two"
    assert page.get_by_text("10 of 1,000 rows shown").count() == 1
    assert page.locator(".flm-b").count() == 0
    assert page.evaluate("done") == []
    screenshot(page, "not trusted")


def test_the_cell_of_the_readme_s_picture_shows_its_table_below_its_sql(
    lab: JupyterServer, api: service.Api, page: Any
) -> None:
    """docs/cell.png"""
    write_notebook(lab, "picture.ipynb", api, [TRIPS, README_CELL])
    lab.open(page, "picture.ipynb")
    lab.command(page, "apputils:change-theme", theme="JupyterLab Light")
    lab.command(page, "notebook:run-all-cells")
    page.locator(".flm-b").first.wait_for()
    cell = page.locator(".jp-Cell").last
    assert "5 rows" in str(cell.locator(".flm-c").text_content())
    page.mouse.move(0, 0)  # a cell below the mouse has buttons
    page.wait_for_timeout(500)
    screenshot(page, "cell", cell)
