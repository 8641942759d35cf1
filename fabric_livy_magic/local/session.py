"""One Livy session: a JVM with one Spark application, and a REPL in it."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.catalog import Catalog
from fabric_livy_magic.local.engines import Engine, make_engines
from fabric_livy_magic.local.jvm import Jvm, JvmGone, session_environment
from fabric_livy_magic.local.progress import Progress
from fabric_livy_magic.local.python_process import PythonProcess
from fabric_livy_magic.local.repl import Repl
from fabric_livy_magic.local.sessionlog import SessionLog
from fabric_livy_magic.local.spark_settings import SessionFolders, spark_settings
from fabric_livy_magic.local.sql import SqlInterpreter

ENDED = frozenset({"dead", "killed"})


class Groups:
    """Tells the reaper which process groups must not outlive the server."""

    def __init__(self, watch: Callable[[int], None], forget: Callable[[int], None]) -> None:
        self.watch = watch
        self.forget = forget


class Session:
    """`start` returns at once. `state` is `acquiring` until there is anything to see."""

    def __init__(
        self,
        session_id: str,
        request: dict[str, Any],
        lakehouse: Path,
        private: Path,
        groups: Groups,
        default_schema: str | None = None,
    ) -> None:
        self.id = session_id
        self.request = request
        self.name: str = request.get("name") or f"livy-session-{session_id}"
        self.folders = SessionFolders(lakehouse, private)
        self.folders.make()
        self.times: dict[str, datetime] = {}
        self.app_id: str | None = None
        self.error_message = ""
        self.error_code = "SESSION_FAILED"
        self.log = SessionLog(self.folders.log)
        self._groups = groups
        self._default_schema = default_schema
        settings = spark_settings(request, self.name, self.folders, sys.executable)
        self.jvm = Jvm(self.folders, settings)
        self.repl = Repl(self)
        self._python: PythonProcess | None = None
        self._engines: dict[str, Engine] = {}
        self._catalog: Catalog | None = None
        self._progress = Progress(self.jvm, self.repl)
        self._lock = threading.RLock()
        self._launching = threading.Lock()  # a stop finds all of a session's processes, or keeps them from starting
        self._state = "acquiring"
        self._stopping = False
        self._mark("notStarted")

    # ---- state

    @property
    def state(self) -> str:
        with self._lock:
            if self._state != "idle":
                return self._state
            if self.repl.busy:
                return "busy"
            return "error" if self.repl.python_died else "idle"

    @property
    def active(self) -> bool:
        return self._state not in ENDED and not self._stopping

    def _enter(self, state: str) -> bool:
        with self._lock:
            if self._state in ENDED or (self._stopping and state not in ENDED and state != "shutting_down"):
                return False
            self._state = state
        self._mark({"shutting_down": "shuttingDown"}.get(state, state))
        return True

    def _mark(self, moment: str) -> None:
        self.times.setdefault(moment, datetime.now(UTC))

    # ---- start

    def start(self) -> None:
        threading.Thread(target=self._start, name="session-start", daemon=True).start()

    def _start(self) -> None:
        try:
            self._bring_up()
        except JvmGone as gone:
            self._die(str(gone))
        except Py4JJavaError as failure:
            self._die(self._java_reason(failure))
        except Exception as failure:  # noqa: BLE001 - whatever keeps a session from starting has to be shown as its end
            self._die(f"{type(failure).__name__}: {failure}")

    def _bring_up(self) -> None:
        environment = session_environment(self.folders, sys.executable)
        with self._launching:
            if not self._enter("starting"):
                return
            self.jvm.start(environment, self._groups.watch)
            self._python = PythonProcess(
                self.folders.private, self.folders.lakehouse, environment, self.folders.log, self._groups.watch
            )
            self._engines = make_engines(self.jvm, self._python, self.folders)
        threading.Thread(target=self._watch_jvm, name="jvm-watch", daemon=True).start()
        self.jvm.connect()
        self.jvm.make_session()
        self.app_id = str(self.jvm.spark.sparkContext().applicationId())
        self._catalog = Catalog(self.jvm, self.folders.lakehouse, self.folders.private / "nowhere", self.note)
        self._catalog.refresh()
        if self._default_schema:
            self._use_default_schema(self._default_schema, self._catalog)
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        self._python.attach(self.jvm.port, self.jvm.secret)
        self._progress.start()
        self.repl.touch()  # the time it took to start is no idle time
        if self._enter("idle"):
            self.repl.start()

    def _use_default_schema(self, schema: str, catalog: Catalog) -> None:
        """A lakehouse with schemas has one from the beginning, in a folder of its name, and names without schema mean it."""
        self.jvm.spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}` LOCATION '{schema}'")
        self.jvm.spark.catalog().setCurrentDatabase(schema)
        catalog.save()

    def _warm_up(self) -> None:
        """The first query of a JVM loads classes for seconds; it does so while Python still attaches."""
        try:
            SqlInterpreter(self.jvm).run("select id, count(*) from range(1) group by id")
        except Exception as problem:  # noqa: BLE001 - nothing depends on it, and a JVM that ends says so elsewhere
            if not self.jvm.gone.is_set():
                self.note(f"warm-up: {type(problem).__name__}: {problem}")

    def _java_reason(self, failure: Py4JJavaError) -> str:
        """The innermost cause: what wraps it says little more than that the start failed."""
        text: str = self.jvm.view.org.apache.spark.util.Utils.exceptionString(failure.java_exception)
        self.note(text)
        causes = [line.removeprefix("Caused by: ") for line in text.splitlines() if not line.startswith(("\t", " "))]
        return causes[-1] if causes else "Spark did not start"

    def _watch_jvm(self) -> None:
        self.jvm.gone.wait()
        if not self._stopping:
            self._die(f"the JVM ended (exit code {self.jvm.exit_code})")

    # ---- end

    def _die(self, reason: str) -> None:
        with self._lock:
            if self._stopping or self._state in ENDED:
                return
            telling = self.log.telling_lines()
            self.error_message = f"{reason}. {telling}" if telling else reason
            self._enter("dead")
        self.note(f"session ended: {reason}")
        self._end(f"The session is dead: {self.error_message}")

    def expire(self, reason: str) -> None:
        """The idle timeout: the session stays listed as dead, as on Fabric."""
        self.error_code = "LIVY_JOB_TIMED_OUT"
        self._die(f"Session timed out: {reason}")

    def stop(self) -> None:
        """Ends everything the session started and returns when it is gone. May be called again."""
        self._stopping = True
        self._enter("shutting_down")
        self._end("The session was stopped.")
        self.repl.join(5)
        if self._python is not None:
            self._python.close()
        self._enter("dead")
        shutil.rmtree(self.folders.private, ignore_errors=True)  # the server's end removes what is left

    def _end(self, reason: str) -> None:
        self.repl.close(reason)
        self._progress.stop()
        with self._launching:
            pass  # what is being started has to be there before it can be ended
        if self._python is not None:
            self._python.kill(reason)
            self._groups.forget(self._python.pid)
        self.jvm.close()
        if self.jvm.pid:
            self._groups.forget(self.jvm.pid)

    # ---- what the REPL asks

    def engine(self, kind: str) -> Engine:
        return self._engines[kind]

    def before_statement(self) -> None:
        self._keep_catalog(lambda catalog: catalog.refresh())

    def before_finish(self) -> None:
        """A statement that says it is done must not lose its table, even if this server is killed the next moment."""
        self._keep_catalog(lambda catalog: catalog.save())

    def _keep_catalog(self, work: Callable[[Catalog], None]) -> None:
        try:
            if self._catalog is not None and not self.jvm.gone.is_set():
                work(self._catalog)
        except Exception as problem:  # noqa: BLE001 - a table that cannot be kept must not take the session with it
            self.note(f"catalog: {type(problem).__name__}: {problem}")

    def cancel_jobs(self, group: str) -> None:
        self.jvm.cancel_jobs(group)

    def note(self, line: str) -> None:
        self.log.write(line)
