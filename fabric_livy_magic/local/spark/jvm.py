"""One JVM with one Spark application: started directly, without spark-submit's shell and second JVM."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.spark.gateway import Gateway, attach
from fabric_livy_magic.local.spark.java import find_java, java_options
from fabric_livy_magic.local.spark.settings import MIB, SessionFolders, SparkSettings, properties_text
from fabric_livy_magic.local.spark.trust import trust_options

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
LOOK_EVERY_S = 0.02
GENTLE_END_S = 2.0

# What must not leak from the server's environment into Spark: other Sparks' settings, and the server's own token.
NOT_INHERITED = (
    "FABRIC_LIVY_",
    "PYSPARK_",
    "SPARK_",
    "_PYSPARK_",
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
    "JDK_JAVA_OPTIONS",
)


class JvmGone(Exception):  # noqa: N818 - says what happened
    """The JVM ended, or never came up."""


def spark_home() -> Path:
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise JvmGone('pyspark is not installed: pip install "fabric-livy-magic[local]"')
    return Path(found.origin).parent


def session_environment(folders: SessionFolders, python: str) -> dict[str, str]:
    """The environment of a session's JVM and Python processes."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
    package_root = str(Path(__file__).parents[3])
    python_path = [part for part in kept.get("PYTHONPATH", "").split(os.pathsep) if part]
    return kept | {
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join([*python_path, package_root]),
        "PYTHONHASHSEED": "0",  # PySpark insists: executors must hash strings as the driver does
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(folders.private),
        "SPARK_LOCAL_DIRS": str(folders.spark_local),  # the setting spark.local.dir would be warned about
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


class Jvm:
    """`start` makes the process, `connect` waits for its gateway, `make_session` for Spark. `spark` is the SparkSession."""

    def __init__(self, folders: SessionFolders) -> None:
        self._folders = folders
        self._info = folders.private / "gateway"
        self._process: subprocess.Popen[bytes] | None = None
        self._gateway: Gateway | None = None
        self.port = 0
        self.secret = ""
        self.spark: Any = None
        self.naming = threading.Lock()  # while a system property of this JVM names the classes of a Scala interpreter
        self.gone = threading.Event()

    def start(self, settings: SparkSettings, environment: dict[str, str], watch_group: Callable[[int], None]) -> None:
        properties = self._folders.private / "spark.properties"
        properties.touch(mode=0o600)
        properties.write_text(properties_text(settings.conf), encoding="ascii")
        with self._folders.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(settings, properties),
                stdin=subprocess.PIPE,  # Spark's PythonGatewayServer ends with it
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folders.lakehouse,
                env={**environment, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._info)},
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
            )
        watch_group(self._process.pid)
        threading.Thread(target=self._wait, name=f"jvm-{self._process.pid}", daemon=True).start()

    def _command(self, settings: SparkSettings, properties: Path) -> list[str]:
        java = find_java(version("pyspark"))
        class_path = [settings.extra_class_path, f"{spark_home()}/jars/*", *map(str, settings.jars)]
        return [
            str(java),
            *java_options(java),
            f"-Xmx{settings.heap_bytes // MIB}m",
            f"-Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()}",
            f"-Djava.io.tmpdir={self._folders.private}",
            *trust_options(java, settings.java_options),
            *settings.java_options,
            "-cp",
            os.pathsep.join(filter(None, class_path)),
            "org.apache.spark.deploy.SparkSubmit",
            "--properties-file",
            str(properties),
            "pyspark-shell",
        ]

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait()
        self.gone.set()

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
        while not self._info.exists():
            if self.gone.wait(LOOK_EVERY_S):
                raise JvmGone(f"the JVM ended while starting (exit code {self.exit_code})")
        data = self._info.read_bytes()
        while len(data) < 8 or len(data) < 8 + struct.unpack(">i", data[4:8])[0]:
            time.sleep(LOOK_EVERY_S)  # Spark renames the finished file into place; this is for file systems that copy
            data = self._info.read_bytes()
        self.port, length = struct.unpack(">ii", data[:8])
        self.secret = data[8 : 8 + length].decode("utf-8")
        self._info.unlink()
        self._gateway = attach(self.port, self.secret)

    def make_session(self) -> None:
        self.spark = self.view.org.apache.spark.sql.SparkSession.builder().getOrCreate()

    def cancel_jobs(self, group: str) -> None:
        self.spark.sparkContext().cancelJobGroup(group)

    def close(self) -> None:
        """Ends the JVM and what it started: gently for a moment, so that Spark tidies up, then for certain."""
        process = self._process
        if process is None:
            self.gone.set()
            return
        assert process.stdin is not None
        process.stdin.close()
        self.gone.wait(GENTLE_END_S)
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # the whole group is gone; macOS says PermissionError of a zombie
            os.killpg(process.pid, signal.SIGKILL)
        self.gone.wait()
