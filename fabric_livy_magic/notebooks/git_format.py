"""Fabric's Git format: `notebook-content.py`, `.sql`, `.scala` or `.r`. Pure.

A file is a first line and parts, each a marker, an empty line, its lines, and an empty line. Lines of Markdown and JSON are
comments; so are all lines of a cell that begins with a `%%` magic, whereas line magics and `!` are not commented out.
A file that the portal would write otherwise is read as far as possible; `Notebook.problems` lists what was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.json_text import read_json, write_json
from fabric_livy_magic.notebooks.languages import cell_magic
from fabric_livy_magic.notebooks.model import (
    CODE,
    MARKDOWN,
    RAW,
    Cell,
    Json,
    Notebook,
    OriginalFile,
    Problem,
    without_parameters_tag,
)

SUFFIXES = {"python": ".py", "sql": ".sql", "scala": ".scala", "r": ".r"}
_PRIMARY_OF_COMMENT_MARK = {"#": "python", "--": "sql", "//": "scala"}
FIRST_LINE = "Fabric notebook source"
_FIRST = re.compile(rf"(#|--|//) {FIRST_LINE}(.*)", re.DOTALL)
STARS = "*" * 20
# One generator of notebooks writes the JSON into the marker: `# METADATA **{"language":"python"}**`.
_MARKER = re.compile(
    r"(#|--|//) (METADATA|CELL|MARKDOWN|PARAMETERS CELL|ATTACHMENTS) (?:\*{20}|\*\*(\{.*\})\*\*)\s*", re.DOTALL
)
COMMITTED_KEY = "fabric_git"  # of `committed_form`, in the metadata of an .ipynb and of its cells
_CELL_WORDS = {"CELL", "PARAMETERS CELL", "MARKDOWN"}
_CONFLICT = re.compile(r"<{7} |>{7} ")


@dataclass
class _Part:
    word: str
    marker_json: str | None
    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def body(self) -> list[str]:
        """Without the empty line after the marker and the one before the next."""
        lines = self.lines[1:] if self.lines and not self.lines[0].strip() else list(self.lines)
        return lines[:-1] if lines and not lines[-1].strip() else lines


def read_git(text: str, suffix: str = ".py") -> Notebook:
    """Raises NotebookError where the text is no Fabric notebook at all. `suffix` tells R from Python."""
    lines, _ = _lines(text)
    mark, preamble, parts = _parts(lines)
    primary = "r" if mark == "#" and suffix.lower() == ".r" else _PRIMARY_OF_COMMENT_MARK[mark]
    problems = [
        Problem(number, f"an unresolved merge conflict: {line.strip()}")
        for number, line in enumerate(lines, start=1)
        if _CONFLICT.match(line)
    ]
    if not _FIRST.fullmatch(lines[0]):
        problems.append(Problem(1, f"the first line is not `{mark} {FIRST_LINE}`"))
    first_cell = next((number for number, part in enumerate(parts) if part.word != "METADATA"), len(parts))
    metadata = _read_json(parts[:first_cell], mark, problems)
    cells: list[Cell] = []
    for part in parts[first_cell:]:
        if part.word in {"CELL", "PARAMETERS CELL"}:
            source = "\n".join(_without_magic_prefix(part.body, mark))
            cells.append(Cell(source=source, is_parameters=part.word != "CELL"))
        elif part.word == "MARKDOWN":
            cells.append(Cell(kind=MARKDOWN, source="\n".join(_uncommented(line, mark) for line in part.body)))
        elif not cells:
            problems.append(Problem(part.line, f"{part.word} stands before any cell"))
        else:
            cells[-1] = _cell_with_part(cells[-1], part, mark, problems)
    return Notebook(
        cells=tuple(cells),
        primary=primary,
        metadata=metadata,
        preamble=preamble,
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        original=OriginalFile(text, suffix),
    )


def _lines(text: str) -> tuple[list[str], bool]:
    """(lines, whether each ended with a carriage return, as in a checkout on Windows)."""
    lines = text.removeprefix("\ufeff").split("\n")
    has_crlf = len(lines) > 1 and all(line.endswith("\r") for line in lines[:-1])
    return [line.removesuffix("\r") for line in lines] if has_crlf else lines, has_crlf


@dataclass(frozen=True)
class CommittedLines:
    """The lines of a file, cut before each cell."""

    header: list[str]
    cells: list[list[str]]
    has_crlf: bool


def committed_lines(text: str) -> CommittedLines:
    """Raises NotebookError as `read_git` does."""
    lines, has_crlf = _lines(text)
    _, _, parts = _parts(lines)
    starts = [part.line - 1 for part in parts if part.word in _CELL_WORDS] + [len(lines)]
    cells = [lines[start:end] for start, end in pairwise(starts)]
    return CommittedLines(lines[: starts[0]], cells, has_crlf)


def _parts(lines: Sequence[str]) -> tuple[str, str, list[_Part]]:
    """(comment mark, preamble, parts)."""
    first = _FIRST.fullmatch(lines[0])
    mark = first[1] if first else None
    before_parts = [first[2]] if first else []
    parts: list[_Part] = []
    for number, line in enumerate(lines[1:] if first else lines, start=2 if first else 1):
        match = _MARKER.fullmatch(line) if "*" in line else None
        if match and (mark is None or match[1] == mark):
            mark = match[1]
            parts.append(_Part(match[2], match[3], number))
        else:
            (parts[-1].lines if parts else before_parts).append(line)
    if mark is None:
        raise NotebookError(
            f"This is no Fabric notebook: its first line would be `# {FIRST_LINE}` (`--` in SQL, `//` in Scala)."
        )
    return (
        mark,
        "\n".join(before_parts[:-1] if len(before_parts) > 1 and not before_parts[-1].strip() else before_parts),
        parts,
    )


def _cell_with_part(cell: Cell, part: _Part, mark: str, problems: list[Problem]) -> Cell:
    value = _read_json([part], mark, problems)
    if part.word == "ATTACHMENTS":
        return replace(cell, attachments={**cell.attachments, **value})
    is_parameters, metadata = without_parameters_tag({**cell.metadata, **value})
    return replace(cell, is_parameters=cell.is_parameters or is_parameters, metadata=metadata)


def _read_json(parts: Sequence[_Part], mark: str, problems: list[Problem]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        if any(_CONFLICT.match(line) for line in part.lines):
            continue  # read_git reports it
        prefix = f"{mark} {'ATTA' if part.word == 'ATTACHMENTS' else 'META'}"
        lines = [line for line in part.body if line.strip()]
        stray = [line for line in lines if not line.startswith(prefix)]
        if stray:
            problems.append(
                Problem(part.line, f"text below {part.word} that belongs to no cell: {stray[0].strip()[:60]}")
            )
        text = "\n".join(line.removeprefix(prefix) for line in lines if line.startswith(prefix))
        if not text.strip():
            text = part.marker_json or "{}"
        try:
            value = read_json(text)
        except ValueError as error:
            problems.append(Problem(part.line, f"the JSON of {part.word} is broken: {error}"))
            continue
        if isinstance(value, dict):
            merged.update(value)
        else:
            problems.append(Problem(part.line, f"the JSON of {part.word} is no object"))
    return merged


def _uncommented(line: str, mark: str) -> str:
    if line.startswith(f"{mark} "):
        return line[len(mark) + 1 :]
    return "" if line == mark else line


def _is_magic_line(line: str, mark: str) -> bool:
    return line == f"{mark} MAGIC" or line.startswith(f"{mark} MAGIC ")


def _without_magic_prefix(lines: list[str], mark: str) -> list[str]:
    if not _all_magic_lines(lines, mark):
        return lines
    prefix = f"{mark} MAGIC"
    return [line.removeprefix(prefix).removeprefix(" ") if _is_magic_line(line, mark) else line for line in lines]


def _all_magic_lines(lines: Sequence[str], mark: str) -> bool:
    """Whether all of them are; empty lines are ignored."""
    not_empty = [line for line in lines if line.strip()]
    return bool(not_empty) and all(_is_magic_line(line, mark) for line in not_empty)


def write_git(notebook: Notebook) -> str:
    """The text of the notebook without what `as_git` drops. Unchanged since it was read from Git format, it is the same bytes.

    Raises NotebookError for JSON that nests too deeply.
    """
    original = notebook.original
    try:
        if (
            original
            and original.suffix.lower() in SUFFIXES.values()
            and read_git(original.text, original.suffix) == notebook
        ):
            return original.text
        return _git_text(as_git(notebook))
    except RecursionError:
        raise NotebookError("The notebook's metadata nests too deeply to be written.") from None


def as_git(notebook: Notebook) -> Notebook:
    """What the Git format can hold: no outputs, no metadata of Jupyter or of Markdown cells; raw cells become Markdown."""
    cells = [
        Cell(
            source=cell.source,
            kind=CODE if cell.kind == CODE else MARKDOWN,
            is_parameters=cell.is_parameters and cell.kind == CODE,
            metadata=cell.metadata if cell.kind == CODE else {},
            attachments=cell.attachments,
        )
        for cell in notebook.cells
    ]
    return replace(notebook, cells=tuple(cells), jupyter={}, problems=(), original=None)


def git_losses(notebook: Notebook) -> list[str]:
    """What `as_git` drops, as phrases for a message."""
    outputs = sum(1 for cell in notebook.cells if cell.outputs)
    raw = sum(1 for cell in notebook.cells if cell.kind == RAW)
    # They follow from the kernel and the language, or are what the Git format itself said.
    derived = {"kernelspec", "language_info", "microsoft", "nteract", COMMITTED_KEY}
    keys = {*notebook.jupyter, *(key for cell in notebook.cells for key in cell.jupyter)} - derived
    losses = [f"the outputs of {outputs} cell{'' if outputs == 1 else 's'}"] if outputs else []
    if keys:
        losses.append(f"metadata of the .ipynb ({', '.join(sorted(keys))})")
    if raw:
        losses.append(f"that {raw} cell{' is' if raw == 1 else 's are'} raw text, which becomes Markdown")
    return losses


def _git_text(notebook: Notebook) -> str:
    lines = header_lines(notebook)
    for cell in notebook.cells:
        lines += cell_lines(cell, notebook.comment)
    return "\n".join(lines)


def header_lines(notebook: Notebook) -> list[str]:
    """Those above the first cell."""
    mark = notebook.comment
    first, *others = notebook.preamble.split("\n")
    lines = [f"{mark} {FIRST_LINE}{first}", *others, ""]
    return lines + _json_part("METADATA", "META", notebook.metadata, mark) if notebook.metadata else lines


def cell_lines(cell: Cell, mark: str) -> list[str]:
    """Those of one cell of `as_git`."""
    if cell.kind == CODE:
        word = "PARAMETERS CELL" if cell.is_parameters else "CELL"
        lines = _part(word, _code_lines(cell.source, mark), mark)
    else:
        lines = _part("MARKDOWN", _markdown_lines(cell.source, mark), mark)
    if cell.metadata:
        lines += _json_part("METADATA", "META", cell.metadata, mark)
    if cell.attachments:
        lines += _json_part("ATTACHMENTS", "ATTA", cell.attachments, mark)
    return lines


def _part(word: str, body: Sequence[str], mark: str) -> list[str]:
    return [f"{mark} {word} {STARS}", "", *body, ""]


def _json_part(word: str, prefix: str, value: Json, mark: str) -> list[str]:
    return _part(word, [f"{mark} {prefix} {line}" for line in write_json(value, indent=2).split("\n")], mark)


def _code_lines(source: str, mark: str) -> list[str]:
    if not source:
        return []
    lines = source.split("\n")
    magic = cell_magic(source, mark)
    has_cell_magic = magic is not None and lines[magic.line].startswith("%%")
    # Code that would be read as markers of the format is commented out, too, so that it is read back as it was.
    if has_cell_magic or _all_magic_lines(lines, mark) or any(_MARKER.fullmatch(line) for line in lines):
        return _with_prefix(f"{mark} MAGIC ", lines)
    return lines


def _markdown_lines(source: str, mark: str) -> list[str]:
    if not source:
        return []
    lines = source.split("\n")
    commented = _with_prefix(f"{mark} ", lines)
    # A line such as `CELL ****…` would become a marker: it is not commented out.
    return [line if _MARKER.fullmatch(comment) else comment for line, comment in zip(lines, commented, strict=True)]


def _with_prefix(prefix: str, lines: Sequence[str]) -> list[str]:
    """The empty last line of a text that ends with a line break gets no prefix."""
    return [prefix + line if line or number < len(lines) - 1 else "" for number, line in enumerate(lines)]
