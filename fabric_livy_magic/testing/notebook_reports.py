"""What became of a notebook that was tested: plain data, which travels from a worker of pytest-xdist to the one that reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from fabric_livy_magic.testing.results import FAILED, NOT_RUN, PASSED

SKIPPED = "skipped"
MOST_CHARACTERS = 20_000  # of the outputs of a cell in a report
MOST_IMAGE_CHARACTERS = 1_500_000
ADVICE = "`%livy error` shows the whole error"  # there is no session left where that could be asked
MOST_IMAGES = 8  # of a cell


@dataclass(frozen=True)
class CellLines:
    """Line numbers in the cell's own text, from 1: those that hold statements, and those of them that ran."""

    statements: tuple[int, ...] = ()
    ran: tuple[int, ...] = ()


@dataclass(frozen=True)
class CellReport:
    """`number` counts the code cells of the notebook from 1. `line` is that of its first line in the file, `failed_line` the one of
    its own text at which it failed; 0 where they are not known. `texts` and `images` (PNG in base64) are its outputs."""

    number: int
    source: str = field(repr=False)
    language: str
    state: str = NOT_RUN
    duration_s: float = 0.0
    line: int = 0
    failed_line: int = 0
    error: str = field(default="", repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    images: tuple[str, ...] = field(default=(), repr=False)
    lines: CellLines | None = None
    """None for a cell whose lines are not known: it is no Python, or nobody asked."""

    @property
    def took(self) -> str:
        """Empty for a cell that did not run, and for one that was interrupted: its end has no time."""
        return f"{self.duration_s:.2f} s" if self.duration_s and self.state in {PASSED, FAILED} else ""

    @property
    def headline(self) -> str:
        """Its first line that says something."""
        lines = [line.strip() for line in self.source.splitlines() if line.strip()]
        code = [line for line in lines if not line.startswith(("#", "--", "//", "%%"))]
        return (code or lines or [""])[0]


@dataclass(frozen=True)
class NotebookReport:
    """`problem`: what happened to it where that is of no cell. `notes`: what a reader should know beside it."""

    name: str
    path: str
    state: str
    duration_s: float
    cells: tuple[CellReport, ...] = ()
    exit_value: str | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    files: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Modules that it imported → the lines of them that ran, where `coverage` was there to say so."""
    included: Mapping[str, CellLines] = field(default_factory=dict)
    """Texts of cells of other notebooks, which it has by `%run` → their lines."""

    @property
    def failed_cell(self) -> CellReport | None:
        return next((cell for cell in self.cells if cell.state == FAILED), None)

    @property
    def cells_ran(self) -> int:
        return sum(cell.state in {PASSED, FAILED} for cell in self.cells)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Of what `as_data` gave, also when it went through JSON."""
        cells = tuple(_cell_of(cell) for cell in data["cells"])
        files = {path: tuple(lines) for path, lines in data["files"].items()}
        included = {code: _lines_of(lines) for code, lines in data["included"].items()}
        return cls(**{**data, "cells": cells, "notes": tuple(data["notes"]), "files": files, "included": included})


def _cell_of(data: Mapping[str, Any]) -> CellReport:
    lines = data["lines"] and _lines_of(data["lines"])
    return CellReport(**{**data, "texts": tuple(data["texts"]), "images": tuple(data["images"]), "lines": lines})


def _lines_of(data: Mapping[str, Any]) -> CellLines:
    return CellLines(tuple(data["statements"]), tuple(data["ran"]))


def with_outputs(cell: CellReport, outputs: Iterable[Mapping[str, Any]]) -> CellReport:
    """With outputs as an `.ipynb` has them, of which the text and the pictures are kept, as far as they are not too long."""
    texts: list[str] = []
    images: list[str] = []
    left = MOST_CHARACTERS
    for output in outputs:
        if output.get("output_type") == "error":
            continue
        data = output.get("data") or {}
        image = data.get("image/png")
        if isinstance(image, str) and len(image) <= MOST_IMAGE_CHARACTERS and len(images) < MOST_IMAGES:
            images.append("".join(image.split()))
            continue
        text = _joined(output["text"] if output.get("output_type") == "stream" else data.get("text/plain", ""))
        if text.strip() and left > 0 and not text.startswith(ADVICE):
            shown = text if len(text) <= left else f"{text[:left]}\n[{len(text) - left:,} more characters are left out]"
            texts.append(shown)
            left -= len(text)
    return replace(cell, texts=tuple(texts), images=tuple(images))


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
