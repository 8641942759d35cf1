"""Magics in a plain Python kernel in JupyterLab: a table, errors of each kind, progress. On the session of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import write_notebook
from tests.support import service
from tests.support.browser import screenshot, serious_findings
from tests.support.jupyter_server import JupyterServer, begin, cell, has_ended, jupyter_page, run
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
HOSTILE = "<img src=x onerror=hacked()>{{hacked()}}"
LOAD, TABLE, TYPO, UDF, RAISES, LINE, SLOW = range(7)
CODES = [
    "%%livy_sql\nSELECT id, IF(id % 2 = 0, NULL, id / 4) AS quarter FROM range(100)",
    "%%livy_sql\nSELECT 1 AS one,\n  idd FROM range(5)",
    "%%livy_pyspark\nfrom pyspark.sql.functions import udf\ndef ratio(n):\n    return str(1 / (n - 2))\n"
    "spark.range(4).select(udf(ratio)('id')).collect()",
    f"%%livy_pyspark\nraise ValueError({HOSTILE!r})",
    "%livy stat",
    "%%livy_pyspark\nimport time\n"
    "spark.sparkContext.parallelize(range(120), 120).map(lambda n: time.sleep(0.5)).count()",
]
DARK, LIGHT = "JupyterLab Dark", "JupyterLab Light"


@pytest.fixture(scope="module")
def page(api: service.Api, started: Kernel, jupyter: JupyterServer, chromium: Any) -> Iterator[Any]:
    write_notebook(jupyter, "plain.ipynb", api, CODES, is_plain=True)
    with jupyter_page(chromium) as page:
        jupyter.open(page, "plain.ipynb")
        run(page, LOAD)
        yield page
        assert page.evaluate("done") == []


def shown(page: Any, number: int) -> str:
    return str(cell(page, number).locator(".jp-OutputArea").inner_text())


def test_a_table_is_live(page: Any) -> None:
    run(page, TABLE)
    table = cell(page, TABLE).locator(".flm-t")
    table.get_by_role("button", name="Next page").click()
    assert table.locator(".flm-rows").text_content() == "11–20 of 100 rows"


def test_an_error_of_sql_has_its_line_a_caret_and_what_was_meant(page: Any) -> None:
    run(page, TYPO)
    text = shown(page, TYPO)
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.rstrip().endswith("idd FROM range(5)"))
    assert lines[at + 1].index("^") == lines[at].index("idd")
    assert "UNRESOLVED_COLUMN" in text
    assert "Did you mean" in text


def test_an_error_of_a_udf_has_the_users_lines_and_the_rest_on_demand(page: Any) -> None:
    run(page, UDF)
    assert "ZeroDivisionError: division by zero" in shown(page, UDF)
    assert "return str(1 / (n - 2))" in shown(page, UDF)
    assert not any(one in shown(page, UDF) for one in ("worker.py", "\tat "))
    cell(page, UDF).locator("summary").last.click()
    assert "\tat org.apache.spark." in shown(page, UDF)


def test_a_hostile_error_is_text_and_the_errors_are_readable_in_both_themes(jupyter: JupyterServer, page: Any) -> None:
    run(page, RAISES)
    assert f"ValueError: {HOSTILE}" in shown(page, RAISES)
    run(page, LINE)
    assert "Did you mean 'status'?" in shown(page, LINE)
    for theme in (DARK, LIGHT):
        jupyter.command(page, "apputils:change-theme", theme=theme)
        page.wait_for_timeout(500)
        screenshot(page, f"errors {theme}")
        folded = cell(page, UDF).locator("details").last
        assert serious_findings(page, folded) == []


def test_tasks_rise_and_the_interrupt_ends_the_cell(jupyter: JupyterServer, page: Any) -> None:
    begin(page, SLOW)
    cell(page, SLOW).get_by_text("of 120 tasks").first.wait_for()
    jupyter.command(page, "kernelmenu:interrupt")
    has_ended(page, SLOW)
    assert "KeyboardInterrupt" in shown(page, SLOW)
    assert "Interrupted after" in shown(page, SLOW)
