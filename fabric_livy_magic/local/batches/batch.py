"""One batch: a Spark application that spark-submit starts, and that ends with its program."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.lakehouse.mounts import command_with_mount
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.sessions.session_log import BatchLog, significant_lines
from fabric_livy_magic.local.spark import batch_driver
from fabric_livy_magic.local.spark.end_reason import EndReason
from fabric_livy_magic.local.spark.lakehouse_classes import folders_by_prefix
from fabric_livy_magic.local.spark.preparation import prepare_settings
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.session_request import BatchRequest
from fabric_livy_magic.local.spark.settings import SessionFolders, fixed_settings, spark_settings
from fabric_livy_magic.local.spark.submit import spark_environment, submit_command

ENDED = frozenset({"success", "dead", "killed"})
GRACE_S = 1.0
POLL_INTERVAL_S = 1.0
DEAD = "LIVY_JOB_STATE_DEAD"  # what Synapse and Fabric call each application that failed by itself


class Batch:
    """`start` returns at once. `request` is as the client sent it; `located` has the addresses of its files on this machine."""

    def __init__(
        self,
        batch_id: str,
        request: BatchRequest,
        located: BatchRequest,
        lakehouse: Lakehouse,
        workspaces: Workspaces,
        private: Path,
        groups: ProcessGroups,
        submitter: str,
    ) -> None:
        """Raises BadSetting."""
        self.id = batch_id
        self.request = request
        self.name = request.name
        self.lakehouse = lakehouse
        self._workspaces = workspaces
        self.submitter = submitter
        self.times: dict[str, datetime] = {}
        self.end_reason = EndReason()
        self.log = BatchLog(private)
        self.ended = threading.Event()
        self._located = located
        self._private = private
        self._groups = groups
        self._folders = SessionFolders(lakehouse.folder, private / "work")
        name = request.name or Path(located.file).name
        self._settings = spark_settings(located, name, self._folders, sys.executable)
        self._app_id: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._launching = threading.Lock()  # a stop ends the process, or keeps it from starting
        self.stopping = False  # on its way to `killed`
        self.state = ""
        self._enter("not_started")

    @property
    def is_python(self) -> bool:
        return Path(self._located.file).suffix == ".py"

    @property
    def alive(self) -> bool:
        return self.state not in ENDED

    @property
    def app_id(self) -> str | None:
        """None until the program has made its SparkContext."""
        return self._app_id or self._read_app_id()

    @property
    def _app_id_file(self) -> Path:
        return self._folders.private / "app-id"

    @property
    def _events(self) -> Path:
        return self._folders.private / "events"

    def _read_app_id(self) -> str | None:
        """Python's driver writes it into a file. Of a jar it is only the name of the event log."""
        try:
            if self.is_python:
                return self._app_id_file.read_text(encoding="utf-8") or None
            return next((one.name.partition(".")[0] for one in self._events.iterdir()), None)
        except FileNotFoundError:
            return None

    def _enter(self, state: str) -> None:
        self.mark({"not_started": "notStarted"}.get(state, state))
        self.state = state
        if state in ENDED:
            self.ended.set()

    def mark(self, moment: str) -> None:
        self.times.setdefault(moment, datetime.now(UTC))

    # ---- start

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"batch-{self.id}", daemon=True).start()

    def _run(self) -> None:
        self._prepare()
        with self._launching:
            if not self.alive:
                return  # stopped already
            self._enter("starting")
            try:
                self._process = self._launch()
            except (LocalFabricError, OSError, ValueError) as problem:  # ValueError: an argument no process can have
                self.end_reason = EndReason(
                    message=f"the application could not be started: {problem}", code="SYSTEM_ERROR"
                )
                self._finish("dead")
                return
            self._groups.watch(self._process.pid)
            self._enter("running")
        threading.Thread(target=self._limit_log, name=f"batch-log-{self.id}", daemon=True).start()
        self._finish(self._state_after(self._process.wait()))

    def _prepare(self) -> None:
        self._folders.private.mkdir(parents=True, exist_ok=True)
        self._settings, _ = prepare_settings(
            self._settings, self._folders, self._groups, self.lakehouse, self._workspaces, self._note
        )

    def _note(self, line: str) -> None:
        with contextlib.suppress(FileNotFoundError), self.log.stderr_file.open("a", encoding="utf-8") as stderr:
            stderr.write(f"{line}\n")  # no folder: the batch was deleted meanwhile

    def _launch(self) -> subprocess.Popen[bytes]:
        self._folders.make()
        with self.log.stdout_file.open("ab") as stdout, self.log.stderr_file.open("ab") as stderr:
            return subprocess.Popen(
                command_with_mount(self._folders.lakehouse, self._folders.private / "root", self._command()),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=self._folders.lakehouse,
                env=spark_environment(self._folders, sys.executable),
                start_new_session=True,  # a group of its own, to be ended as one
            )

    def _command(self) -> list[str]:
        if self.is_python:
            return submit_command(self._folders, self._settings, batch_driver_uri(), str(self._job_file()))
        self._events.mkdir()
        self._settings.conf.update(
            {
                "spark.eventLog.enabled": "true",
                "spark.eventLog.dir": self._events.as_uri(),
                "spark.eventLog.rolling.enabled": "false",
            }
            | {key: value for key, value in self._settings.conf.items() if key.startswith("spark.eventLog.")}
        )
        entry = ["--class", self._located.class_name] if self._located.class_name else []
        return submit_command(
            self._folders, self._settings, *entry, Path(self._located.file).as_uri(), *self._located.args
        )

    def _job_file(self) -> Path:
        job = batch_driver.Job(
            script=self._located.file,
            args=list(self._located.args),
            lakehouses={
                prefix: str(folder) for prefix, folder in folders_by_prefix(self._workspaces, self.lakehouse).items()
            },
            default_schema=self.lakehouse.default_schema,
            fixed=fixed_settings(self._folders, sys.executable),
            app_id_file=str(self._app_id_file),
        )
        file = self._folders.private / "job.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(job)), encoding="ascii")
        return file

    def _limit_log(self) -> None:
        while not self.ended.wait(POLL_INTERVAL_S):
            with contextlib.suppress(FileNotFoundError):  # the batch has just been deleted
                self.log.shorten()

    # ---- end

    def _state_after(self, code: int) -> str:
        if code == 0:
            return "success"
        if self.stopping:
            return "killed"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.end_reason = EndReason(
            message=f"the application ended with {how}. {self._reason_lines()}".rstrip(), code=DEAD, source="User"
        )
        return "dead"

    def _reason_lines(self) -> str:
        streams = [self.log.stdout_lines(), self.log.stderr_lines()]
        reasons = [significant_lines(lines) for lines in (streams if self.is_python else reversed(streams))]
        return reasons[0] or reasons[1]

    def _finish(self, state: str) -> None:
        if self._process is not None:
            self._kill(signal.SIGKILL)  # what the program started and left behind
            self._groups.forget(self._process.pid)
        self.stopping = False
        self._app_id = self._read_app_id()
        shutil.rmtree(self._folders.private, ignore_errors=True)
        self._enter(state)

    def stop(self) -> None:
        """Ends the application and all that it started, and returns then. Does nothing once it has ended."""
        with self._launching:
            if not self.alive:
                return
            self.stopping = True
            self.mark("cancellationRequested")
            if self._process is None:
                self._finish("killed")
                return
        self._kill(signal.SIGTERM)  # Spark tidies up
        if not self.ended.wait(GRACE_S):
            self._kill(signal.SIGKILL)
            self.ended.wait()

    def _kill(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone; macOS says PermissionError of a zombie
            os.killpg(self._process.pid, number)

    def remove_files(self) -> None:
        """Its log, too."""
        shutil.rmtree(self._private, ignore_errors=True)


def batch_driver_uri() -> str:
    return Path(batch_driver.__file__).as_uri()
