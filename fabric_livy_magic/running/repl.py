"""One REPL of a Livy session, as code runs on it: the queue of its cells, its agent, and the statements that are sent to it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

from fabric_livy_magic.agent.client import Agent, package_of_call, read_call
from fabric_livy_magic.errors import FabricLivyError, SettingsError
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.livy.models import Output, SessionInfo
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import NO_DEADLINE, Deadline
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.beside import Beside
from fabric_livy_magic.running.cell_queue import CellQueue
from fabric_livy_magic.running.introspection import ANSWER_WITHIN_S, LATE_S, Introspection, KeptCandidates
from fabric_livy_magic.running.repl_pool import ReplPool
from fabric_livy_magic.settings import Settings

INTERRUPT_WITHIN_S = 10.0  # for an interrupt by way of another REPL, which may have to get the agent first


class Repl:
    """That of a standard session, or one of a high-concurrency session. `settings` are those of the notebook, as of now; `onelake`
    is asked for when a frame may go by files."""

    def __init__(
        self,
        name: str,
        remote: StandardSession,
        settings: Callable[[], Settings],
        onelake: Callable[[], OneLake],
    ) -> None:
        self.name = name
        """Of the session, as its results show it."""
        self.remote = remote
        self.queue = CellQueue()
        self.cells_run = 0
        self.scala_mark: str | None = None
        """Of what its Scala cells display (`scala_displays`); empty where that cannot be."""
        self.onelake = onelake
        """The files of its lakehouse. Raises SettingsError for a server without."""
        self.has_used_onelake = self.is_refused_by_onelake = False
        self._settings = settings
        self._agent = Agent()
        self._introspection = Introspection(remote)
        self._kept_candidates = KeptCandidates()
        self.beside = Beside(remote)
        self.pool: ReplPool[Repl] | None = None
        """The further REPLs of a high-concurrency session."""
        if isinstance(remote, HighConcurrencySession):
            self.pool = ReplPool(remote, lambda other, number: Repl(f"{name}+{number}", other, settings, onelake))

    def __repr__(self) -> str:
        return f"Repl({self.name!r}, id={self.id!r})"

    @property
    def id(self) -> str:
        return self.remote.id

    @property
    def settings(self) -> Settings:
        return self._settings()

    def expects_agent(self) -> None:
        """The session has the agent from an earlier process, most likely: it is installed where that turns out to be wrong."""
        self._agent.expect()

    def wait_ready(self, on_progress: Listener | None = None) -> SessionInfo:
        return self.remote.wait_ready(timeout_s=self.settings.start_timeout_s, on_progress=on_progress)

    def ensure_ready(self, on_progress: Listener | None = None) -> None:
        if not self.remote.ready:
            self.wait_ready(on_progress)

    def agent_call(self, deadline: Deadline = NO_DEADLINE, on_progress: Listener | None = None) -> agent_calls.Call:
        """Runs operations of the agent, each as a statement; the deadline is that of all together. It may be used by several
        threads."""

        def execute(code: str, most_s: float = math.inf) -> Output:
            left_s = deadline.left_s
            timeout_s = min(most_s, math.inf if left_s is None else left_s)
            given_s = most_s if timeout_s == most_s else deadline.given_s
            statement = self.remote.run(
                code,
                "pyspark",
                timeout_s=None if timeout_s == math.inf else timeout_s,
                given_s=given_s,
                on_progress=on_progress,
                on_cancel=lambda number: self.interrupt_python(number, code),
            )
            return statement.output or Output(status="ok")

        self.ensure_ready(on_progress)
        return lambda operation, *arguments: self._agent.call(execute, operation, *arguments)

    def value_in_turn(self, operation: str, *arguments: Any, needs: str, on_progress: Listener | None = None) -> Any:
        """The agent's answer to an operation that is no cell, in its place among the session's cells. `needs` begins the sentence that
        refuses it without the agent. Raises SettingsError, StatementError, NoAgent."""
        if self.settings.rich == "off":
            raise SettingsError(f"{needs} the agent, which `%livy config rich off` leaves out.")
        with self.queue.in_turn():
            return agent_calls.value_of(self.agent_call(on_progress=on_progress)(operation, *arguments))

    def interrupt_python(self, statement_id: int, statement_code: str) -> None:
        """Interrupts the Python code of a cell that runs: the cancel of a Livy server ends Spark jobs alone. By way of another REPL of
        the same Spark application, or on Apache Livy beside the cell. Does nothing where there is neither."""
        call = read_call(statement_code)
        if call is None or call[1] != "cell":
            return
        if self.beside.may_ask:
            with contextlib.suppress(FabricLivyError):  # see below
                self.beside.interrupt(statement_id, call[0], package_of_call(statement_code))
        if self.pool is None:
            return
        with contextlib.suppress(FabricLivyError):  # the cancel itself says whether the statement has ended
            other = self.pool.idle_in_application(
                lambda: not self.remote.client.get_statement(self.id, statement_id).state.is_final,
                self.settings.start_timeout_s,
            )
            if other is not None:
                other.agent_call(Deadline(INTERRUPT_WITHIN_S))("interrupt", call[0])

    # ------------------------------------------------------------------------------------------- while somebody types
    def ask(self, operation: str, *arguments: Any, keep: Callable[[Any], None] | None = None) -> Any:
        """The agent's answer about names. None where the session is busy and cannot be asked beside its cell, has no agent, or answers
        late. `keep` gets the answer also when it comes late."""
        if self.settings.rich == "off":
            return None
        is_beside = self._introspection.is_busy and self.beside.may_ask

        def request(within_s: float) -> Any:
            if is_beside:
                answer = self.beside.value(operation, *arguments, within_s=within_s)
            else:
                answer = agent_calls.value_of(self.agent_call(Deadline(within_s))(operation, *arguments))
            if keep is not None and answer is not None:
                keep(answer)
            return answer

        return self._introspection.ask(request, LATE_S if keep else ANSWER_WITHIN_S, beside_cells=is_beside)

    def candidates(self, before: str, kind: str) -> list[str] | None:
        """What Livy's own completion says of the code before the cursor; None as with `ask`, and on Fabric, which has none."""
        client = self.remote.client
        if client.dialect is Dialect.FABRIC:
            return None
        if (kept := self._kept_candidates.of(before, kind)) is not None:
            return kept

        def request(within_s: float) -> list[str]:
            found = client.with_short_timeouts().candidates(self.id, kind, before, len(before))
            self._kept_candidates.keep(before, kind, found)
            return found

        return self._introspection.ask(request, LATE_S)
