"""What the panel holds, and the lines that its buttons run: words of others travel as words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.cell import read_cell
from fabric_livy_magic.cells.magic_parser import split_words
from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.fabric.targets import split_target
from fabric_livy_magic.widgets.panel_files import FILES
from fabric_livy_magic.widgets.panel_parts import INTERRUPT, Section, word
from fabric_livy_magic.widgets.panel_sections import CATALOG, SECTIONS, SESSIONS, TARGET
from tests.support.hostile_texts import HOSTILE_TEXTS

PICKED = {
    "session": "main",
    "name": "side",
    "elsewhere": "7f3a",
    "background": "2",
    "recent": "Sales/Bronze",
    "workspace": "Sales",
    "lakehouse": "Bronze",
    "table": "dim.date",
    "batch": "0c7a3f60",
    "file": "job.py --wait -- 3",
    "folder": "Files/raw",
    "entry": "Files/raw/a b.csv",
    "setting": "rows_shown",
    "value": "20",
}


def lines_of(section: Section, picked: Mapping[str, str]) -> list[str]:
    return [action.line_for(picked) for row in section.rows for action in row.actions]


def test_the_panel_reads_as_the_golden_file(golden: Callable[[str, str], None]) -> None:
    text = []
    for section in SECTIONS:
        text.append(f"{section.title}: {', '.join(section.lines)}")
        for row in section.rows:
            text.append(f"  {row.choice or row.text or '-'} ({row.fed_by or 'typed'})")
            text += [f"    [{action.label}]  {action.line_for(PICKED)!r}" for action in row.actions]
    golden("panel.txt", "\n".join(text) + "\n")


def test_every_line_is_one_that_the_magics_read() -> None:
    for section in SECTIONS:
        for line in filter(None, [*section.lines, *section.lines_for(PICKED), *lines_of(section, PICKED)]):
            if line.startswith("%livy "):
                read_command(line.removeprefix("%livy "))
            elif line != INTERRUPT:
                head, _, body = line.partition("\n")
                assert read_cell("sql", head.removeprefix("%%livy_sql"), body).limit == 10


def test_a_button_waits_for_what_it_needs() -> None:
    nothing = dict.fromkeys(PICKED, "")
    assert set(lines_of(SESSIONS, nothing)) == {"", "%livy start"}
    assert set(lines_of(CATALOG, nothing)) == {""}


def test_a_folder_is_opened_and_a_file_is_read() -> None:
    show, up, open_it, head, delete = [action for row in FILES.rows for action in row.actions]
    of_folder = {"folder": "Files/raw", "entry": "Files/raw/sub folder/"}
    assert [one.line_for(of_folder) for one in (show, up, open_it, head, delete)] == [
        "%livy files ls Files/raw",
        "%livy files ls Files",
        "%livy files ls 'Files/raw/sub folder'",
        "",
        "%livy files rm -r 'Files/raw/sub folder'",
    ]
    assert (open_it.sets(of_folder), up.sets(of_folder)) == ({"folder": "Files/raw/sub folder"}, {"folder": "Files"})
    assert (up.sets({"folder": "Files"}), up.sets({"folder": ""})) == ({"folder": "/"}, {"folder": "/"})
    of_area = {"folder": "/", "entry": "Tables/"}
    assert (open_it.line_for(of_area), delete.line_for(of_area)) == ("%livy files ls Tables", "")


@given(st.text())
def test_any_text_is_one_word_of_a_line(text: str) -> None:
    assert split_words(f"stop {word(text)}") == ["stop", text]


@pytest.mark.parametrize("name", [one for one in HOSTILE_TEXTS if "\n" not in one and len(one) < 1000])
def test_a_hostile_name_is_the_name_and_nothing_else(name: str) -> None:
    picked = {**PICKED, "session": name, "workspace": name, "lakehouse": name, "table": name, "entry": f"Files/{name}"}
    stop = lines_of(SESSIONS, picked)[2]
    if not name.startswith("-"):
        assert read_command(stop.removeprefix("%livy ")).options.session == name
    head = lines_of(FILES, picked)[3]
    if not name.endswith("/"):
        assert read_command(head.removeprefix("%livy ")).options.path == f"Files/{name}"
    use = lines_of(TARGET, picked)[-1]
    if name.strip():
        assert split_target(use.removeprefix("%livy use ")) == (name, name)
