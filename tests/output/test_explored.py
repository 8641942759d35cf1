"""The profile of a frame's columns, and the cell to paste, as HTML and as text."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from fabric_livy_magic.output.bundles import style
from fabric_livy_magic.output.explored import cell_bundle, profile_bundle, sparkline
from fabric_livy_magic.running.exploration import Bars, ColumnProfile, Profile
from tests.support.browser import DARK, LIGHT, page_of, screenshot, serious_findings
from tests.support.hostile_texts import HOSTILE_TEXTS

PROFILE = Profile(
    (
        ColumnProfile(
            "fare in €", "double", 12, 870, nan=3, min="-5.5", quartiles=("7.0", "10.5", "16.25"), max="9.9E7", mean="12.75",
            bars=Bars("steps", (900, 200, 50, 0, 1) * 4, low=-5.5, high=9.9e7),
        ),
        ColumnProfile(
            "zone", "string", 0, 3, empty=1, min="", max="x" * 90,
            bars=Bars("values", (1000, 599, 1), ("JFK Airport", "", "x" * 90)),
        ),
        ColumnProfile("note", "string", 1600, 0),
        ColumnProfile("words", "string", 0, 800, min="a", max="zz", bars=Bars("lengths", (1, 2) * 10, low=1, high=40)),
        ColumnProfile("route", "array<struct<lon:double,lat:double,at:timestamp>>", 4),
    ),
    rows=1600,
    left_out=7,
)  # fmt: skip


def test_a_profile_as_text_and_as_html(golden: Callable[[str, str], None]) -> None:
    bundle = profile_bundle(PROFILE, "taxis", 2.345)
    golden("profile.txt", bundle["text/plain"] + "\n")
    golden("profile.html", bundle["text/html"].replace(style(), "").replace("<tr>", "\n<tr>") + "\n")


def test_a_profile_of_no_rows_has_no_shares() -> None:
    text = profile_bundle(Profile((ColumnProfile("a", "int", 0, 0),), 0), "none")["text/plain"]
    assert "none · 0 rows · 1 column" in text


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [((), ""), ((0, 0), ""), ((0, 1, 1000), " ▁█"), ((5, 5), "██"), ((1, 2, 3, 4, 5, 6, 7, 8), "▁▂▃▄▅▆▇█")],
)
def test_a_bar_that_is_not_0_is_seen(counts: tuple[int, ...], drawn: str) -> None:
    assert sparkline(counts) == drawn


ATTRIBUTES = {"class", "title", "tabindex", "role", "aria-label", "data-live"}


class Elements(HTMLParser):
    """Tags and attributes' names of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_names_values_and_cells_are_text(text: str) -> None:
    column = ColumnProfile(text, text, 1, 2, min=text, max=text, bars=Bars("values", (1, 1), (text, "b")))
    profile, cell = profile_bundle(Profile((column,), 2), text), cell_bundle(text)
    html = (profile["text/html"] + cell["text/html"]).replace(style(), "")
    assert Elements(html).found <= {"div", "table", "thead", "tbody", "tr", "th", "td", "pre", *ATTRIBUTES}
    assert "\x1b" not in profile["text/plain"] + cell["text/plain"] + html


@pytest.mark.browser
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_serious(chromium: Any, theme: str) -> None:
    body = profile_bundle(PROFILE, "taxis")["text/html"] + cell_bundle("%livy explore taxis --profile")["text/html"]
    with page_of(chromium, f"<h1>Profile</h1>{body}", theme=theme) as page:
        screenshot(page, f"profile {theme}")
        assert serious_findings(page) == []
