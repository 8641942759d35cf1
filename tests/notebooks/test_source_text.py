"""Files with code are read in the encoding that they say, by a mark or by Python's coding line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.run_magic import resolve_run
from fabric_livy_magic.notebooks.source_text import decoded_source, read_source

ANY_LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff"))


@given(ANY_LINES, st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]), st.booleans())
def test_a_file_with_a_mark_is_read_without_it(text: str, encoding: str, is_python: bool) -> None:
    text = f"#\n#\n{text}"  # a coding line would count in the first two lines
    assert decoded_source(text.encode(encoding), is_python=is_python) == text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'", "# -*- coding: latin-1 -*-\nx = 'é'"),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'",
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'",
        ),
        ("\ufeff# coding: utf-8\nx = 'é'".encode(), "# coding: utf-8\nx = 'é'"),
        ("x = 'é'\r\ny\r\n".encode(), "x = 'é'\ny\n"),
        (b"", ""),
    ],
)
def test_python_is_read_by_its_coding_line(content: bytes, expected: str) -> None:
    assert decoded_source(content, is_python=True) == expected


def test_a_coding_line_is_pythons_alone() -> None:
    assert (
        decoded_source("-- # coding: latin-1\nSELECT 'é'".encode(), is_python=False)
        == "-- # coding: latin-1\nSELECT 'é'"
    )


@pytest.mark.parametrize(
    "content", [b"# coding: of-my-own\n", b"x = '\xe9'", "\ufeff# coding: latin-1\n".encode(), b"\xff\xfea"]
)
def test_a_file_that_is_not_what_it_says_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        read_source(tmp_path / "a.py")


def test_percent_run_of_a_script_reads_it_so(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nx = '\xe9'")
    (tmp_path / "broken.py").write_bytes(b"x = '\xe9'")
    caller = tmp_path / "caller.ipynb"
    assert resolve_run("-b latin.py", (caller,), "pyspark").cells == ["# coding: latin-1\nx = 'é'"]
    with pytest.raises(NotebookError, match="could not be read as text"):
        resolve_run("-b broken.py", (caller,), "pyspark")
