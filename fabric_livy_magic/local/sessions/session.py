"""One Livy session: a Spark application, and the REPLs in it."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.forks import Forks
from fabric_livy_magic.local.faults.sessions import SessionFaultInjector
from fabric_livy_magic.local.interpreters.assembly import make_engines, start_python
from fabric_livy_magic.local.interpreters.engines import ReplSpark
from fabric_livy_magic.local.interpreters.python_process import PythonProcess, WorkerDied
from fabric_livy_magic.local.interpreters.sql import SqlInterpreter
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.sessions.child_runs import ChildRuns
from fabric_livy_magic.local.sessions.child_sessions import ChildSessions
from fabric_livy_magic.local.sessions.notebook_context import NotebookContext
from fabric_livy_magic.local.sessions.progress import Progress
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.session_log import SessionLog
from fabric_livy_magic.local.sessions.statements import now_ms
from fabric_livy_magic.local.spark.application import Application
from fabric_livy_magic.local.spark.end_reason import EndReason
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.rest import SparkRest
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import SessionFolders, SparkSettings, spark_settings
from fabric_livy_magic.local.spark.submit import spark_environment

MakeApplication = Callable[
    [SparkSettings, SessionFolders, ProcessGroups, Callable[[str], None], Lakehouse, Workspaces], Application
]
ENDED = frozenset({"dead", "killed", "error", "success"})
MOMENTS = {"shutting_down": "shuttingDown", "not_started": "notStarted"}


class Session:
    """`start` returns at once. `state` is `acquiring` until Livy has the session.

    `request` is as the client sent it; `located` has the addresses of its files on this machine. `address` is the lakehouse of the
    request's URL, by which clients find the session, where it works in another one: its notebook's. With `notebook_context`, its
    Python has `notebookutils`.
    """

    def __init__(
        self,
        session_id: str,
        name: str,
        request: SessionRequest,
        located: SessionRequest,
        lakehouse: Lakehouse,
        workspaces: Workspaces,
        private: Path,
        groups: ProcessGroups,
        submitter: str,
        *,
        quirks: bool = False,
        fault_injector: SessionFaultInjector | None = None,
        notebook_context: NotebookContext | None = None,
        address: Lakehouse | None = None,
        make_application: MakeApplication = Application,
        forks: Forks | None = None,
    ) -> None:
        self.id, self.name, self.request = session_id, name, request
        self.lakehouse, self.works_in = address or lakehouse, lakehouse
        self.submitter = submitter
        self.folders = SessionFolders(lakehouse.folder, private, is_notebook=notebook_context is not None)
        self.folders.make(notebook_context.resources if notebook_context else None)
        self.times: dict[str, datetime] = {}
        self.end_reason = EndReason()
        self.end_reported = False  # to a client of Livy's dialect
        self.log = SessionLog(self.folders.log, self.folders.stdout)
        self._groups, self._quirks, self._forks = groups, quirks, forks
        settings = spark_settings(located, name, self.folders, sys.executable)
        self.application = make_application(settings, self.folders, groups, self.log.write, lakehouse, workspaces)
        self._environment = spark_environment(self.folders, sys.executable)
        self._notebook_context = notebook_context
        self._child_runs: ChildRuns | None = None
        self.child_sessions: ChildSessions | None = None
        self._repls: dict[str, Repl] = {}
        self._pythons: dict[str, PythonProcess] = {}
        self.rest = SparkRest(self.application.jvm)
        self._progress = Progress(self.application.jvm, self.repls)
        self._lock = threading.RLock()
        self._launching = threading.Lock()  # a stop ends all processes of the session, or keeps them from starting
        self._fault_injector = fault_injector
        self._state = "acquiring"
        self.acquisition = "acquiringSession"
        self._stopping = self._stopped = False
        self._stop_lock = threading.Lock()
        self.settled = threading.Event()  # idle for the first time, or ended
        self._created_ms = self._touched_ms = self._heartbeat_ms = now_ms()
        self._ended_ms = 0
        self._mark("notStarted")

    # ---- state

    @property
    def state(self) -> str:
        with self._lock:
            if self._state != "idle":
                return self._state
            repls = self.repls()
            if any(repl.busy for repl in repls):
                return "busy"
            return "error" if repls and all(repl.python_died for repl in repls) else "idle"

    @property
    def is_guest(self) -> bool:
        """Whether it shares its Spark application."""
        return self.application.is_guest

    @property
    def active(self) -> bool:
        return not self.ended and not self._stopping

    @property
    def ended(self) -> bool:
        """For good: `error` may also be the state of one whose Python died, but which goes on."""
        return self._state in ENDED

    @property
    def was_idle(self) -> bool:
        return "idle" in self.times

    @property
    def statements_finished(self) -> int:
        return sum(statement.finished for repl in self.repls() for statement in repl.statements())

    def set_acquisition(self, state: str) -> None:
        """How far Fabric is in finding a cluster; Livy has no state for it yet."""
        self.acquisition = state

    @property
    def idle_s(self) -> float:
        last_ms = max([self._touched_ms, *(repl.last_active_ms for repl in self.repls())])
        return (now_ms() - last_ms) / 1000

    @property
    def age_s(self) -> float:
        return (now_ms() - self._created_ms) / 1000

    @property
    def since_heartbeat_s(self) -> float:
        return (now_ms() - self._heartbeat_ms) / 1000

    @property
    def ended_s(self) -> float:
        """How long ago it ended."""
        return (now_ms() - self._ended_ms) / 1000

    def touch(self) -> None:
        """Restarts the idle time."""
        self._touched_ms = now_ms()

    def heartbeat(self) -> None:
        """Notes a heartbeat of its client."""
        self._heartbeat_ms = now_ms()

    @property
    def tags(self) -> dict[str, str]:
        """With Fabric's tags for a session that got less than it requested."""
        fallback = self.application.fallback
        fallback_tags = {"FallbackReasons": "DeltaLakeMissing", "FallbackMessages": fallback} if fallback else {}
        return {**fallback_tags, **self.request.tags}

    def enter(self, state: str) -> bool:
        with self._lock:
            if self._state in ENDED or (self._stopping and state not in ENDED and state != "shutting_down"):
                return False
            self._state = state
            if state in ENDED:
                self._ended_ms = now_ms()
        if state in ("idle", *ENDED):
            self.settled.set()
        self._mark(MOMENTS.get(state, state))
        return True

    def _mark(self, moment: str) -> None:
        self.times.setdefault(moment, datetime.now(UTC))

    # ---- REPLs

    def repls(self) -> list[Repl]:
        with self._lock:
            return list(self._repls.values())

    def repl(self, repl_id: str = "") -> Repl | None:
        """The session's own REPL has an empty id; a high-concurrency session has none."""
        return self._repls.get(repl_id)

    def add_repl(self, repl_id: str = "") -> Repl:
        """Before `start`, or as the first step of `open_repl`. It takes statements at once."""
        prefix = self.application.group_prefix
        repl = Repl(self.application, repl_id, evicts_unfinished=self._quirks, group_prefix=prefix)
        with self._lock:
            self._repls[repl_id] = repl
        return repl

    def open_repl(self, repl_id: str, notebook: Mapping[str, Any] | None = None) -> Repl:
        """One more on a session that runs; returns when it is ready. Raises JvmGone, WorkerDied or Py4JError.

        `notebook` is for its Python's context, where another notebook runs it.
        """
        repl = self.add_repl(repl_id)
        try:
            self._launch_python(repl, notebook)
            self._attach(repl)
        except BaseException:
            self.close_repl(repl_id)
            raise
        return repl

    def close_repl(self, repl_id: str) -> None:
        """Ends its statements. Returns when its process has ended."""
        with self._lock:
            repl = self._repls.pop(repl_id, None)
            python = self._pythons.pop(repl_id, None)
        if repl is not None:
            repl.close("The REPL was deleted.")
            _end_python(python, "The REPL was deleted.", self._groups)
            repl.join(5)
        if python is not None:
            python.close()

    def _launch_python(self, repl: Repl, notebook: Mapping[str, Any] | None = None) -> None:
        with self._launching:
            if not self.active:
                raise JvmGone("the session ended meanwhile")
            environment, jvm = self._python_environment(repl, notebook), self.application.jvm
            watch = self._groups.watch
            python = start_python(
                jvm, self.folders, repl.id, environment, watch, quirks=self._quirks, forks=self._forks
            )
            with self._lock:
                self._pythons[repl.id] = python

    def _python_environment(self, repl: Repl, notebook: Mapping[str, Any] | None) -> Mapping[str, str]:
        """Called with `_launching` held."""
        context = self._notebook_context
        if context is None:
            return self._environment
        if self._child_runs is None:
            of_children = (context.notebooks, self.log.write, self.child_sessions)
            self._child_runs = ChildRuns(self.open_repl, self.close_repl, *of_children)
        folder = self.folders.repl(repl.id)
        return context.environment(folder, self._environment, self._child_runs.connection_info, notebook)

    def _attach(self, repl: Repl) -> None:
        jvm = self.application.jvm
        with self._lock:
            python = self._pythons.get(repl.id)
        if python is None:
            return  # closed meanwhile
        spark = self.application.new_spark_session() if repl.id else jvm.spark
        python.attach(jvm.port, jvm.secret, spark._target_id)
        repl.start(
            make_engines(
                jvm,
                ReplSpark(spark, self.application.current_spark_session),
                python,
                self.folders,
                quirks=self._quirks,
            ),
            python,
        )

    # ---- start

    def start(self) -> None:
        """From here on it has a state: Microsoft's samples read `state` in the first view of a new session."""
        if self._fault_injector is None:
            self.enter("not_started")
        threading.Thread(target=self._start, name="session-start", daemon=True).start()

    def launch_only(self) -> None:
        """Starts its JVM, and nothing that uses it."""
        self.application.launch(self._environment)

    def _start(self) -> None:
        try:
            self._bring_up()
        except (JvmGone, WorkerDied) as gone:
            self.die(str(gone))
        except Py4JJavaError as failure:
            self.die(self.application.root_cause(failure), source="User")  # Spark started, but refused its settings
        except Exception as failure:  # noqa: BLE001 - whatever keeps a session from starting is shown as its end
            self.die(f"{type(failure).__name__}: {failure}")

    def _bring_up(self) -> None:
        if self._fault_injector:
            self._fault_injector.before_start(self)
        if not self.enter("starting"):
            return
        self.application.prepare()
        with self._launching:
            if not self.active:
                return  # stopped meanwhile
            self.application.launch(self._environment)
        for repl in self.repls():
            self._launch_python(repl)
        threading.Thread(target=self._watch_jvm, name="jvm-watch", daemon=True).start()
        self.application.connect()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        for repl in self.repls():
            self._attach(repl)
        self._progress.start()
        self.log.write(f"Spark application {self.application.id} is ready")
        self.touch()
        self.enter("idle")
        if self._fault_injector:
            self._fault_injector.when_idle(self)

    def _warm_up(self) -> None:
        """The first query of a JVM loads classes for seconds; this one does so while Python still attaches."""
        jvm = self.application.jvm
        try:
            SqlInterpreter(jvm).run("select id, count(*) from range(1) group by id", jvm.spark)
        except Exception as problem:  # noqa: BLE001 - nothing depends on it, and the end of a JVM is handled elsewhere
            if not jvm.gone.is_set():
                self.log.write(f"warm-up: {type(problem).__name__}: {problem}")

    def _watch_jvm(self) -> None:
        jvm = self.application.jvm
        jvm.gone.wait()
        if not self._stopping:
            self.die(f"the JVM ended (exit code {jvm.exit_code})")

    # ---- end

    def die(self, reason: str, code: str = "SESSION_FAILED", state: str = "dead", source: str = "System") -> None:
        """The message is the reason and the significant lines of its log, unless they say the same."""
        log_lines = self.log.significant_lines()
        message = reason if not log_lines or reason in log_lines else f"{reason}. {log_lines}"
        self.end_as(EndReason(message=message, code=code, source=source), state)

    def end_as(self, end_reason: EndReason, state: str = "dead") -> None:
        """It stays listed, with its log. `cancelled` is Fabric's state of sessions that never had a cluster."""
        with self._lock:
            if not self.active:
                return
            self.end_reason = end_reason
            if self._state == "acquiring":
                self.acquisition = "cancelled" if state == "cancelled" else "error"
                state = "dead"
            self.enter(state)
        reason = end_reason.message or end_reason.cancellation_reason
        self.log.write(f"session ended: {reason}")
        self._end(f"The session is {state}: {reason}")

    def stop(self) -> None:
        """Ends everything that the session started, and returns then. May be called again. Its log stays."""
        self._stopping = True
        self.enter("shutting_down")
        with self._stop_lock:
            if self._stopped:
                return
            self._end("The session was stopped.")
            for repl in self.repls():
                repl.join(5)
            for python in list(self._pythons.values()):
                python.close()
            self._stopped = True
        self.enter("dead")

    def remove_files(self) -> None:
        shutil.rmtree(self.folders.private, ignore_errors=True)  # the server's end removes what is left

    def _end(self, reason: str) -> None:
        running = [repl.group(one) for repl in self.repls() if (one := repl.running)]
        for repl in self.repls():
            repl.close(reason)
        self.application.end_jobs(running)
        self._progress.stop()
        with self._launching:
            if self._child_runs is not None:  # processes that are being started have to exist before they can be ended
                self._child_runs.close()
        if self.child_sessions is not None:
            self.child_sessions.close()
        for python in list(self._pythons.values()):
            _end_python(python, reason, self._groups)
        self.application.close()


def _end_python(python: PythonProcess | None, reason: str, groups: ProcessGroups) -> None:
    if python is not None:
        python.kill(reason)
        groups.forget(python.pid)
