"""Our own lists in a browser and as data: states in both themes, ids to copy, hostile names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fabric_livy_magic.livy.models import SessionState, StatementState
from fabric_livy_magic.output.lists import ListColumn, OwnList, age_text, json_text
from fabric_livy_magic.printable import printable
from tests.support.browser import DARK, LIGHT, page_of, screenshot, serious_findings
from tests.support.hostile_texts import CALL, HOSTILE_TEXTS

ID = "3f1c9f0e-7a44-4c52-9d0e-1b1f6d6c2a01"
COLUMNS = (
    ListColumn("is_current", "", "mark"),
    ListColumn("name", "name"),
    ListColumn("state", "state", "state"),
    ListColumn("age_s", "age", "age"),
    ListColumn("id", "id", "id"),
    ListColumn("note", "note"),
)


def record(name: str = "main", state: str = "idle", note: str = "", **more: Any) -> dict[str, Any]:
    return {"is_current": name == "main", "name": name, "state": state, "age_s": 7500, "id": ID, "note": note, **more}


STATES = OwnList(
    COLUMNS,
    [record(f"session {one}", one, "kept alive for 60 min after a cell, stopped after 10 min") for one in SessionState],
    title="Target: Sales/Bronze",
    caption="`%livy stop --orphans` stops those whose kernel has ended.",
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (7500, "2 h 5 min"), (273600, "3 d 4 h")],
)  # fmt: skip
def test_an_age_is_readable(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize("state", [*SessionState, *StatementState, "lost", "ok", "warn", "fail"])
def test_a_state_is_a_word_also_where_styles_are_taken_out(state: str) -> None:
    word = state.replace("_", " ")
    bundle = OwnList(COLUMNS, [record(state=state)]).bundle
    assert f">{word}</span>" in bundle["text/html"]
    assert f" {word} " in bundle["text/plain"]


def test_data_is_a_list_of_python_that_a_notebook_shows_as_json() -> None:
    from IPython.lib.pretty import pretty

    data = OwnList(COLUMNS, [record("Größe", note="\x9b2J\u202e")]).data
    assert data == [record("Größe", note="\x9b2J\u202e")]
    shown = pretty(data)
    assert shown == json_text(data)
    assert shown.isascii()
    assert json.loads(shown) == data


def test_a_list_without_records_says_so_in_words() -> None:
    empty = OwnList(COLUMNS, [], "There is none.", title="Target: local")
    assert empty.bundle["text/plain"] == empty.text == "Target: local\nThere is none."
    assert empty.data == []


@pytest.mark.browser
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_serious_and_an_id_is_short_but_copied_whole(chromium: Any, theme: str) -> None:
    with page_of(chromium, f"<h1>Lists</h1>{STATES.bundle['text/html']}", theme=theme) as page:
        screenshot(page, f"list {theme}")
        assert serious_findings(page) == []
        cell = page.locator("code").first
        assert cell.bounding_box()["width"] < 80
        cell.click()
        assert page.evaluate("getSelection().toString()") == ID
        assert page.locator(".flm-list").evaluate("(one) => one.scrollWidth <= one.clientWidth")


@pytest.mark.browser
def test_hostile_names_are_shown_and_do_nothing(chromium: Any) -> None:
    texts = [text for text in HOSTILE_TEXTS if len(text) < 10_000]
    records = [{**record(text, text, text, id=text), "part": text} for text in texts]
    columns = (*COLUMNS, ListColumn("name", "code", "code"))
    lists = [OwnList(columns, records, group="part"), *(OwnList(columns, [], text, title=text) for text in texts)]
    lists += [OwnList((ListColumn("name", text),), [record()], title=text, caption=text) for text in texts]
    script = f"<script>window.done = []; window.{CALL.removesuffix('()')} = () => done.push(1)</script>"
    with page_of(chromium, script + "".join(one.bundle["text/html"] for one in lists)) as page:
        rows = page.locator(".flm-list").first.locator("tbody tr:has(td)")
        for number in (0, 1, 3, 4, 5):
            shown = [row.locator("td").nth(number).text_content() for row in rows.all()]
            assert shown == [printable(text.replace("_", " ") if number == 1 else text) for text in texts]
        assert page.evaluate("done") == []
        assert page.locator("img, iframe, svg, object, embed, video, base, meta[http-equiv], a, x, input").count() == 0
