"""One cell while it runs: what its kind needs to turn it into statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.endings import statement_error
from fabric_livy_magic.livy.models import Output
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.live_output import OnOutput
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Part
from fabric_livy_magic.settings import ONELAKE


class CellOutput(NamedTuple):
    """`output` is Livy's own, of a cell that ran as one statement without the agent."""

    parts: tuple[Part, ...]
    output: Output | None = None


@dataclass(frozen=True)
class CellRun:
    """`values` is what SQL parameters are taken from. `rows_needed` is how many rows of a SQL result suffice where the cell names
    no limit; None: all."""

    repl: Repl
    cell: Cell
    deadline: Deadline
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    rows_needed: int | None = None
    on_progress: Listener | None = None
    on_output: OnOutput | None = None

    @property
    def is_plain(self) -> bool:
        """Whether Livy itself runs it, without the agent."""
        return self.cell.plain or self.repl.settings.rich == "off"

    def without_agent(self, missing: object = "`%livy config rich off` leaves it out") -> None:
        """Raises SettingsError for what only the agent can do; `missing` says why there is none."""
        if self.cell.chart:
            raise SettingsError(f"--chart needs the agent, which this session cannot have: {missing}.")
        if self.cell.via == ONELAKE:
            raise SettingsError(f"--via {ONELAKE} needs the agent, which this session cannot have: {missing}.")

    def statement(self, code: str, kind: str) -> Output:
        """The output of one Livy statement. Raises StatementError where the code failed."""
        statement = self.repl.remote.run(
            code, kind, timeout_s=self.deadline.left_s, given_s=self.deadline.given_s, on_progress=self.on_progress
        )
        output = statement.output or Output(status="ok")
        if output.status == "error":
            raise statement_error(output, kind)
        return output

    def agent_call(self, *, shows_progress: bool = True) -> agent_calls.Call:
        return self.repl.agent_call(self.deadline, self.on_progress if shows_progress else None)
