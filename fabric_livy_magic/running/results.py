"""What a cell gave: parts in the order in which they came, tables among them, as objects on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames import conversion, livy_json
from fabric_livy_magic.frames.shown_columns import columns_of, copy_of
from fabric_livy_magic.livy.models import Output

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("pandas", "arrow", "polars")
MOST_ROWS_SHOWN = (
    10_000  # of a table whose rows went into a pandas frame, which does not tell null from NaN, so many are kept
)


@dataclass(frozen=True)
class Printed:
    """Text on one of the two streams."""

    text: str = field(repr=False)
    stream: str = "stdout"
    number: int = field(default=0, repr=False, compare=False)
    """Of the output within its cell, by which what was shown while the cell ran is told from the rest. 0: it has none."""


@dataclass(frozen=True)
class Shown:
    """A MIME bundle: a display, or the value of the cell's last line."""

    data: Mapping[str, Any] = field(repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_value: bool = False
    """The value of the cell's last line, not something that it displayed on its way."""
    number: int = field(default=0, repr=False, compare=False)
    display_id: str = field(default="", repr=False)
    """By which later code of the session changes it."""
    version: int = field(default=0, repr=False, compare=False)
    """How often its cell has changed it."""

    @property
    def text(self) -> str:
        value = self.data.get("text/plain", "")
        return value if isinstance(value, str) else str(value)


class Table(ABC):
    """Rows with Spark's types. `more` says in words what is missing; empty where nothing is."""

    fields: Sequence[tuple[str, str]]
    """(name, type in a word) of each column."""
    spark_types: Sequence[Any] = ()
    """The types in the form of Spark's schema JSON; empty for a table that is not Spark's."""
    rows: int
    more: str = ""
    is_value: bool = True
    """The cell's own result, not something that it displayed on its way."""
    received_bytes: int | None = None
    """What travelled for it, where that is known."""
    statement: int | None = None
    """The Livy statement that gave it."""
    number: int = 0
    display_id: str = ""
    version: int = 0
    """See `Shown`."""

    @abstractmethod
    def columns(self, rows: int) -> list[list[Any]]:
        """The values of each column, of its first rows, for the eye: null is None, and a date that is none of Python's is text."""

    @abstractmethod
    def to(self, library: str) -> Any:
        """As a frame of `library`, one of LIBRARIES."""


class ArrowTable(Table):
    """A frame that came by way of the agent: all the rows that were requested, with Spark's exact types."""

    def __init__(
        self, arrow: Any, schema: Mapping[str, Any] | None, *, more: bool = False, is_value: bool = True
    ) -> None:
        self._arrow: Any = arrow
        self._frame: Any = None
        self._head: Any = None
        self._schema = schema
        self.rows = arrow.num_rows
        self.more = "there are more rows" if more else ""
        self.is_value = is_value
        if schema is None:  # a pandas or Arrow object of the session
            self.fields = [(one.name, str(one.type)) for one in arrow.schema]
        else:
            self.fields = [(str(one.get("name", "")), livy_json.type_name(one.get("type"))) for one in schema["fields"]]
            self.spark_types = [one.get("type") for one in schema["fields"]]

    def columns(self, rows: int) -> list[list[Any]]:
        arrow = self._head if self._arrow is None else self._arrow
        return columns_of(arrow.slice(0, rows)) if len(self.fields) else []

    def to(self, library: str) -> Any:
        """The Arrow form is let go of with the first pandas frame, so that both are never held."""
        if library != "pandas":
            arrow = conversion.to_arrow(self._frame) if self._arrow is None else self._arrow
            return conversion.to_polars(arrow) if library == "polars" else arrow
        if self._frame is None:
            self._head = copy_of(self._arrow, MOST_ROWS_SHOWN)
            arrow, self._arrow = self._arrow, None
            try:
                self._frame = conversion.to_pandas(arrow, self._schema)
            except FrameError:
                self._arrow = arrow
                raise
        return self._frame


class ChartTable(ArrowTable):
    """What a chart shows: the columns of its axes. `facts` is what the session's chart_data says of it; `groups` is how many values
    the x axis would have without a cut, `rows_drawn` how many rows of the frame the chart stands for."""

    def __init__(
        self, arrow: Any, schema: Mapping[str, Any], facts: Mapping[str, Any], *, is_value: bool = True
    ) -> None:
        self.facts = facts
        last = arrow.slice(0, 1).columns[-2:] if arrow.num_rows else []
        self.groups, self.rows_drawn = [column[0].as_py() for column in last] or [0, 0]
        axes = {**schema, "fields": schema["fields"][:-2]}
        super().__init__(arrow.select(range(len(axes["fields"]))), axes, is_value=is_value)


class LivyTable(Table):
    """The JSON of a `sql` statement, as Livy itself gives it: cut at 1,000 rows without a word."""

    def __init__(self, output: Output, limit: int | None = None, why: str = "") -> None:
        self._output, self._limit = output, limit
        self._frame: Any = None
        fields = output.data["application/json"]["schema"].get("fields") or []
        self.fields = [(str(one.get("name", "")), livy_json.type_name(one.get("type"))) for one in fields]
        self.spark_types = [one.get("type") for one in fields]
        received = livy_json.row_count(output)
        self.statement = output.statement
        self.rows = received if limit is None else min(received, limit)
        self.more = "; ".join(filter(None, [self._missing(received), why]))

    def _missing(self, received: int) -> str:
        may_be_cut = received == livy_json.LIVY_SQL_ROWS
        if self.rows < received:
            return f"-n kept {self.rows:,} of {'at least ' if may_be_cut else ''}{received:,} rows"
        if may_be_cut:
            return f"a Livy server gives at most {received:,} rows of a SQL result: there may be more"
        return ""

    def columns(self, rows: int) -> list[list[Any]]:
        """Read from the JSON, as a pandas frame has NaN for a null number. Raises FrameError if any row of it is not of its type."""
        if not self.rows or not self.fields:
            return [[] for _ in self.fields]
        if not livy_json.has_far_years(self._output):
            self.to("pandas")
        read = livy_json.read_rows(self._output, min(rows, self.rows))
        return [list(column) for column in zip(*read, strict=True)] if read else [[] for _ in self.fields]

    def to(self, library: str) -> Any:
        if self._frame is None:
            self._frame = livy_json.read_result(self._output, self._limit)
        if library == "pandas":
            return self._frame
        arrow = conversion.to_arrow(self._frame)
        return conversion.to_polars(arrow) if library == "polars" else arrow


@dataclass(frozen=True)
class Updated:
    """What a display of an earlier cell shows from now on."""

    part: Shown | Table


class Cleared:
    """The cell has cleared what it had shown so far. Only of a cell that runs: what a cell gave is without it."""


Part: TypeAlias = Printed | Shown | Table | Updated


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one cell gave. `elapsed_s` runs from sending it to having its result. `output` is Livy's own, where the cell
    ran without the agent."""

    kind: str
    session: str
    elapsed_s: float
    parts: tuple[Part, ...] = field(default=(), repr=False)
    output: Output | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """What it printed, and the value of its last line, as text."""
        if self.output is not None:
            return self.output.text
        texts = [part.text for part in self.parts if isinstance(part, Printed | Shown)]
        lines = [
            text if text.endswith("\n") or number == len(texts) - 1 else text + "\n"
            for number, text in enumerate(texts)
        ]
        return "".join(lines).rstrip("\n")

    @property
    def tables(self) -> list[Table]:
        return [part for part in self.parts if isinstance(part, Table)]

    @property
    def has_table(self) -> bool:
        return bool(self.tables)

    @property
    def value_table(self) -> Table | None:
        return value_table_of(self.parts)

    def to(self, library: str) -> Any:
        """Its last table as a frame of `library`. Raises FrameError where there is none."""
        if not self.tables:
            raise FrameError(f"This {self.kind} statement gave no table. Its text is in `.text`.")
        return self.tables[-1].to(library)

    @property
    def frame(self) -> pd.DataFrame:
        """Its last table as a pandas DataFrame. Raises FrameError where there is none."""
        frame: pd.DataFrame = self.to("pandas")
        return frame

    def value(self, library: str = "pandas") -> Any:
        """For a variable: the last table that it did not merely display, any other JSON as it is, else the text."""
        if self.value_table:
            return self.value_table.to(library)
        shown = [part.data for part in self.parts if isinstance(part, Shown)]
        return shown[-1].get("application/json", self.text) if shown else self.text


def value_table_of(parts: Sequence[Part]) -> Table | None:
    """The last table that the cell did not merely display."""
    return next((part for part in reversed(parts) if isinstance(part, Table) and part.is_value), None)


def parts_of_output(output: Output, limit: int | None = None, why: str = "") -> tuple[Part, ...]:
    """Of a statement that ran without the agent."""
    if livy_json.is_table(output):
        return (LivyTable(output, limit, why),)
    if set(output.data) == {"text/plain"}:
        return (Printed(output.text),) if output.text else ()
    return (Shown(output.data),) if output.data else ()
