"""Runs of a target: what the Monitoring hub lists, sessions and batches, also ended ones; and one of them, as the public Python API has
it. `session.spark()` and `session.logs(…)` are the same of a session that runs here."""

from __future__ import annotations

import builtins
import contextlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fabric_livy_magic.errors import FabricLivyError, Interrupted, NotFoundError, SessionLostError, SettingsError
from fabric_livy_magic.fabric.paging import pages
from fabric_livy_magic.livy.application import Application
from fabric_livy_magic.livy.batches import NOTEBOOK, TERMINAL, Commands
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.models import BatchInfo, SessionInfo
from fabric_livy_magic.livy.monitoring import ASKED_WITHIN_S, Monitored, monitoring_root
from fabric_livy_magic.livy.run_logs import SESSION_LOG, LogOfRun, log_of_run
from fabric_livy_magic.livy.runs import BATCH, RunInfo
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.spark_report import SparkReport
from fabric_livy_magic.livy.waiting import Pauses, interruptible_sleep
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.run_links import run_link
from fabric_livy_magic.settings import Target

FOLLOW_PAUSES = Pauses(first_s=2.0, share=0.05, most_s=10.0)
NEAR_FOLLOW_S = 0.5
Write = Callable[[str], object]


@dataclass
class RunReader:
    """Asks what a run does and reads its logs: see `Run`. `window` reads the end of its log that Livy keeps, `has_ended` its state;
    `goes_on` is what an interrupt of the following says."""

    application: Application
    window: Callable[[], list[str]]
    has_ended: Callable[[], bool]
    goes_on: str
    is_near: bool = False
    sleep: Callable[[float], object] = interruptible_sleep

    def spark(self) -> SparkReport:
        return self.application.report()

    def logs(self, source: str = SESSION_LOG, executor: str = "", lines: int | None = None) -> list[str]:
        if source == SESSION_LOG and not executor:
            found = self.window()
            return found[-lines:] if lines else found
        streams = {name: found for name, found in self._log(source, executor).new_lines(is_last=True).items() if found}
        shown = []
        for name, found in streams.items():
            shown += [*([f"{name}:"] if len(streams) > 1 else []), *(found[-lines:] if lines else found)]
        return shown

    def follow(self, write: Write, source: str = SESSION_LOG, executor: str = "", lines: int | None = None) -> None:
        log, waited_s, most = self._log(source, executor), 0.0, lines
        try:
            while True:
                is_last = self.has_ended()
                for found in log.new_lines(is_last=is_last).values():
                    for line in found[-most:] if most else found:
                        write(line)
                if is_last:
                    return
                most = None  # of what was there before
                pause_s = NEAR_FOLLOW_S if self.is_near else FOLLOW_PAUSES.after(waited_s)
                self.sleep(pause_s)
                waited_s += pause_s
        except KeyboardInterrupt:
            raise Interrupted(self.goes_on) from None

    def _log(self, source: str, executor: str) -> LogOfRun:
        return log_of_run(self.application, source, executor, self.window)


def reader_of_session(remote: StandardSession) -> RunReader:
    """Of one that runs here; of a REPL that of the Spark application that it is in."""
    link = run_link(remote.client.http.base_url, remote.monitored().livy_id or remote.id)
    ui_url = _ui_url(remote.last_info)
    application = Application(remote.client, remote.monitored, ui_url=ui_url, link=link)
    return RunReader(
        application,
        remote.logs,
        lambda: _has_ended(remote),
        f"Its log is no longer followed. The session goes on (id {remote.id}).",
        is_near=remote.client.http.is_loopback,
    )


def _has_ended(remote: StandardSession) -> bool:
    try:
        return remote.info().state.has_ended
    except SessionLostError:
        return True


class Run:
    """One session or batch of Livy, which may have ended."""

    def __init__(self, client: LivyClient, info: RunInfo, commands: Commands = NOTEBOOK) -> None:
        self._client = client
        self._commands = commands
        self.info = info

    def __repr__(self) -> str:
        return f"Run({self.info.name or self.id!r}, id={self.id!r}, state={self.info.state!r})"

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def run_link(self) -> str:
        """Its page in the Monitoring hub; empty where there is none."""
        return run_link(self._client.http.base_url, self.id)

    def spark(self) -> SparkReport:
        """What its Spark application has done: executors, jobs, stages, failed tasks. Raises MonitoringError."""
        return self._reader().spark()

    def logs(self, source: str = SESSION_LOG, *, executor: str = "", lines: int | None = None) -> builtins.list[str]:
        """`source`: session (the end of what Livy keeps), driver, or livy; `executor`: the log of that one instead. At most `lines`
        from the end of each stream. Raises MonitoringError, HttpError."""
        return self._reader().logs(source, executor, lines)

    def follow(
        self, write: Write = print, source: str = SESSION_LOG, *, executor: str = "", lines: int | None = None
    ) -> None:
        """Each line as it comes, until it has ended; an interrupt ends the following alone. `lines`: of what was there before."""
        self._reader().follow(write, source, executor, lines)

    def _reader(self) -> RunReader:
        found = self._of_livy()
        ui_url = _ui_url(found) if found else ""
        app_id = self.info.app_id or (found.app_id if found else "") or ""
        application = Application(self._client, lambda: Monitored(self.id, app_id), ui_url=ui_url, link=self.run_link)
        return RunReader(
            application,
            self._window,
            self._has_ended,
            f"Its log is no longer followed. The run goes on (id {self.id}).",
            is_near=self._client.http.is_loopback,
        )

    def _of_livy(self) -> SessionInfo | BatchInfo | None:
        """None where Livy has it no more."""
        try:
            return self._client.get_batch(self.id) if self.info.kind == BATCH else self._client.get_session(self.id)
        except NotFoundError:
            return None

    def _has_ended(self) -> bool:
        found = self._of_livy()
        return found is None or found.state.has_ended

    def _window(self) -> builtins.list[str]:
        try:
            if self.info.kind == BATCH:
                return self._client.batch_log(self.id)
            return self._client.session_log(self.id)
        except NotFoundError:
            hint = self._commands.line(f"logs {self.id} --driver")
            raise NotFoundError(
                f"Livy keeps no log of {self.id} any more. On Fabric {hint} may still show that of its driver.",
                status=404,
            ) from None


@dataclass
class Runs:
    """Those of one target. `commands`: those of its messages."""

    account: Account
    target: Target
    commands: Commands = NOTEBOOK

    @property
    def client(self) -> LivyClient:
        return self.account.client(self.target)

    def list(self) -> builtins.list[RunInfo]:
        """The latest first; of an Apache Livy server those that it still has. Raises MonitoringError, SignInError."""
        return runs_of(self.client)

    def get(self, run_id: str) -> Run:
        """Raises NotFoundError, MonitoringError."""
        client = self.client
        try:
            return Run(client, run_of(client, run_id), self.commands)
        except NotFoundError:
            raise NotFoundError(
                f"There is no run {run_id} on {client.http.base_url}: it is that of another lakehouse, or no longer kept. "
                f"{self.commands.line('runs')} lists those that there are.",
                status=404,
            ) from None

    def get_running(self, run_id: str | None) -> Run:
        """The one of that id, the session that runs there under that name or, without either, the only one that runs. Raises
        SettingsError where there are several."""
        if run_id:
            try:
                return self.get(run_id)
            except NotFoundError:
                named = [one for one in self.client.list_sessions() if one.name == run_id and not one.state.has_ended]
                if len(named) != 1:
                    raise
                return self.get(named[0].id)
        running = [one for one in self.client.list_sessions() if not one.state.has_ended]
        if len(running) == 1:
            return self.get(running[0].id)
        if not running:
            raise SettingsError(f"No session runs on {self.target.text}. {self.commands.line('runs')} lists what ran.")
        ids = ", ".join(f"{one.id} ({one.name})" if one.name else one.id for one in running[:10])
        raise SettingsError(f"{len(running)} sessions run on {self.target.text}; name one by its id: {ids}.")


def runs_of(client: LivyClient) -> list[RunInfo]:
    """See `Runs.list`."""
    if client.dialect is not Dialect.FABRIC:
        return sorted(_of_livy(client), key=_latest, reverse=True)
    of_livy: list[RunInfo] = []
    with _application(client).explained("the runs of the lakehouse"):
        http = client.http.at(monitoring_root(client.http.base_url)).briefly(ASKED_WITHIN_S)
        found = [RunInfo.from_json(one) for one in pages(http, "/livySessions", {}, "value")]
    with contextlib.suppress(FabricLivyError):  # names and reasons: nice to have
        of_livy = _of_livy(client.with_short_timeouts())
    return sorted((_with_names(one, of_livy) for one in found if one.id), key=_latest, reverse=True)


def run_of(client: LivyClient, run_id: str) -> RunInfo:
    """By Livy, which answers without the monitoring; what it has no more, by that. Raises NotFoundError, MonitoringError."""
    of_livy = _run_of_livy(client, run_id)
    if client.dialect is not Dialect.FABRIC:
        if of_livy is None:
            raise NotFoundError(run_id, status=404)
        return of_livy
    application = _application(client, run_id)
    try:
        found = RunInfo.from_json(_mapping(application.monitoring.run()))
    except FabricLivyError as error:
        if of_livy is not None:
            return of_livy
        if isinstance(error, NotFoundError):
            raise
        with application.explained(f"run {run_id}"):
            raise
    return _with_names(found, [of_livy] if of_livy else []) if found.id else of_livy or found


def _run_of_livy(client: LivyClient, run_id: str) -> RunInfo | None:
    for get in (client.get_session, client.get_batch):
        with contextlib.suppress(NotFoundError):
            return RunInfo.from_livy(get(run_id))
    return None


def _application(client: LivyClient, run_id: str = "") -> Application:
    link = run_link(client.http.base_url, run_id) if run_id else ""
    return Application(client, lambda: Monitored(run_id, ""), link=link)


def runs_of_terminal(account: Account, target: str | None) -> Runs:
    """See `batches_of_terminal`."""
    return Runs(account, account.target, Commands(TERMINAL.start, f" --target {shlex.quote(target)}" if target else ""))


def _of_livy(client: LivyClient) -> list[RunInfo]:
    return [*map(RunInfo.from_livy, client.list_sessions()), *map(RunInfo.from_livy, client.list_batches())]


def _with_names(run: RunInfo, of_livy: Sequence[RunInfo]) -> RunInfo:
    """The monitoring names a submitter by an id, Livy by a name, and says more often why one ended."""
    names = {one.submitter_id: one.submitter for one in of_livy if one.submitter_id and one.submitter}
    own = next((one for one in of_livy if one.id == run.id), RunInfo(run.id, run.state))
    return replace(
        run,
        submitter=run.submitter or own.submitter or names.get(run.submitter_id, "") or run.submitter_id,
        reason=run.reason or own.reason,
        name=run.name or own.name,
    )


def _latest(run: RunInfo) -> tuple[float, int]:
    """Fabric says when; Apache Livy counts."""
    return run.submitted_s or 0.0, int(run.id) if run.id.isdecimal() else 0


def _ui_url(info: SessionInfo | BatchInfo) -> str:
    return str(_mapping(info.raw.get("appInfo")).get("sparkUiUrl") or "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
