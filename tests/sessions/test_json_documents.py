"""Which JSON files are one document, and which have one value a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.sessions.table_uploads import is_json_document


@pytest.mark.parametrize(
    ("content", "is_document"),
    [
        ('{"a": 1}\n{"a": 2}\n', False),
        ('{"a": 1}', False),
        ('\n\n{"a": 1}\n', False),
        ('{"a": "' + "x" * 2_000_000 + '"}\n', False),
        ('[{"a": 1}, {"a": 2}]', True),
        ("[" + '{"a": 1},' * 200_000, True),
        ('[\n {"a": 1}\n]', True),
        ('{\n "a": 1\n}', True),
    ],
)
def test_a_document_is_told_from_lines(tmp_path: Path, content: str, is_document: bool) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    assert is_json_document(tmp_path / "a.json") is is_document


def test_what_is_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(SettingsError, match="cannot be read as JSON"):
        is_json_document(tmp_path / "a.json")
