"""docs/architecture.md names functions and files that are there."""

from __future__ import annotations

import re

import pytest

from tests.support.rooms import PACKAGE, ROOT

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"\]\((\.\./[^)#]+)", TEXT)))
NAMES = re.findall(r"`([\w.]+)`\s+\(\[[^\]]+\]\(\.\./(fabric_livy_magic/[^)]+)\)\)", TEXT)
FOLDERS = re.findall(r"`((?:local|running|signin|livy|magics|tests)/[\w/]*)`", TEXT)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_the_page_links_is_there(file: str) -> None:
    assert (PAGE.parent / file).exists()


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_a_name_that_the_page_gives_is_defined_in_the_file_behind_it(name: str, file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for part in name.split("."):
        assert re.search(rf"^\s*(?:async )?(?:def|class) {part}\b|^{part}\b.* = ", text, re.MULTILINE), part


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_that_the_page_names_is_there(folder: str) -> None:
    assert (ROOT / folder).is_dir() or (PACKAGE / folder).is_dir()


def test_the_page_follows_a_cell_through_all_the_rooms_that_it_passes() -> None:
    assert len(NAMES) > 40
    passed = {file.split("/")[1] for _, file in NAMES}
    assert {"magics", "cells", "sessions", "running", "agent", "livy", "frames", "output", "kernel", "signin"} <= passed
