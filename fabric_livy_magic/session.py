"""A named session: the public Python API for running code in it."""

from __future__ import annotations

import time
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from fabric_livy_magic.cells import KINDS
from fabric_livy_magic.errors import SessionLostError, SettingsError, StatementError
from fabric_livy_magic.livy.models import Output, SessionInfo
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.results import Result
from fabric_livy_magic.scala_lines import join_scala_lines
from fabric_livy_magic.settings import Settings, Target, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


class Owner(Protocol):
    """Who keeps the sessions of a notebook: the runner."""

    @property
    def settings(self) -> Settings: ...
    def stop(self, name: str | None = None) -> bool: ...
    def close(self) -> list[str]: ...


class Session:
    """A named session of this notebook. `with` stops it at the end, also after an error."""

    def __init__(self, owner: Owner, name: str, target: Target, remote: StandardSession, *, ours: bool) -> None:
        self._owner = owner
        self.name = name
        self.target = target
        self.remote = remote
        self.ours = ours
        """Started here, so stopped at the end; an attached session is left alone."""
        self.lost: SessionLostError | None = None

    def __repr__(self) -> str:
        return f"Session({self.name!r}, id={self.id!r}, target={self.target.text!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._owner.close():
            warnings.warn(line, stacklevel=2)

    @property
    def id(self) -> str:
        return self.remote.id

    def run(
        self,
        code: str,
        kind: str = "pyspark",
        *,
        limit: int | None = None,
        timeout_s: float | None = None,
        on_progress: Listener | None = None,
    ) -> Result:
        """Runs one statement and waits for it. Raises StatementError if it failed remotely, SessionLostError if the
        session is gone, WaitTimeout after `timeout_s` (the statement is cancelled then)."""
        if kind not in KINDS:
            raise SettingsError(
                f"There is no kind {kind!r}.{did_you_mean(kind, list(KINDS))} Kinds: {', '.join(KINDS)}."
            )
        began = time.monotonic()
        if not self.remote.ready:
            self.wait_ready(on_progress=on_progress)
        code = join_scala_lines(code) if kind == "spark" else code
        statement = self.remote.run(code, kind, timeout_s=timeout_s, on_progress=on_progress)
        output = statement.output or Output(status="ok")
        if output.status == "error":
            raise StatementError(output.ename or "Error", output.evalue, output.traceback, output.text)
        return Result(
            kind=kind,
            output=output,
            session=self.name,
            statement_id=statement.id,
            elapsed_s=time.monotonic() - began,
            limit=limit,
        )

    def sql(self, query: str, *, limit: int | None = None) -> pd.DataFrame:
        """The result of one Spark SQL statement, at most the 1,000 rows that Livy gives."""
        return self.run(query, "sql", limit=limit).frame

    def wait_ready(self, *, on_progress: Listener | None = None) -> SessionInfo:
        return self.remote.wait_ready(timeout_s=self._owner.settings.start_timeout_s, on_progress=on_progress)

    def info(self) -> SessionInfo:
        return self.remote.info()

    def logs(self) -> list[str]:
        return self.remote.logs()

    def stop(self) -> bool:
        """True if it was still there."""
        return self._owner.stop(self.name)
