"""One JVM with one Spark application, and its py4j gateway."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.lakehouse.mounts import command_with_mount
from fabric_livy_magic.local.spark.gateway import Gateway, attach
from fabric_livy_magic.local.spark.settings import SessionFolders, SparkSettings
from fabric_livy_magic.local.spark.submit import submit_command

POLL_INTERVAL_S = 0.02
GRACE_S = 2.0


class JvmGone(Exception):  # noqa: N818 - says what happened
    """The JVM ended, or did not start."""


class Jvm:
    """`start` makes the process, `connect` waits for its gateway, `make_session` for Spark. `spark` is the SparkSession."""

    def __init__(self, folders: SessionFolders) -> None:
        self._folders = folders
        self._connection_file = folders.private / "gateway"
        self._process: subprocess.Popen[bytes] | None = None
        self._gateway: Gateway | None = None
        self.port = 0
        self.secret = ""
        self.spark: Any = None
        self.class_loader: Any = None
        """That of Spark's submitter: the threads of the JVM inherit it, and executors look for classes in it."""
        self.scala_numbers = itertools.count()  # of its Scala interpreters
        self.gone = threading.Event()
        self._guests: set[threading.Event] = set()  # told when it is gone

    def start(self, settings: SparkSettings, environment: dict[str, str], watch_group: Callable[[int], None]) -> None:
        with self._folders.stdout.open("ab") as out, self._folders.log.open("ab") as log:
            self._process = subprocess.Popen(
                command_with_mount(
                    self._folders.lakehouse,
                    self._folders.private / "jvm-root",
                    submit_command(self._folders, settings, "pyspark-shell"),
                    self._folders.resources,
                ),
                stdin=subprocess.PIPE,  # Spark's PythonGatewayServer ends when it is closed
                stdout=out,
                stderr=log,
                # That of Python, whose UDFs start here, and for which it adds files. Without our classes Spark's own paths, too.
                cwd=self._folders.work if settings.has_lakehouse_classes else self._folders.lakehouse,
                env={**environment, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._connection_file)},
                start_new_session=True,  # not interrupted by a Ctrl-C in the terminal
            )
        watch_group(self._process.pid)
        threading.Thread(target=self._wait, name=f"jvm-{self._process.pid}", daemon=True).start()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait()
        self.gone.set()
        for gone in list(self._guests):
            gone.set()

    def add_guest(self, gone: threading.Event) -> None:
        self._guests.add(gone)
        if self.gone.is_set():
            gone.set()

    def remove_guest(self, gone: threading.Event) -> None:
        self._guests.discard(gone)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode if self._process else None

    @property
    def view(self) -> Any:
        """py4j's `jvm`. Each thread that uses it has its own thread in the JVM."""
        if self._gateway is None:
            raise JvmGone("the JVM is not connected")
        return self._gateway.jvm

    def connect(self) -> None:
        while not self._connection_file.exists():
            if self.gone.wait(POLL_INTERVAL_S):
                raise JvmGone(f"the JVM ended while starting (exit code {self.exit_code})")
        data = self._connection_file.read_bytes()
        while len(data) < 8 or len(data) < 8 + struct.unpack(">i", data[4:8])[0]:
            time.sleep(
                POLL_INTERVAL_S
            )  # Spark renames the finished file into place; this is for file systems that copy
            data = self._connection_file.read_bytes()
        self.port, length = struct.unpack(">ii", data[:8])
        self.secret = data[8 : 8 + length].decode("utf-8")
        self._connection_file.unlink()
        self._gateway = attach(self.port, self.secret)
        self.class_loader = self.view.java.lang.Thread.currentThread().getContextClassLoader()
        self.add_to_class_path(self._folders.classes)

    def add_to_class_path(self, path: Path) -> None:
        """A jar or a folder that exists, for all that Spark runs."""
        self.class_loader.addURL(self.view.java.io.File(str(path)).toURI().toURL())

    def make_session(self) -> None:
        self.spark = self.view.org.apache.spark.sql.SparkSession.builder().getOrCreate()

    def class_of(self, made: Any) -> Any:
        """To make another of it. A SparkSession's is in a package of its own from Spark 4 on."""
        found = self.view
        for word in made.getClass().getName().split("."):
            found = getattr(found, word)
        return found

    def default_session(self) -> Any | None:
        """The SparkSession that was made last, by us or by user code."""
        found = self.view.org.apache.spark.sql.SparkSession.getDefaultSession()
        return found.get() if found.isDefined() else None

    def cancel_jobs(self, group: str) -> None:
        self.spark.sparkContext().cancelJobGroup(group)

    def close(self, grace_s: float = GRACE_S) -> None:
        """Ends the JVM and what it started. Spark gets `grace_s` to clean up, then the process group is killed."""
        process = self._process
        if process is None:
            self.gone.set()
            return
        assert process.stdin is not None
        process.stdin.close()
        if self.spark is not None:
            self.gone.wait(grace_s)
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # the whole group is gone; macOS says PermissionError of a zombie
            os.killpg(process.pid, signal.SIGKILL)
        self.gone.wait()
