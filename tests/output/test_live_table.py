"""The result table in a real Chromium: with its script, in both themes, and without it."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.output.columns import Column
from fabric_livy_magic.output.result_tables import Caption, result_bundle
from fabric_livy_magic.printable import printable
from tests.output.conftest import table
from tests.support.browser import DARK, LIGHT, PLAIN_HTTP, page_of, screenshot, serious_findings
from tests.support.hostile_texts import CALL, HOSTILE_TEXTS

pytestmark = pytest.mark.browser

STRUCT = {"type": "struct", "fields": [{"name": "id", "type": "long"}, {"name": "tags", "type": "string"}]}
ZONES = ["Harlem", "", None, "Astoria", 'East, "Village"']


def trips(rows: int = 1000) -> dict[str, Any]:
    values = [
        [
            number,
            None if number % 7 == 3 else float("nan") if number == 0 else number * 37 % 1000 / 8,
            ZONES[number % 5],
            datetime.date(2024, 1, 1) + datetime.timedelta(days=number),
            {"id": 2**53 + number, "tags": "a, b"} if number % 2 else None,
            "long " * 100 if number == 1 else "short",
        ]
        for number in range(rows)
    ]
    kinds = ["long", "double", "string", "date", "struct", "string"]
    types = ["long", "double", "string", "date", STRUCT, "string"]
    return table(["id", "fare", "zone", "day", "by", "text"], values, kinds, types, rows_shown=10)


@pytest.fixture(scope="module")
def trips_page(chromium: Any) -> Iterator[Any]:
    """One page with one table for tests that only look; each leaves it as it was."""
    with page_of(chromium, trips()["text/html"]) as page:
        yield page


def column(page: Any, number: int) -> list[str]:
    """The texts of a column as they are drawn."""
    texts: list[str] = page.locator(f".flm tbody td:nth-child({number})").all_text_contents()
    return texts


def status(page: Any) -> str:
    return str(page.locator(".flm-rows").text_content())


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


# ------------------------------------------------------------------------------------------------ paging, order, search
def test_ten_rows_are_drawn_and_a_thousand_can_be_paged(trips_page: Any) -> None:
    assert column(trips_page, 1) == [str(number) for number in range(10)]
    assert status(trips_page) == "1–10 of 1,000 rows"
    press(trips_page, "Next page")
    assert column(trips_page, 1) == [str(number) for number in range(10, 20)]
    trips_page.get_by_label("Rows drawn at a time").select_option("100")
    assert status(trips_page) == "1–100 of 1,000 rows"
    trips_page.get_by_label("Rows drawn at a time").select_option("10")
    assert trips_page.get_by_role("button", name="Page before").is_disabled()


def test_search_finds_in_all_rows_without_regard_to_case(trips_page: Any) -> None:
    trips_page.get_by_label("Search", exact=True).fill("aSTORia")
    assert status(trips_page) == "1–10 of 200 that match, of 1,000 rows"
    assert set(column(trips_page, 3)) == {"Astoria"}
    trips_page.get_by_label("Search", exact=True).fill("nowhere")
    assert status(trips_page) == "no row of 0 that match, of 1,000 rows"
    trips_page.get_by_label("Search", exact=True).fill("")
    assert status(trips_page) == "1–10 of 1,000 rows"


def test_a_click_on_a_name_sorts_and_the_third_gives_the_first_order_back(trips_page: Any) -> None:
    name = trips_page.locator("th button").nth(1)
    name.click()
    assert column(trips_page, 2)[:3] == ["0.125", "0.25", "0.375"]
    assert trips_page.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    name.click()
    assert column(trips_page, 2)[:2] == ["NaN", "124.875"]
    name.click()
    assert column(trips_page, 1)[0] == "0"


ORDERS = {
    "long": (["10", "9", "-1", "9007199254740993", "9007199254740992", None], "2 1 0 4 3 5", "3 4 0 1 2 5"),
    "decimal(38,2)": (["0.10", "-0.20", "1234567890123456789.02", "1234567890123456789.01"], "1 0 3 2", "2 3 0 1"),
    "double": (["Infinity", "NaN", None, "-Infinity", "1.0E-9", "0.5"], "3 4 5 0 1 2", "1 0 5 4 3 2"),
    "date": (["2024-01-02", "+12345-01-01", None, "-0003-01-01", "0044-03-15"], "3 4 0 1 2", "1 0 4 3 2"),
    "timestamp": (["2024-01-02 00:00:00.5", "2024-01-02 00:00:00", None], "1 0 2", "0 1 2"),
    "string": (["b", "a", "", None, "B"], "2 4 1 0 3", "0 1 4 2 3"),
    "interval day to second": (
        [datetime.timedelta(days=10), datetime.timedelta(days=9, hours=1), None],
        "1 0 2",
        "0 1 2",
    ),
}


def test_each_type_has_its_own_order_and_nulls_are_last_in_both(chromium: Any) -> None:
    fragments = []
    for kind, (values, _, _) in ORDERS.items():
        read = {"long": int, "decimal(38,2)": decimal.Decimal, "double": float}.get(kind, lambda value: value)
        rows = [[number, None if value is None else read(value)] for number, value in enumerate(values)]
        fragments.append(table(["n", kind], rows, ["long", kind])["text/html"])
    with page_of(chromium, "".join(fragments)) as page:
        for root, (kind, (_, up, down)) in zip(page.locator(".flm-t").all(), ORDERS.items(), strict=True):
            for order in (up, down):
                root.locator("th button").nth(1).click()
                assert (kind, " ".join(root.locator("tbody td:first-child").all_text_contents())) == (kind, order)


# ------------------------------------------------------------------------------------------------ values, columns, CSV
def test_a_click_on_a_long_or_nested_value_shows_the_whole_of_it_and_escape_goes_back(trips_page: Any) -> None:
    cell = trips_page.locator("tbody tr:nth-child(2) td").nth(5)
    assert len(str(cell.text_content())) == 200
    cell.click()
    detail = trips_page.locator(".flm-d:not([hidden])")
    assert detail.locator("pre").text_content() == "long " * 100
    trips_page.keyboard.press("Escape")
    assert not trips_page.locator(".flm-d pre").is_visible()
    assert trips_page.evaluate("document.activeElement.cellIndex") == 5
    trips_page.locator("tbody tr:nth-child(2) td").nth(4).click()
    assert detail.locator("pre").text_content() == '{\n  "id": 9007199254740993,\n  "tags": "a, b"\n}'
    assert "struct<id:bigint,tags:string>" in str(detail.text_content())
    press(trips_page, "Copy this value")
    assert trips_page.evaluate("navigator.clipboard.readText()") == '{"id": 9007199254740993, "tags": "a, b"}'
    press(trips_page, "Close (Escape)")
    assert trips_page.locator("th button").nth(4).get_attribute("title") == "struct<id:bigint,tags:string>"


def test_columns_can_be_chosen(trips_page: Any) -> None:
    press(trips_page, "Choose the columns")
    trips_page.get_by_label("Find a column").fill("A")
    press(trips_page, "Hide these columns")
    assert trips_page.locator("th button").all_text_contents() == ["id", "zone", "by", "text"]
    trips_page.get_by_label("fare").check()
    assert trips_page.locator("th button").all_text_contents() == ["id", "fare", "zone", "by", "text"]
    press(trips_page, "Show these columns")
    trips_page.get_by_label("Find a column").fill("")
    press(trips_page, "Choose the columns")
    assert trips_page.locator("th").count() == 6


def test_csv_has_the_rows_that_match_in_their_order_with_raw_values(trips_page: Any) -> None:
    trips_page.get_by_label("Search", exact=True).fill("2024-01-0")
    press(trips_page, "Copy the rows as CSV")
    copied = trips_page.evaluate("navigator.clipboard.readText()")
    with trips_page.expect_download() as download:
        press(trips_page, "Download the rows as CSV")
    trips_page.get_by_label("Search", exact=True).fill("")
    assert download.value.suggested_filename == "result.csv"
    text = Path(download.value.path()).read_bytes().decode("utf-8")
    assert text == copied
    first, *rows = csv.reader(io.StringIO(text))
    assert first == ["id", "fare", "zone", "day", "by", "text"]
    assert len(rows) == 9
    assert rows[1][4:] == ['{"id": 9007199254740993, "tags": "a, b"}', "long " * 100]
    assert rows[4][2] == 'East, "Village"'
    assert text.splitlines()[2].startswith('1,4.625,"",2024-01-02')  # an empty text
    assert text.splitlines()[3].startswith("2,9.25,,2024-01-03")  # a null


def test_a_page_by_plain_http_copies_too(chromium: Any) -> None:
    with page_of(chromium, table(["a"], [["x"], ["y"]])["text/html"], address=PLAIN_HTTP) as page:
        assert page.evaluate("navigator.clipboard") is None
        press(page, "Copy the rows as CSV")
        page.get_by_label("Search", exact=True).press("Control+V")
        assert page.get_by_label("Search", exact=True).input_value() == "a x y"


def test_the_table_can_be_used_by_keys_which_reach_nothing_else(trips_page: Any) -> None:
    trips_page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))")
    trips_page.locator("tbody td").first.click()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "PageDown", "d", "d", "End"):
        trips_page.keyboard.press(key)
    assert trips_page.evaluate("[document.activeElement.cellIndex, document.activeElement.parentElement.rowIndex]") == [
        5,
        3,
    ]
    assert status(trips_page) == "11–20 of 1,000 rows"
    trips_page.keyboard.press("PageUp")
    for key in ("ArrowUp", "Enter"):
        trips_page.keyboard.press(key)
    assert trips_page.locator(".flm-d pre").text_content() == "long " * 100
    trips_page.keyboard.press("Escape")
    assert trips_page.evaluate("heard") == []
    assert trips_page.locator(".flm-t").get_attribute("data-lm-suppress-shortcuts") == "true"
    assert trips_page.locator("tbody [tabindex]").count() == 1


def test_the_names_stay_in_sight(trips_page: Any) -> None:
    trips_page.get_by_label("Rows drawn at a time").select_option("100")
    top = trips_page.locator("th").first.bounding_box()["y"]
    trips_page.locator(".flm-s").evaluate("(node) => node.scrollTo(0, 500)")
    assert trips_page.locator("th").first.bounding_box()["y"] == pytest.approx(top, abs=1)
    trips_page.get_by_label("Rows drawn at a time").select_option("10")


# ------------------------------------------------------------------------------------------------ without a script, and again
def test_without_a_script_ten_rows_can_be_read_and_the_caption_says_so(chromium: Any) -> None:
    with page_of(chromium, trips()["text/html"], with_script=False) as page:
        assert len(page.locator(".flm tbody tr").all()) == 10
        assert page.locator(".flm-c").text_content() == "10 of 1,000 rows shown"
        assert page.locator("button").count() == 0
        screenshot(page, "table without script")


def test_tables_do_not_need_one_another_and_the_script_runs_once_for_each(chromium: Any) -> None:
    """The cell of the first is deleted; its output comes back; another one comes whose script ran before it was in the page."""
    one = trips(20)["text/html"]
    with page_of(chromium, one + one) as page:
        page.evaluate("document.querySelector('.flm-t').remove()")
        press(page, "Next page")
        assert status(page) == "11–20 of 20 rows"
        page.evaluate(
            """(html) => {
                const node = document.createElement("div");
                node.innerHTML = html;
                document.body.append(node);
                for (const old of [...node.querySelectorAll("script")]) {
                    const script = document.createElement("script");
                    for (const { name, value } of old.attributes) script.setAttribute(name, value);
                    script.textContent = old.textContent;
                    node.appendChild(script).remove();
                }
            }""",
            one,
        )  # as VS Code runs the scripts of an output: not in their place
        assert page.locator(".flm-b").count() == 2
        assert page.locator(".flm-t").nth(1).locator(".flm-rows").text_content() == "1–10 of 20 rows"


# ------------------------------------------------------------------------------------------------ security, size, access
def test_hostile_texts_are_shown_and_none_does_anything(chromium: Any) -> None:
    """As value, name of a column, field, type and word of the caption; with the script on, in the table and in the whole text."""
    rows = [[text, {text: text}, text] for text in HOSTILE_TEXTS if len(text) < 10_000]
    pages = [table(["s", "by", "t"], rows, ["string", "struct", "string"], ["string", "", "string"], rows_shown=100)]
    for text in HOSTILE_TEXTS:
        fields = {"type": "struct", "fields": [{"name": text[:2000], "type": text[:2000]}]}
        columns = [Column(text[:2000], ["a", text], text[:2000], fields)]
        pages.append(result_bundle(columns, Caption(rows=2, more=text[:2000], link=text[:2000]), 10))
    script = f"<script>window.done = []; window.{CALL.removesuffix('()')} = () => done.push(1)</script>"
    with page_of(chromium, script + "".join(page["text/html"] for page in pages)) as page:
        tables = page.locator(".flm-t").all()
        assert tables[0].locator("tbody td:nth-child(1)").all_text_contents() == [
            (text if len(text) <= 200 else text[:199] + "…") for text in (printable(row[0]) for row in rows)
        ]
        for root, text in zip(tables[1:], HOSTILE_TEXTS, strict=True):
            assert root.locator("th button").text_content() == printable(text[:2000])
            shown = printable(text)
            assert (root.locator("tbody td").nth(1).text_content() or "")[:199] == shown[:199]
            if len(text) > 200:
                root.locator("td.o").last.click()
                assert len(root.locator("pre").text_content() or "") == len(shown)
        assert page.evaluate("done") == []
        assert page.locator("main > :not(.flm-t):not(script)").count() == 0
        assert (
            page.locator("img, iframe, svg, object, embed, video, base, meta[http-equiv], a[href^=javascript]").count()
            == 0
        )


def test_a_thousand_columns_and_a_cell_of_a_mebibyte_are_drawn(chromium: Any) -> None:
    wide = table([f"c{number}" for number in range(1000)], [list(range(1000))] * 20, ["long"] * 1000, rows_shown=10)
    large = table(["a"], [["x" * 2**20], ["y"]], ["string"])
    with page_of(chromium, wide["text/html"] + large["text/html"]) as page:
        first, second = page.locator(".flm-t").all()
        assert first.locator("tbody td").count() == 10_000
        press(first, "Choose the columns")
        press(first, "Hide these columns")
        first.get_by_label("c999", exact=True).check()
        assert first.locator("th button").all_text_contents() == ["c999"]
        second.locator("td.o").click()
        assert len(second.locator("pre").text_content() or "") == 2**20


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_serious(chromium: Any, theme: str) -> None:
    text = table(["plan"], [["a\nb"]], ["string"])["text/html"]
    with page_of(chromium, "<h1>Result</h1>" + trips(30)["text/html"] + text, theme=theme) as page:
        press(page, "Choose the columns")
        page.locator("td.o").first.click()
        screenshot(page, f"table {theme}")
        assert serious_findings(page) == []
