"""A committed notebook that becomes an `.ipynb` and then comes back has the bytes it had, where nobody changed it. Pure.

`write_git` writes as the portal does. Hand-written files, other generators and older portals write otherwise: no METADATA below a
cell, text after the first line, other blank lines, keys in another order. The `.ipynb` keeps the text of each such cell under
a key of our own, and that text counts as long as it still says what the cell says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.git_format import (
    COMMITTED_KEY,
    FIRST_LINE,
    SUFFIXES,
    as_git,
    cell_lines,
    committed_lines,
    header_lines,
    read_git,
    write_git,
)
from fabric_livy_magic.notebooks.ipynb import read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.model import Cell, Notebook, with_portal_metadata

_BYTE_ORDER_MARK, _CRLF = "\ufeff", "\r\n"


@dataclass(frozen=True)
class _Committed:
    """What a notebook or a cell has under COMMITTED_KEY; empty where the portal writes the same."""

    text: str = ""
    has_crlf: bool = False
    has_byte_order_mark: bool = False


def with_committed_form(notebook: Notebook) -> Notebook:
    """For the `.ipynb`: with the text of what would come back from there otherwise. Only a notebook of the Git format has any."""
    original = notebook.original
    if not original or original.suffix not in SUFFIXES.values():
        return notebook
    lines = committed_lines(original.text)
    header, chunks = lines.header, lines.cells
    if len(chunks) != len(notebook.cells):
        return notebook  # it was changed after it was read
    by_ipynb = _by_ipynb(notebook)
    cells = [
        _kept(cell, {"text": "\n".join(chunk)} if chunk != cell_lines(again, notebook.comment) else {})
        for cell, again, chunk in zip(notebook.cells, by_ipynb.cells, chunks, strict=True)
    ]
    kept: dict[str, Any] = {"text": "\n".join(header)} if header != header_lines(by_ipynb) else {}
    kept |= {"crlf": True} if lines.has_crlf else {}
    kept |= {"bom": True} if original.text.startswith(_BYTE_ORDER_MARK) else {}
    notebook = replace(notebook, cells=tuple(cells))
    return replace(notebook, jupyter={**notebook.jupyter, COMMITTED_KEY: kept}) if kept else notebook


def _kept(cell: Cell, kept: dict[str, str]) -> Cell:
    return replace(cell, jupyter={**cell.jupyter, COMMITTED_KEY: kept}) if kept else cell


def difference(original: str, again: str) -> str:
    """Where two texts differ, as a phrase; empty where they do not."""
    if original == again:
        return ""
    lines, others = original.split("\n"), again.split("\n")
    pairs = enumerate(zip_longest(lines, others), start=1)
    number, line = next((number, line) for number, (line, other) in pairs if line != other)
    return f"line {number}: {line[:60]}" if line else f"line {number}"


def write_committed(notebook: Notebook) -> str:
    """`write_git`, with the text that the `.ipynb` kept wherever that still says the same. Raises NotebookError as it does."""
    if COMMITTED_KEY not in notebook.jupyter and not any(COMMITTED_KEY in cell.jupyter for cell in notebook.cells):
        return write_git(notebook)
    try:
        kept = _committed(notebook.jupyter)
        lines = list(_header(notebook, kept))
        for cell, written in zip(notebook.cells, as_git(notebook).cells, strict=True):
            text = _committed(cell.jupyter).text
            lines += (
                text.split("\n") if text and _says(text, written, notebook) else cell_lines(written, notebook.comment)
            )
    except RecursionError:
        raise NotebookError("The notebook's metadata nests too deeply to be written.") from None
    return kept.has_byte_order_mark * _BYTE_ORDER_MARK + (_CRLF if kept.has_crlf else "\n").join(lines)


def _header(notebook: Notebook, kept: _Committed) -> Iterator[str]:
    """The lines above the first cell. Where its metadata were changed, the text beside them stays."""
    header = _read(kept.text, notebook)
    if header is None or header.cells:
        yield from header_lines(notebook)
        return
    by_ipynb = _by_ipynb(header)
    others = {key: notebook.jupyter.get(key) for key in by_ipynb.jupyter}  # Jupyter may have added more
    is_same = by_ipynb.metadata == notebook.metadata and by_ipynb.jupyter == others
    yield from kept.text.split("\n") if is_same else header_lines(replace(notebook, preamble=header.preamble))


def _says(text: str, cell: Cell, notebook: Notebook) -> bool:
    """Whether the text of a part is that of the cell as it is now."""
    read = _read(f"{notebook.comment} {FIRST_LINE}\n\n{text}", notebook)
    if read is None or len(read.cells) != 1:
        return False
    read = replace(read, metadata=notebook.metadata)
    return as_git(_by_ipynb(read)).cells == (cell,)


def _read(text: str, notebook: Notebook) -> Notebook | None:
    try:
        read = read_git(text, SUFFIXES[notebook.primary])
    except NotebookError:
        return None
    return read if read.primary == notebook.primary else None


def _by_ipynb(notebook: Notebook) -> Notebook:
    """As `fabric-livy convert` makes an `.ipynb` of it and reads that again."""
    notebook = replace(with_portal_metadata(notebook), original=None)
    return with_portal_metadata(read_ipynb(write_ipynb(notebook)))


def _committed(metadata: Mapping[str, Any]) -> _Committed:
    kept = metadata.get(COMMITTED_KEY)
    if not isinstance(kept, Mapping) or not isinstance(kept.get("text", ""), str):
        return _Committed()
    return _Committed(kept.get("text", ""), kept.get("crlf") is True, kept.get("bom") is True)
