"""What one statement gave, with its table as a DataFrame on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.livy.models import Output
from fabric_livy_magic.livy_json import LIVY_SQL_ROWS, is_table, read_result, row_count

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one cell gave. `elapsed_s` runs from sending it to having its result."""

    kind: str
    output: Output
    session: str
    statement_id: int
    elapsed_s: float
    limit: int | None = None
    _frames: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def text(self) -> str:
        """What it printed and the value of its last line, as Livy gives it."""
        return self.output.text

    @property
    def has_table(self) -> bool:
        return is_table(self.output)

    @property
    def frame(self) -> pd.DataFrame:
        """The SQL result as a pandas DataFrame, at most `limit` rows. Raises FrameError for any other output."""
        if not self.has_table:
            raise FrameError(f"This {self.kind} statement gave no table. Its text is in `.text`.")
        if not self._frames:
            self._frames.append(read_result(self.output, self.limit))
        frame: pd.DataFrame = self._frames[0]
        return frame

    @property
    def rows_received(self) -> int:
        return row_count(self.output) if self.has_table else 0

    @property
    def may_have_more(self) -> bool:
        """Livy cuts a SQL result at 1,000 rows without a word, so exactly that many may be all or may be the first."""
        return self.rows_received == LIVY_SQL_ROWS

    @property
    def value(self) -> Any:
        """For a variable: the frame of a SQL result, any other JSON as it is, else the text."""
        if self.has_table:
            return self.frame
        return self.output.data.get("application/json", self.text)
