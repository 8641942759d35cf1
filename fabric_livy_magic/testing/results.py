"""What a run of a notebook gave a test: its cells, its exit value, its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.notebooks.mocks import MockUse

if TYPE_CHECKING:
    import pandas as pd

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


@dataclass(frozen=True)
class CellResult:
    """A code cell of the notebook. `number` counts all its cells from 1; `outputs` are as nbformat has them."""

    number: int
    source: str = field(repr=False)
    state: str
    outputs: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    seconds: float = 0.0
    error: CellError | None = None

    @property
    def text(self) -> str:
        """What it printed and showed, as text."""
        return "".join(
            str(one.get("text") or one.get("data", {}).get("text/plain", ""))
            for one in self.outputs
            if one.get("output_type") != "error"
        )


@dataclass(frozen=True)
class CellError:
    """`line` counts the lines of the cell from 1; None where that is not known."""

    name: str
    value: str
    traceback: tuple[str, ...] = field(repr=False, default=())
    line: int | None = None


class LazyTables(Mapping[str, "pd.DataFrame"]):
    """The tables of a lakehouse as pandas, each read when it is asked for, anew each time: `result.tables["raw.trips"]`."""

    def __init__(self, read: Callable[[str], pd.DataFrame], names: Callable[[], list[str]]) -> None:
        self._read = read
        self._names = names

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __repr__(self) -> str:
        return "LazyTables(…)"


@dataclass(frozen=True)
class NotebookResult:
    """`exit_value` is the argument of `notebook.exit`, None without one. `shares_spark` is False where the notebook's `%%configure` asked
    for a Spark application of its own, which takes seconds to start."""

    name: str
    exit_value: str | None
    duration_s: float
    cells: tuple[CellResult, ...] = field(repr=False)
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    shares_spark: bool = True
    mocks: tuple[MockUse, ...] = ()
    """Those that the test has used by now, with `is_missing` those that were asked for and are not there."""

    @property
    def outputs(self) -> list[Mapping[str, Any]]:
        """Those of all cells, in order."""
        return [output for cell in self.cells for output in cell.outputs]

    @property
    def text(self) -> str:
        return "".join(cell.text for cell in self.cells)
