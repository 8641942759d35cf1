"""Which words are paths of a lakehouse, and that none leads out of it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.onelake_paths import (
    AREAS,
    LakehousePath,
    checked_path,
    is_file_name,
    is_lakehouse_path,
    read_lakehouse_path,
)
from fabric_livy_magic.sessions import file_copies

NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."})
PATHS = st.builds(lambda area, names: "/".join([area, *names]), st.sampled_from(AREAS), st.lists(NAMES, max_size=4))


@pytest.mark.parametrize(
    ("text", "path", "target"),
    [
        ("Files", "Files", ""),
        ("Files/", "Files", ""),
        ("Files/a b#%?ä.csv", "Files/a b#%?ä.csv", ""),
        ("Tables//trips/", "Tables/trips", ""),
        ("Sales/Bronze:Files/x", "Files/x", "Sales/Bronze"),
        ("Sales/Bronze:/Files/x", "Files/x", "Sales/Bronze"),
        ("Sales/Bronze:", "", "Sales/Bronze"),
        ("'Sales / EMEA'/Bronze:Tables", "Tables", "'Sales / EMEA'/Bronze"),
        ("abfss://Sales@onelake.dfs.fabric.microsoft.com/Bronze.Lakehouse/Files/a%20b", "Files/a b", "Sales/Bronze"),
    ],
)
def test_these_are_paths_of_a_lakehouse(text: str, path: str, target: str) -> None:
    assert is_lakehouse_path(text)
    assert read_lakehouse_path(text) == LakehousePath(path, target)


@pytest.mark.parametrize(
    "text",
    [
        "./Files/x",
        "data.csv",
        "../Files",
        "/Files/x",
        "~/Files",
        "C:\\Files\\x",
        "files.csv",
        "Filesystem/x",
        "./a/b:Files",
    ],
)
def test_these_are_paths_of_this_machine(text: str) -> None:
    assert not is_lakehouse_path(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Files/../x", "leads anywhere but down"),
        ("Files/./x", "leads anywhere but down"),
        ("..", "leads anywhere but down"),
        ("Files\\x", "backslash"),
        ("Files/a\nb", "control character"),
        ("files/x", "'Files/x' may be meant"),
        ("data/x", "begins with neither"),
        ("Files/" + "ä" * 128, "longer than the 255 bytes"),
        ("abfss://Sales@evil.example/Bronze/Files/x", "is not of the form"),
        ("abfss://Sales@onelake.dfs.fabric.microsoft.com.evil.example/Bronze/Files/x", "is not of the form"),
        ("abfss://Sales@onelake.dfs.fabric.microsoft.com/Bronze/Files/%2e%2e/x", "leads anywhere but down"),
    ],
)
def test_what_is_no_path_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_lakehouse_path(text)


@given(PATHS)
def test_every_name_of_a_file_is_kept_as_it_is(path: str) -> None:
    assert is_lakehouse_path(path)
    assert read_lakehouse_path(path) == LakehousePath(path)
    uri = f"abfss://w@onelake.dfs.fabric.microsoft.com/l.Lakehouse/{quote(path)}"
    assert read_lakehouse_path(uri) == LakehousePath(path, "w/l")


@given(st.text(max_size=60))
def test_no_text_leads_out_of_the_lakehouse(text: str) -> None:
    try:
        parts = checked_path(text).split("/")
    except SettingsError:
        return
    assert parts == [""] or parts[0] in AREAS
    assert not {".", ".."} & set(parts)
    assert not any("\\" in part for part in parts)


@pytest.mark.parametrize(
    "name",
    [
        "NUL",
        "nul.txt",
        "con",
        "Aux.tar.gz",
        "COM1",
        "lpt9.log",
        "COM²",
        "CONIN$",
        "a:b",
        "C:a",
        "a.",
        "what?",
        "a*b",
        "<a>",
        "a|b",
        '"a"',
    ],
)
def test_what_windows_would_lose_or_write_elsewhere_is_no_name_of_a_file_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_file_name(name)
    monkeypatch.setattr(os, "name", "nt")
    assert not is_file_name(name)
    with pytest.raises(SettingsError, match="can be no name of a file on this machine"):
        file_copies._below(tmp_path, ["folder", name])


@pytest.mark.parametrize("name", ["nullable.csv", "a b.c", ".hidden", "commerce", "COM10", "über", "con-1.txt", "a..b"])
def test_other_names_are_names_on_windows_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert is_file_name(name)
