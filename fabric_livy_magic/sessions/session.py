"""A named session: the public Python API for running code in it."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from fabric_livy_magic.agent.client import Agent, read_call
from fabric_livy_magic.cells.cell import KINDS
from fabric_livy_magic.cells.scala_lines import join_scala_lines
from fabric_livy_magic.cells.sql_parameters import bound
from fabric_livy_magic.cells.sql_text import parameter_names, split_statements
from fabric_livy_magic.errors import (
    FabricLivyError,
    FrameError,
    NoAgent,
    SessionError,
    SessionLostError,
    SettingsError,
    StatementError,
)
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.endings import statement_error
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.livy.models import Output, SessionInfo
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.cell_queue import Turns
from fabric_livy_magic.running.fan_out import FanOut
from fabric_livy_magic.running.introspection import ANSWER_WITHIN_S, LATE_S, Questions
from fabric_livy_magic.running.repls import Repls
from fabric_livy_magic.running.results import Part, Result, Table, parts_of_output
from fabric_livy_magic.settings import SessionSpec, Settings, Target, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

# What the Scala shell says of a value: `res0: org.apache.spark.sql.DataFrame = [id: bigint]`.
_SCALA_FRAME = re.compile(r"(?:val |var )?(\w+): org\.apache\.spark\.sql\.(?:DataFrame|Dataset\[.*?\]) = ")
SIDE_S = 10.0  # for telling another REPL; it may have to get the agent first
NOT_RICH = ("spark", "sparkr")
LIVYS_SQL = "Livy's own SQL: at most 1,000 rows, no fractions of seconds"


class Owner(Protocol):
    """Who keeps the sessions of a notebook: the runner."""

    @property
    def settings(self) -> Settings: ...
    def stop(self, name: str | None = None) -> bool: ...
    def close(self) -> list[str]: ...


class Session:
    """A named session of this notebook. `with` stops it at the end, also after an error."""

    def __init__(
        self,
        owner: Owner,
        name: str,
        target: Target,
        remote: StandardSession,
        *,
        ours: bool,
        spec: SessionSpec | None = None,
    ) -> None:
        self._owner = owner
        self.name = name
        self.target = target
        self.remote = remote
        self.ours = ours
        """Started here, so stopped at the end; an attached session is left alone."""
        self.lost: SessionLostError | None = None
        self.cells_run = 0
        self.spec = spec
        """What it was asked for with; None for one that was found."""
        self.used_at = time.monotonic()
        """When a cell last began or ended on it."""
        self.turns = Turns()
        """The order of its cells."""
        self._agent = Agent()
        self._questions = Questions(remote)
        self.repls: Repls[Session] | None = None
        """The further ones of a high-concurrency session."""
        if isinstance(remote, HighConcurrencySession):
            self.repls = Repls(remote, self._beside)

    def __repr__(self) -> str:
        return f"Session({self.name!r}, id={self.id!r}, target={self.target.text!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._owner.close():
            warnings.warn(line, stacklevel=2)

    def _beside(self, remote: HighConcurrencySession, number: int) -> Session:
        return Session(self._owner, f"{self.name}+{number}", self.target, remote, ours=True)

    @property
    def id(self) -> str:
        return self.remote.id

    def run(
        self,
        code: str,
        kind: str = "pyspark",
        *,
        limit: int | None = None,
        enough: int | None = None,
        timeout_s: float | None = None,
        values: Mapping[str, Any] | None = None,
        plain: bool = False,
        on_progress: Listener | None = None,
    ) -> Result:
        """Runs one cell and waits for it: its statements one after the other, where it is SQL.

        `limit` is the most rows wanted of a SQL result; without it `enough` are fetched where the server can be told so.
        `values` is what SQL parameters (`:name`) are taken from. PySpark and
        SQL run through the agent where the session can have it; `plain` does without. Raises StatementError if it failed
        remotely, SessionLostError if the session is gone, WaitTimeout when the whole cell took `timeout_s` (its statement is
        cancelled then; the time until its turn comes does not count).
        """
        if kind not in KINDS:
            raise SettingsError(
                f"There is no kind {kind!r}.{did_you_mean(kind, list(KINDS))} Kinds: {', '.join(KINDS)}."
            )
        with self.turns.mine():
            began = time.monotonic()
            self.cells_run += 1
            if not self.remote.ready:
                self.wait_ready(on_progress=on_progress)
            run = _Run(self, kind, Deadline(timeout_s), on_progress, limit, enough, values)
            is_plain = plain or kind in NOT_RICH or self._owner.settings.rich == "off"
            result = run.plainly(code) if is_plain else run.richly(code)
            return dataclasses.replace(result, elapsed_s=time.monotonic() - began)

    def submit(self, code: str, kind: str = "pyspark", **options: Any) -> Background:
        """Runs it as `run` does, with the same options, while the program goes on: gives a handle at once."""
        turn = self.turns.take()

        def work(hear: Listener) -> Result:
            with turn:
                return self.run(code, kind, on_progress=hear, **options)

        return Background(work, self.name, kind)

    def map(
        self,
        codes: Iterable[str],
        kind: str = "pyspark",
        *,
        repls: int = 4,
        return_exceptions: bool = False,
        **options: Any,
    ) -> list[Any]:
        """The results of many codes, in their order, run side by side on up to `repls` REPLs of a high-concurrency session.

        Each REPL has variables of its own, so each code must stand for itself; tables are shared. REPLs are acquired one
        after the other, kept for the next `map`, and end with this session. Fabric fits five into one Spark application.
        The first error is raised once what runs has ended; with `return_exceptions` errors stand among the results.
        An interrupt cancels what runs.
        """
        spread = FanOut(list(codes), lambda one: self._on_repl(one, kind, options), keeps_errors=return_exceptions)
        return spread.run(repls)

    def _on_repl(self, number: int, kind: str, options: Mapping[str, Any]) -> Callable[[str], Result]:
        repls = self.repls
        if repls is None:
            raise SettingsError(
                "`map` needs a high-concurrency session: `connect(…, high_concurrency=True)`, or `%livy start --high-concurrency`."
            )
        if not self.remote.ready:
            self.wait_ready()  # the first begins the Spark application that the others join
        session = repls.get(number, self._owner.settings.start_timeout_s) if number else self

        def run(code: str) -> Result:
            try:
                return session.run(code, kind, **options)
            except SessionError:  # it has ended, or cannot be trusted
                repls.give_back(session)
                raise

        return run

    def interrupt_python(self, statement_id: int, statement_code: str) -> None:
        """Ends the Python code of a cell that runs, by way of another REPL of the same Spark application: the cancel of a Livy
        server ends Spark jobs alone. Without effect where there can be no other REPL."""
        call = read_call(statement_code)
        if call is None or call[1] != "cell" or self.repls is None:
            return
        with contextlib.suppress(FabricLivyError):  # the cancel itself says whether the statement has ended
            other = self.repls.spare(
                lambda: not self.remote.client.get_statement(self.id, statement_id).state.is_final,
                self._owner.settings.start_timeout_s,
            )
            if other is not None:
                other._call(SIDE_S)("interrupt", call[0])

    def sql(
        self, query: str, *, limit: int | None = None, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> pd.DataFrame:
        """The (last) result of Spark SQL as a pandas DataFrame; `parameters` and further keywords bind its `:name`s."""
        return self.run(query, "sql", limit=limit, values={**(parameters or {}), **more}).frame

    def frame(
        self, expression: str, *, limit: int | None = None, library: str = "pandas", on_progress: Listener | None = None
    ) -> Any:
        """The frame that a PySpark expression gives (Spark, pandas, Arrow, polars), as a frame of `library`: pandas, arrow
        or polars. Raises StatementError, also where it is no frame, and FrameError where the session has no PyArrow."""
        return self.table(expression, limit=limit, on_progress=on_progress).to(library)

    def table(self, expression: str | None, *, limit: int | None = None, on_progress: Listener | None = None) -> Table:
        """As `frame`, with what is known of it: its types, and whether there are more rows. None: of the value that the last
        PySpark cell ended with."""
        try:
            with self.turns.mine():
                header = agent_calls.open_frame(self._call(on_progress=on_progress), expression, limit)
                return agent_calls.fetched(self._call(), header, on_progress)
        except NoAgent as missing:
            raise FrameError(_no_frame(missing)) from missing

    def scala_table(
        self, result: Result, *, limit: int | None = None, on_progress: Listener | None = None
    ) -> Table | None:
        """The DataFrame that a Scala cell ended with, by way of a temporary view that is gone again; None for any other value."""
        found = _SCALA_FRAME.match(result.text.rstrip().rsplit("\n", 1)[-1])
        if found is None:
            return None
        view = f"fabric_livy_{uuid.uuid4().hex}"
        self.run(f'{found[1]}.createOrReplaceTempView("{view}")', "spark", on_progress=on_progress)
        try:
            return self.run(f"SELECT * FROM {view}", "sql", limit=limit, on_progress=on_progress).value_table  # noqa: S608 - a name of ours
        finally:
            self.run(f'spark.catalog.dropTempView("{view}")', "spark")

    def put(self, frame: Any, name: str, *, on_progress: Listener | None = None) -> tuple[int, list[tuple[str, str]]]:
        """Makes a pandas, Arrow or polars frame the temporary view `name`, and a DataFrame variable of that name.

        Gives the number of rows, and each column's name and Spark type. NaN of a float column stays NaN; None, NA and NaT
        become null. Raises FrameError for a column that Spark has no type for.
        """
        if not name.isidentifier():
            raise SettingsError(f"A view needs a plain name; {name!r} is none.")
        try:
            with self.turns.mine():
                return agent_calls.send(self._call(), frame, name, on_progress)
        except NoAgent as missing:
            raise FrameError(_no_frame(missing)) from missing

    def ask(self, operation: str, *arguments: Any, keep: Callable[[Any], None] | None = None) -> Any:
        """The agent's answer to a question about names. None where the session is busy or lost, has no agent, or is late:
        whoever asks is typing. `keep` gets the answer also when it comes late."""
        if self.lost or self._owner.settings.rich == "off":
            return None

        def question(within_s: float) -> Any:
            answer = agent_calls.value_of(self._call(within_s)(operation, *arguments))
            if keep is not None:
                keep(answer)
            return answer

        return self._questions.ask(question, LATE_S if keep else ANSWER_WITHIN_S)

    def candidates(self, before: str, kind: str) -> list[str] | None:
        """What Livy's own completion says of the code before the cursor; None as with `ask`, and on Fabric, which has none."""
        if self.lost or self.remote.client.dialect is Dialect.FABRIC:
            return None
        return self._questions.ask(
            lambda within_s: self.remote.client.brief().candidates(self.id, kind, before, len(before))
        )

    def _call(self, timeout_s: float | None = None, on_progress: Listener | None = None) -> agent_calls.Call:
        def execute(code: str) -> Output:
            statement = self.remote.run(
                code,
                "pyspark",
                timeout_s=timeout_s,
                on_progress=on_progress,
                on_cancel=lambda number: self.interrupt_python(number, code),
            )
            return statement.output or Output(status="ok")

        if not self.remote.ready:
            self.wait_ready(on_progress=on_progress)
        return lambda operation, *arguments: self._agent.call(execute, operation, *arguments)

    def agent_call(self) -> agent_calls.Call:
        """Runs the agent's operations, for what an earlier statement left there to be fetched."""
        return self._call()

    def wait_ready(self, *, on_progress: Listener | None = None) -> SessionInfo:
        return self.remote.wait_ready(timeout_s=self._owner.settings.start_timeout_s, on_progress=on_progress)

    def info(self) -> SessionInfo:
        return self.remote.info()

    def logs(self) -> list[str]:
        return self.remote.logs()

    def stop(self) -> bool:
        """True if it was still there."""
        return self._owner.stop(self.name)


class Deadline:
    """The time that a cell has: what is left of it for its next statement."""

    def __init__(self, timeout_s: float | None) -> None:
        self._until = None if timeout_s is None else time.monotonic() + timeout_s

    @property
    def left_s(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())


@dataclass
class _Run:
    """One cell on its way."""

    session: Session
    kind: str
    deadline: Deadline
    on_progress: Listener | None
    limit: int | None
    enough: int | None
    values: Mapping[str, Any] | None

    def plainly(self, code: str, why: str = "") -> Result:
        """One statement, as Livy itself runs it."""
        code = join_scala_lines(code) if self.kind == "spark" else code
        statement = self.session.remote.run(
            code, self.kind, timeout_s=self.deadline.left_s, on_progress=self.on_progress
        )
        output = statement.output or Output(status="ok")
        if output.status == "error":
            raise statement_error(output, self.kind)
        return self._result(parts_of_output(output, self.limit, why), output)

    def richly(self, code: str) -> Result:
        if self.kind == "sql":
            return self._result(self._sql(code))
        try:
            rows_shown = self.session._owner.settings.rows_shown
            return self._result(
                agent_calls.run_cell(
                    self.session._call(self.deadline.left_s, self.on_progress),
                    code,
                    rows_shown,
                    interruptible=self.session.repls is not None,
                )
            )
        except NoAgent:
            return self.plainly(code)

    def _sql(self, code: str) -> tuple[Part, ...]:
        """A statement's parameters are looked up when its turn comes, but all of them are there before the first runs."""
        statements = split_statements(code)
        parameters = [bound(parameter_names(one), self.values or {}) for one in statements]
        parts: list[Part] = []
        for statement, its_parameters in zip(statements, parameters, strict=True):
            try:
                parts += self._sql_statement(statement, its_parameters)
            except StatementError as error:
                error.parts = (*parts, *error.parts)
                raise
        return tuple(parts)

    def _sql_statement(self, statement: str, parameters: Mapping[str, Any]) -> tuple[Part, ...]:
        try:
            call = self.session._call(self.deadline.left_s, self.on_progress)
            header = agent_calls.open_sql(
                call, statement, parameters, self.enough if self.limit is None else self.limit
            )
            return (agent_calls.fetched(self.session._call(self.deadline.left_s), header, self.on_progress),)
        except NoAgent as missing:
            if parameters:
                raise SettingsError(
                    f"Parameters ({', '.join(parameters)}) need the agent, which this session cannot have: {missing}."
                ) from missing
            return self.plainly(statement, f"{LIVYS_SQL} ({missing})").parts

    def _result(self, parts: tuple[Part, ...], output: Output | None = None) -> Result:
        return Result(kind=self.kind, session=self.session.name, elapsed_s=0.0, parts=parts, output=output)


def _no_frame(missing: NoAgent) -> str:
    return f"Frames need PySpark with PyArrow in the session: {missing}. `%%livy_sql` works without, up to 1,000 rows."
