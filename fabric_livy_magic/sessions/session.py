"""A named session: the public Python API for running code in it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from fabric_livy_magic.cells.batch_options import BatchRequest
from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import SessionLostError, SettingsError
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.livy.run_logs import SESSION_LOG
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.spark_report import SparkReport
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.fan_out import FanOut, on_repl
from fabric_livy_magic.running.new_tables import NewTable
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Result, Table
from fabric_livy_magic.running.row_streams import open_rows
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.running.session_frames import fetch_frame, send_frame
from fabric_livy_magic.sessions.batches import Batch, Batches
from fabric_livy_magic.sessions.run_links import run_link
from fabric_livy_magic.sessions.runs import RunReader, Runs, Write, reader_of_session
from fabric_livy_magic.sessions.table_uploads import upload_table
from fabric_livy_magic.settings import SessionSpec, Settings, Target

if TYPE_CHECKING:
    import pandas as pd

    from fabric_livy_magic.frames.row_stream import RowStream


class Keeper(Protocol):
    """Who keeps the session: the sessions of a notebook."""

    @property
    def settings(self) -> Settings: ...
    def batches(self, target: Target) -> Batches: ...
    def runs(self, target: Target) -> Runs: ...
    def stop(self, name: str | None = None) -> bool: ...
    def close(self) -> list[str]: ...
    def files_of(self, session: Session) -> OneLake: ...


class Session:
    """A named session of this notebook. `with` stops it at the end, also after an error."""

    def __init__(
        self,
        keeper: Keeper,
        name: str,
        target: Target,
        remote: StandardSession,
        *,
        started_here: bool,
        spec: SessionSpec | None = None,
    ) -> None:
        self._keeper = keeper
        self.name = name
        self.target = target
        self.started_here = started_here
        """Then it is stopped at the end; an attached session is left alone."""
        self.lost: SessionLostError | None = None
        self.given_up = False
        """Then it was told to stop while it started."""
        self.spec = spec
        """What it was requested with; None for one that was attached."""
        self.used_at = time.monotonic()
        """When a cell last began or ended on it."""
        self.repl = Repl(name, remote, lambda: keeper.settings, lambda: keeper.files_of(self))

    def __repr__(self) -> str:
        return f"Session({self.name!r}, id={self.id!r}, target={self.target.text!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._keeper.close():
            warnings.warn(line, stacklevel=2)

    @property
    def remote(self) -> StandardSession:
        return self.repl.remote

    @property
    def id(self) -> str:
        return self.remote.id

    @property
    def run_link(self) -> str:
        """Its page in the Monitoring hub; empty where there is none."""
        return run_link(self.remote.client.http.base_url, self.id)

    # ------------------------------------------------------------------------------------------- code
    def run(
        self,
        code: str,
        kind: str = "pyspark",
        *,
        limit: int | None = None,
        timeout_s: float | None = None,
        values: Mapping[str, Any] | None = None,
        plain: bool = False,
        via: str | None = None,
        on_progress: Listener | None = None,
    ) -> Result:
        """Runs one cell and waits for it: its statements one after the other, where it is SQL.

        `limit` is the most rows wanted of a SQL result. `values` is what SQL parameters (`:name`) are taken from. PySpark and
        SQL run through the agent where the session can have it; `plain` does without. `via`: see `frame`. Raises StatementError if it failed
        remotely, SessionLostError if the session is gone, WaitTimeout when the whole cell took `timeout_s` (its statement is
        cancelled then; the wait for cells before it does not count).
        """
        return _run_code(
            self.repl,
            code,
            kind,
            limit=limit,
            timeout_s=timeout_s,
            values=values,
            plain=plain,
            via=via,
            on_progress=on_progress,
        )

    def submit(self, code: str, kind: str = "pyspark", **options: Any) -> Background:
        """Runs it as `run` does, with the same options, while the program goes on: gives a handle at once."""
        place = self.repl.queue.take_place()

        def work(on_progress: Listener) -> Result:
            with place:
                return self.run(code, kind, on_progress=on_progress, **options)

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
        An interrupt cancels what runs. Further options are those of `run`.
        """

        def run_one(repl: Repl, code: str) -> Result:
            return _run_code(repl, code, kind, **options)

        fan_out = FanOut(
            list(codes), lambda number: on_repl(self.repl, number, run_one), keeps_errors=return_exceptions
        )
        return fan_out.run(repls)

    # ------------------------------------------------------------------------------------------- frames
    def sql(
        self, query: str, *, limit: int | None = None, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> pd.DataFrame:
        """The (last) result of Spark SQL as a pandas DataFrame; `parameters` and further keywords bind its `:name`s."""
        return self.run(query, "sql", limit=limit, values={**(parameters or {}), **more}).frame

    def stream(
        self,
        query: str,
        *,
        limit: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        on_progress: Listener | None = None,
    ) -> RowStream:
        """The rows of the (last) statement of Spark SQL as Arrow batches, of a result of any size: neither this program nor the
        session holds all of it. `with session.stream("SELECT …") as rows: for batch in rows: …`

        Raises StatementError, NoAgent where the session has no PyArrow, and WaitTimeout when the last row had not come after
        `timeout_s`. An interrupt cancels the statement.
        """
        return open_rows(
            self.repl, query, limit=limit, values=parameters or {}, timeout_s=timeout_s, on_progress=on_progress
        )

    def frame(
        self,
        expression: str,
        *,
        limit: int | None = None,
        library: str = "pandas",
        via: str | None = None,
        on_progress: Listener | None = None,
    ) -> Any:
        """The frame that a PySpark expression gives (Spark, pandas, Arrow, polars), as a frame of `library`: pandas, arrow
        or polars. `via`: inline, onelake (by files in the lakehouse), or auto; by default the setting `frames_via`. Raises
        StatementError, also where it is no frame, and FrameError where the session has no PyArrow."""
        return self.table(expression, limit=limit, via=via, on_progress=on_progress).to(library)

    def table(
        self,
        expression: str,
        *,
        limit: int | None = None,
        via: str | None = None,
        on_progress: Listener | None = None,
    ) -> Table:
        """As `frame`, with what is known of it: its types, and whether there are more rows."""
        return fetch_frame(self.repl, expression, limit=limit, via=via, on_progress=on_progress)

    def put(
        self, frame: Any, name: str, *, via: str | None = None, on_progress: Listener | None = None
    ) -> tuple[int, list[tuple[str, str]]]:
        """Makes a pandas, Arrow or polars frame the temporary view `name`, and a DataFrame variable of that name.

        Gives the number of rows, and each column's name and Spark type. NaN of a float column stays NaN; None, NA and NaT
        become null. `via`: as with `frame`. Raises FrameError for a column that Spark has no type for.
        """
        if not name.isidentifier():
            raise SettingsError(f"A view needs a plain name; {name!r} is none.")
        return send_frame(self.repl, frame, name, via=via, on_progress=on_progress)

    @property
    def files(self) -> OneLake:
        """The files of its lakehouse: `list`, `read`, `upload`, `download`, `move`, `delete`. Raises SettingsError for a Livy
        server without OneLake."""
        return self._keeper.files_of(self)

    # ------------------------------------------------------------------------------------------- batches
    @property
    def batches(self) -> Batches:
        """Those of its target: `list()`, and `get(id)` for one that was submitted elsewhere."""
        return self._keeper.batches(self.target)

    def batch(
        self,
        file: str,
        *args: str,
        conf: Mapping[str, str] | None = None,
        jars: Iterable[str] = (),
        py_files: Iterable[str] = (),
        class_name: str = "",
        environment: str = "",
        name: str = "",
        on_progress: Listener | None = None,
    ) -> Batch:
        """Submits a .py or .jar file, or a notebook, with its arguments as a Spark application of its own, beside this session; gives
        a handle at once.

        `file`, `jars` and `py_files` are files of this machine, which are uploaded, paths such as `Files/job.py` of the target's
        lakehouse, or addresses. It is submitted once, and goes on when this program has ended. Raises SettingsError, HttpError.
        """
        request = BatchRequest(
            file=file,
            args=tuple(map(str, args)),
            conf=tuple((conf or {}).items()),
            jars=tuple(jars),
            py_files=tuple(py_files),
            class_name=class_name,
            environment=environment,
            name=name,
        )
        return self.batches.submit(request, on_progress=on_progress)

    def upload_table(
        self,
        source: Any,
        table: str,
        *,
        overwrite: bool = False,
        append: bool = False,
        on_progress: Listener | None = None,
    ) -> NewTable:
        """Makes a table of a .parquet, .csv or .json file of this machine, or of a pandas, Arrow or polars frame, by way of a
        file in the lakehouse that is gone at the end. A table that is there is an error, unless `overwrite` or `append`.

        The first line of a CSV file names its columns, and Spark infers their types. Raises StatementError, and FrameError for
        a column that no table holds.
        """
        return upload_table(
            self.repl, self.files, source, table, overwrite=overwrite, append=append, on_progress=on_progress
        )

    # ------------------------------------------------------------------------------------------- while somebody types
    def ask(self, operation: str, *arguments: Any, keep: Callable[[Any], None] | None = None) -> Any:
        """See `Repl.ask`. None for a session that was lost."""
        return None if self.lost else self.repl.ask(operation, *arguments, keep=keep)

    def candidates(self, before: str, kind: str) -> list[str] | None:
        """See `Repl.candidates`. None for a session that was lost."""
        return None if self.lost else self.repl.candidates(before, kind)

    # ------------------------------------------------------------------------------------------- its life
    def wait_ready(self, *, on_progress: Listener | None = None) -> SessionInfo:
        return self.repl.wait_ready(on_progress)

    def info(self) -> SessionInfo:
        return self.remote.info()

    def logs(self, source: str = SESSION_LOG, *, executor: str = "", lines: int | None = None) -> list[str]:
        """See `Run.logs`."""
        return self._reader().logs(source, executor, lines)

    def follow(
        self, write: Write = print, source: str = SESSION_LOG, *, executor: str = "", lines: int | None = None
    ) -> None:
        """See `Run.follow`."""
        self._reader().follow(write, source, executor, lines)

    def spark(self) -> SparkReport:
        """See `Run.spark`."""
        return self._reader().spark()

    @property
    def runs(self) -> Runs:
        """Those of its target: `list()`, and `get(id)` for one."""
        return self._keeper.runs(self.target)

    def _reader(self) -> RunReader:
        return reader_of_session(self.remote)

    def stop(self) -> bool:
        """True if it was still there."""
        return self._keeper.stop(self.name)


def _run_code(
    repl: Repl,
    code: str,
    kind: str,
    *,
    limit: int | None = None,
    timeout_s: float | None = None,
    values: Mapping[str, Any] | None = None,
    plain: bool = False,
    via: str | None = None,
    on_progress: Listener | None = None,
) -> Result:
    cell = Cell(kind=kind, code=code, limit=limit, timeout_s=timeout_s, plain=plain, via=via)
    return run_cell(repl, cell, values=values, on_progress=on_progress)
