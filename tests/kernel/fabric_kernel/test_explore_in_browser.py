"""Charts and `%livy explore` in JupyterLab and Notebook 7, on the session of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import end_kernel, write_notebook
from tests.support import service
from tests.support.browser import screenshot, serious_findings
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.jupyter_server import JupyterServer, jupyter_page
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
HOSTILE = "<img src=x onerror=hacked()>{{hacked()}}"
# Few enough that the profile counts each.
TEXTS = [one for one in HOSTILE_TEXTS if len(one) < 500 and one.isascii()][:45]
TAXIS = f"""%%pyspark
from pyspark.sql.functions import array, col, element_at, lit
hostile = element_at(array(*map(lit, {TEXTS!r})), (col("id") % {len(TEXTS)} + 1).cast("int"))
spark.range(3000).select(hostile.alias("{HOSTILE}"), "*").selectExpr(
    "CASE id % 5 WHEN 0 THEN 'Central Park' WHEN 1 THEN 'Harlem' WHEN 2 THEN 'Soho' ELSE 'JFK Airport' END AS zone",
    "IF(id % 40 = 0, NULL, round(4 + exp(id % 60 / 15), 2)) AS fare", "1 + id % 4 AS passengers",
    "TIMESTAMP '2024-03-01 00:00:00' + make_dt_interval(0, CAST(id / 4 AS INT)) AS pickup",
    "IF(id % 9 = 0, 'cash', 'card') AS `paid by`", "`{HOSTILE}`",
).createOrReplaceTempView("taxis")"""
BAR = "%%sql --chart bar x=zone y=fare agg=avg by='paid by'\nSELECT * FROM taxis"
DRAWN = ".vega-embed svg.marks"


@pytest.fixture(scope="module")
def page(api: service.Api, started: Kernel, jupyter: JupyterServer, chromium: Any) -> Iterator[Any]:
    write_notebook(jupyter, "explore.ipynb", api, [TAXIS, BAR, "%livy explore taxis"])
    with jupyter_page(chromium) as page:
        jupyter.open(page, "explore.ipynb")
        jupyter.command(page, "notebook:run-all-cells")
        page.get_by_role("tab", name="Profile").wait_for()
        yield page


def chart_cell(page: Any) -> Any:
    """The cell to paste, beneath what `%livy explore` shows."""
    return page.locator(".flm-l").last


def picture(page: Any) -> str:
    return str(page.locator(DRAWN).last.inner_html())


def colors(page: Any, number: int) -> tuple[str, str, str]:
    """Of a chart as it is seen now: the text of its axes, the text around it, and its ground."""
    found: list[str] = (
        page.locator(DRAWN)
        .nth(number)
        .evaluate(
            "one => [getComputedStyle(one.querySelector('.role-axis-label text')).fill, getComputedStyle(document.body).color,"
            " getComputedStyle(one).backgroundColor]"
        )
    )
    return found[0], found[1], found[2]


def test_the_chart_of_a_cell_is_drawn_in_both_themes(jupyter: JupyterServer, page: Any) -> None:
    seen = set()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        jupyter.command(page, "apputils:change-theme", theme=theme)
        page.locator(DRAWN).nth(1).wait_for()
        page.wait_for_timeout(500)
        assert page.locator(DRAWN).count() == 2
        for number in (0, 1):  # both were drawn in the first theme
            text, around, ground = colors(page, number)
            assert (text, ground) == (around, "rgba(0, 0, 0, 0)")
            seen.add(text)
        page.locator(".jp-Cell").nth(2).scroll_into_view_if_needed()
        screenshot(page, f"chart {theme}")
        page.get_by_role("tab", name="Profile").scroll_into_view_if_needed()
        screenshot(page, f"explore {theme}", page.locator(".jp-Cell").last)
        assert serious_findings(page, page.locator(".jp-Cell").last.locator(".jupyter-widgets").first) == []
        assert serious_findings(page, page.locator(DRAWN).first) == []
    assert len(seen) == 2
    jupyter.command(page, "apputils:change-theme", theme="JupyterLab Light")


def test_a_control_changes_the_chart_in_place_and_the_cell_to_paste(page: Any) -> None:
    assert chart_cell(page).text_content() == "%%livy_sql --chart bar x=zone\nSELECT * FROM taxis"
    before = picture(page)
    page.get_by_label("y", exact=True).select_option(label="fare")
    chart_cell(page).get_by_text("y=fare", exact=False).wait_for()
    page.wait_for_timeout(300)
    after = picture(page)
    assert after != before
    page.get_by_label("by", exact=True).select_option(label="paid by")
    page.get_by_text("'by=paid by'", exact=False).wait_for()
    page.wait_for_timeout(300)
    screenshot(page, "explore", page.locator(".jp-Cell").last)  # docs/explore.png
    page.get_by_label("by", exact=True).select_option(label="–")
    page.get_by_label("chart", exact=True).select_option(label="histogram")
    page.get_by_label("x", exact=True).select_option(label="fare")
    page.get_by_text("--chart hist x=fare", exact=False).wait_for()
    page.get_by_label("log y", exact=True).check()
    page.get_by_text("--chart hist x=fare log=y", exact=False).wait_for()
    assert page.locator(DRAWN).count() == 2
    screenshot(page, "explore histogram", page.locator(".jp-Cell").last)


def test_the_error_of_a_control_is_shown_and_the_next_change_is_drawn(page: Any) -> None:
    condition = page.get_by_label("where", exact=True)
    condition.fill("fair > 20")
    condition.press("Enter")
    page.get_by_role("alert").get_by_text("fair").wait_for()
    screenshot(page, "explore error")
    condition.fill("fare > 20")
    condition.press("Enter")
    page.get_by_text("'where=fare > 20'", exact=False).wait_for()
    assert page.locator(".jp-OutputArea [role=alert]").count() == 0


def test_hostile_columns_are_text_in_controls_chart_and_profile(page: Any) -> None:
    page.get_by_label("where", exact=True).fill("")
    page.get_by_label("chart", exact=True).select_option(label="bar")
    page.get_by_label("x", exact=True).select_option(label=HOSTILE)
    chart_cell(page).get_by_text(HOSTILE, exact=False).wait_for()
    page.locator(DRAWN).last.hover(position={"x": 300, "y": 200})  # the tooltip is HTML
    page.wait_for_timeout(300)
    screenshot(page, "explore hostile", page.locator(".jp-Cell").last)
    page.get_by_role("tab", name="Profile").click()
    page.get_by_role("cell", name=HOSTILE, exact=True).wait_for()
    assert page.evaluate("done") == []


def test_the_profile_is_a_table_of_the_columns(jupyter: JupyterServer, page: Any) -> None:
    rows = page.locator(".flm tbody tr")
    assert rows.count() == 6
    assert rows.nth(1).locator("td").nth(3).text_content() == "75 (2 %)"
    assert "Central Park 20 %" in str(rows.nth(0).text_content())
    assert chart_cell(page).text_content() == "%livy explore taxis --profile"
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        jupyter.command(page, "apputils:change-theme", theme=theme)
        page.wait_for_timeout(500)
        screenshot(page, f"profile {theme}", page.locator(".jp-Cell").last)


def test_the_saved_notebook_has_what_is_shown_and_no_state_of_widgets(jupyter: JupyterServer, page: Any) -> None:
    jupyter.command(page, "docmanager:save")
    page.wait_for_timeout(500)
    saved = json.loads((jupyter.folder / "explore.ipynb").read_text(encoding="utf-8"))
    assert "widgets" not in saved["metadata"]
    texts = ["".join(one.get("data", {}).get("text/plain", "")) for one in saved["cells"][-1]["outputs"]]
    assert any("taxis · 3,000 rows · 6 columns" in text for text in texts)
    assert any("its controls need a front end" in text for text in texts)


def test_opened_again_without_its_kernel_the_chart_is_there_and_words_instead_of_controls(
    jupyter: JupyterServer, page: Any
) -> None:
    gone = page.get_by_text("its controls work while their kernel runs. `%livy explore taxis` shows them again")
    assert gone.is_hidden()
    end_kernel(page)
    jupyter.open(page, "explore.ipynb", "notebooks")
    gone.wait_for()
    page.get_by_text("model not found").wait_for(state="attached")
    assert page.get_by_text("model not found").is_hidden()
    assert page.get_by_role("tab", name="Profile").count() == 0
    page.get_by_text("taxis · 3,000 rows · 6 columns").wait_for()
    page.locator(DRAWN).wait_for()  # of the cell before
    screenshot(page, "explore opened again")


def test_it_works_in_notebook_7(jupyter: JupyterServer, page: Any) -> None:
    jupyter.command(page, "notebook:run-all-cells")
    page.get_by_label("chart", exact=True).select_option(label="pie")
    chart_cell(page).get_by_text("--chart pie", exact=False).wait_for()
    assert page.locator(DRAWN).count() == 2
    screenshot(page, "explore Notebook 7")
