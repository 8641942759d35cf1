"""Text of others never steers a terminal: the function, and the places that print."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic import logs
from fabric_livy_magic.cli.main import main
from fabric_livy_magic.errors import FabricLivyError, Interrupted, StatementError, drawn_error, short_remote_error
from fabric_livy_magic.notebook_runs.execute import headline, output_text
from fabric_livy_magic.output.account import device_prompt_text, findings_list, identity_lines
from fabric_livy_magic.output.bundles import note_bundle
from fabric_livy_magic.output.columns import Column
from fabric_livy_magic.output.errors import whole_error_bundle
from fabric_livy_magic.output.lists import ListColumn, OwnList, json_text
from fabric_livy_magic.output.result_tables import Caption, result_bundle
from fabric_livy_magic.output.results import Look, exit_bundle, part_bundle
from fabric_livy_magic.output.tables import text_table
from fabric_livy_magic.printable import NO_COLOUR, printable, printable_output, without_colours
from fabric_livy_magic.running.results import Shown
from fabric_livy_magic.sessions.doctor import OK, Finding
from fabric_livy_magic.signin.entra.sign_in import DevicePrompt
from fabric_livy_magic.signin.identity import Identity

Capture = pytest.CaptureFixture[str]
SURROGATE = chr(0xD800)
HOSTILE = [
    *["\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x07", "\x1b]8;;http://evil\x1b\\x", "\x9b31m", "\x1b[8m"],
    *[
        "a\rb",
        "\x08\x08",
        "\x00",
        "\x7f",
        "\x85",
        "\u202egnp.exe",
        "\u2066x\u2069",
        "\u200f",
        "\u061c",
        "\u2028",
        SURROGATE,
    ],
]
texts = st.text(st.characters(), max_size=40) | st.sampled_from(HOSTILE)
many_texts = st.lists(texts | st.sampled_from(["\x1b[31m", "\x1b[0m", "\n", "\r\n", "é\t"]), max_size=8).map("".join)


def steering(text: str) -> list[str]:
    """The characters of a text that are more than text to a terminal."""
    return [
        one
        for one in text
        if (unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} and one not in "\n\t")
        or unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        or one in "\u200e\u200f\u061c"
    ]


# ------------------------------------------------------------------------------------------------ the function
@given(many_texts)
def test_nothing_that_steers_is_left(text: str) -> None:
    assert steering(printable(text)) == []
    printable(text).encode()


@given(many_texts)
def test_a_programs_output_keeps_its_colours_only(text: str) -> None:
    shown = printable_output(text)
    assert steering(without_colours(shown)) == []
    assert all(re.fullmatch(r"\x1b\[[0-9;:]*m.*", part, re.DOTALL) for part in re.split(r"(?=\x1b)", shown)[1:])


@given(many_texts)
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    if not steering(text):
        assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202e", r"\u202e"),
        ("\x9b", r"\x9b"),
        (SURROGATE, r"\ud800"),
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("größe\t😀\n", "größe\t😀\n"),
    ],
)
def test_a_character_that_is_no_text_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[1;31mred", f"\x1b[1;31mred{NO_COLOUR}"),  # colours do not flow into what is printed next
        ("\x1b[38:5:1mx\x1b[m", "\x1b[38:5:1mx\x1b[m"),
        ("\r 10%\r 50%\r100%\n", "100%\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("\x1b[2Kx", r"\x1b[2Kx"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
    ],
)
def test_the_output_of_a_program(text: str, shown: str) -> None:
    assert printable_output(text) == shown


# ------------------------------------------------------------------------------------------------ where it leaves
def output(kind: str, **content: Any) -> Any:
    from nbformat.v4 import new_output

    return new_output(kind, **content)


def logged(text: str) -> str:
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        logs.write_to()
        logs.LOGGER.debug("#1 GET / → 200, id %s", text)
        logs.stop_writing()
    return stderr.getvalue()


def list_of(text: str) -> OwnList:
    columns = tuple(ListColumn(f"a{kind}", text, kind) for kind in ("", "id", "state", "code"))
    record = {f"a{kind}": text for kind in ("", "id", "state", "code")}
    return OwnList(columns, [{**record, "part": text}], text, title=text, caption=text, group="part")


LOOK = Look(20, 1000)
BORDERS: dict[str, Callable[[str], object]] = {
    "a list": lambda text: list_of(text).bundle,
    "a list as data": lambda text: json_text(list_of(text).data),
    "a list without records": lambda text: replace(list_of(text), records=()).bundle,
    "a result": lambda text: result_bundle(
        [Column(text, [text, "", {text: [text]}], text, text)], Caption(rows=3, more=text, link=f"https://x/{text}"), 10
    ),
    "a result of one text": lambda text: result_bundle([Column(text, [f"{text}\n"])], Caption(rows=1), 10),
    "a cell of a nested value": lambda text: result_bundle([Column("a", [[{"k": text}]])], Caption(rows=1), 10),
    "a table as text": lambda text: text_table([text], [[text]]),
    "a note": note_bundle,
    "a doctor's finding": lambda text: findings_list([Finding(OK, text, text, text)]).bundle,
    "who is signed in": lambda text: identity_lines(Identity(who=text, tenant=text, expires_at=None, scopes=(text,), audience="")),
    "the device prompt": lambda text: device_prompt_text(DevicePrompt(text, text, text, 0.0)),
    "an error": lambda text: str(FabricLivyError(text)),
    "an interrupt": lambda text: str(Interrupted(text)),
    "a remote error": lambda text: short_remote_error(StatementError(text, text, [text])),
    "a remote error with the user's frames": lambda text: short_remote_error(
        StatementError("E", "v", users_traceback=text)
    ),
    "the whole of a remote error": lambda text: whole_error_bundle(StatementError("E", "x" + "\nat a.b(c)" * 5 + text)),
    "a remote error in a terminal": lambda text: drawn_error(StatementError(text, text, [text]), has_colours=False),
    "a line of the log": logged,
    "an exit value": lambda text: exit_bundle(text)[0],
    "a value": lambda text: part_bundle(Shown({"text/plain": f"x{text}"}), LOOK)["text/plain"],
    "a value in JSON": lambda text: part_bundle(Shown({"application/json": [text]}), LOOK)["text/plain"],
    "a MIME type": lambda text: part_bundle(Shown({f"x{text}": "y"}), LOOK)["text/plain"],
    "a stream of a notebook that runs": lambda text: output_text(output("stream", text=text)),
    "a result of a notebook that runs": lambda text: output_text(output("display_data", data={"text/plain": text})),
    "an error of a notebook that runs": lambda text: output_text(output("error", traceback=[text])),
}  # fmt: skip


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_border_lets_it_through(border: str, text: str) -> None:
    shown = BORDERS[border](text)
    parts = shown.values() if isinstance(shown, dict) else shown if isinstance(shown, list) else [shown]
    for part in parts:
        assert isinstance(part, str)
        assert steering(without_colours(part)) == []


HOSTILE_NAME = "a\x1b]0;x\x07\u202e"
SOURCE = f"%run {HOSTILE_NAME}\nimport no_such_{'x'}\n"


@pytest.mark.skipif(os.name == "nt", reason="no file of Windows has such a name")
def test_check_shows_a_hostile_notebook_as_text(tmp_path: Path, capsys: Capture) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "source": SOURCE, "outputs": [], "execution_count": None}]
    for name in ("one", f"two{HOSTILE_NAME}"):
        notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook))
    main(["check", str(tmp_path)])
    main(["check", str(tmp_path / "one.ipynb")])
    main(["check", str(tmp_path / f"no{HOSTILE_NAME}.ipynb")])
    captured = capsys.readouterr()
    assert steering(captured.out + captured.err) == []
    assert r"\x1b]0;x\x07\u202e" in captured.out


def test_a_hostile_setting_is_shown_as_text(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", f"Sales/{HOSTILE_NAME}")
    assert main(["config"]) == 0
    monkeypatch.setenv("FABRIC_LIVY_PROGRESS", HOSTILE_NAME)
    assert main(["config"]) == 2
    captured = capsys.readouterr()
    assert r"Sales/a\x1b]0;x\x07\u202e" in captured.out
    assert steering(captured.out + captured.err) == []


def test_the_headline_of_a_cell_that_runs_is_text() -> None:
    assert steering(printable(headline(f"x = 1 {HOSTILE_NAME}"))) == []
