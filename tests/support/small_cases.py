"""`tests/small_cases`: one notebook for each of five subjects. Its cells assert what they compute; what a cell is to show, or to fail with
where it is tagged `raises-exception`, stands in its metadata as `expects`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from tests.support.kernels import ANSI

SMALL_CASES = Path(__file__).parents[1] / "small_cases"
LAKEHOUSE = "Own Lakehouse And Runtime"  # the first: it lists the tables that there are
NAMES = (
    LAKEHOUSE,
    "As People Write",
    "Scala Classes And Companions",
    "Encodings And Tags",
    "From Sparkmagic And Databricks",
)


def shown(cell: Any) -> str:
    """All that stands below a cell, with single blanks: an error's lines are wrapped."""
    texts: list[str] = []
    for output in cell.outputs:
        texts.append(output.get("text", ""))
        texts += [text for text in output.get("data", {}).values() if isinstance(text, str)]
        texts += [f"{output.ename}: {output.evalue}", *output.traceback] if output.output_type == "error" else []
    return " ".join(ANSI.sub("", "\n".join(texts)).split())


def surprises(name: str, executed: Any) -> list[str]:
    """What an executed notebook shows otherwise than its source says. A usage error of IPython is one without an output of its own."""
    source = nbformat.read(SMALL_CASES / f"{name}.ipynb", as_version=4)
    pairs = list(zip(source.cells, executed.cells, strict=True))
    found = []
    for wanted, cell in [(wanted, cell) for wanted, cell in pairs if wanted.cell_type == "code"]:
        text = shown(cell)
        fails = any(output.output_type == "error" for output in cell.outputs) or text.startswith("UsageError: ")
        if cell.source != wanted.source:
            found.append(f"another cell: {cell.source}")
        if fails != ("raises-exception" in wanted.metadata.get("tags", [])):
            found.append(f"{wanted.source}\n{'failed' if fails else 'did not fail'}: {text}")
        missing = [one for one in wanted.metadata.get("expects", []) if " ".join(one.split()) not in text]
        found += [f"{wanted.source}\ndoes not show {one!r}: {text}" for one in missing]
    return found
