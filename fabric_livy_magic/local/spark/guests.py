"""Applications that are guests in the JVM of another one: a session of Spark for each, in milliseconds instead of seconds.

A guest has a `SharedState` of its own in the host's SparkContext: catalog, warehouse folder, global temporary views, cached tables
and running streams are its own. What belongs to the SparkContext is shared: its settings that are no SQL settings, Hadoop's
configuration, the class path, the memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from py4j.protocol import Py4JError

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.spark.application import Application
from fabric_livy_magic.local.spark.end_reason import EndReason
from fabric_livy_magic.local.spark.jvm import GRACE_S, Jvm, JvmGone
from fabric_livy_magic.local.spark.lakehouse_classes import write_lakehouses
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import SessionFolders, SparkSettings

LAKEHOUSES_FILE = "lakehouses.json"
LAKEHOUSES_KEY = "fabric_livy.lakehouses"  # `Lakehouses.SETTING` in Java
WAREHOUSE = "spark.sql.warehouse.dir"
OWN_KEYS = "spark.fabric_livy."
# Settings that each session has for itself, and those among them that Spark reads only when an application starts (StaticSQLConf).
OF_SESSION = (OWN_KEYS, "spark.sql.", "spark.databricks.delta.", "spark.ms.", "spark.microsoft.", "spark.livy.")
STATIC = (
    WAREHOUSE,
    "spark.sql.catalog",
    "spark.sql.extensions",
    "spark.sql.globalTempDatabase",
    "spark.sql.cache.serializer",
    "spark.sql.queryExecutionListeners",
    "spark.sql.streaming.streamingQueryListeners",
    "spark.sql.filesourceTableRelationCacheSize",
    "spark.sql.codegen.cache.maxEntries",
    "spark.sql.hive.",
    "spark.sql.ui.",
    "spark.sql.event.truncate.length",
    "spark.sql.sources.schemaStringLengthThreshold",
)
# A file system knows one lakehouse; Hadoop would keep the one of the first guest for all.
HOST_CONF = {f"spark.hadoop.fs.{scheme}.impl.disable.cache": "true" for scheme in ("file", "abfss", "abfs")}


class Host(Protocol):
    """A session, as far as guests need it."""

    application: Application
    settled: threading.Event
    end_reason: EndReason

    @property
    def ended(self) -> bool: ...


def fits_a_guest(request: SessionRequest) -> bool:
    """Whether it asks for nothing that a Spark application has for itself: memory, cores, jars, settings of its start."""
    sizes = (request.driver_memory, request.driver_cores, request.executor_memory, request.executor_cores)
    files = (request.jars, request.files, request.py_files, request.archives)
    if any(sizes) or request.num_executors or any(files):
        return False
    return all(key.startswith(OF_SESSION) and not key.startswith(STATIC) for key in request.conf)


class GuestJvm(Jvm):
    """The host's JVM, with a SparkSession of the guest's. Its end is the end of the guest alone."""

    def __init__(self, folders: SessionFolders, host: Callable[[], Host], options: Mapping[str, str]) -> None:
        super().__init__(folders)
        self._host_of = host
        self._host: Host | None = None
        self._options = options

    @property
    def exit_code(self) -> int | None:
        return self._host.application.jvm.exit_code if self._host else None

    def connect(self) -> None:
        """Waits until the host runs. Raises JvmGone."""
        host = self._host = self._host_of()
        host.settled.wait()
        jvm = host.application.jvm
        if host.ended or jvm.spark is None:
            raise JvmGone(host.end_reason.message or "the shared Spark application has ended")
        self.port, self.secret, self._gateway = jvm.port, jvm.secret, jvm._gateway
        self.class_loader, self.scala_numbers = jvm.class_loader, jvm.scala_numbers
        jvm.add_guest(self.gone)
        self.add_to_class_path(self._folders.classes)

    def make_session(self) -> None:
        """As PySpark makes one: no other constructor takes options of a new SharedState."""
        assert self._host is not None
        options = self.view.java.util.HashMap()
        for key, value in self._options.items():
            options.put(key, value)
        of_host = self._host.application.jvm.spark
        self.spark = self.class_of(of_host)(of_host.sparkContext(), options)

    def close(self, grace_s: float = GRACE_S) -> None:
        if self._host is not None and not self.gone.is_set():
            with contextlib.suppress(Py4JError, OSError, JvmGone):  # the JVM has ended, and with it all that ran there
                self._end_work()
            self._host.application.jvm.remove_guest(self.gone)
        self.gone.set()

    def _end_work(self) -> None:
        """Its streams would go on without end; its listener would be told of all that later guests do."""
        if self.spark is None:
            return
        shared = self.spark.sharedState()
        for query in self.view.java.util.ArrayList(shared.activeStreamingQueries().values()):
            query.stop()
        shared.cacheManager().clearCache()
        listener = shared.statusStore().listener()
        if listener.isDefined():
            self.spark.sparkContext().listenerBus().removeListener(listener.get())


class GuestApplication(Application):
    """The application of a session that is a guest of another one's."""

    is_guest = True

    def __init__(
        self,
        host: Callable[[], Host],
        settings: SparkSettings,
        folders: SessionFolders,
        groups: ProcessGroups,
        note: Callable[[str], None],
        lakehouse: Lakehouse,
        workspaces: Workspaces,
    ) -> None:
        super().__init__(settings, folders, groups, note, lakehouse, workspaces)
        self.group_prefix = f"{folders.private.name}-"
        self._lakehouses_file = folders.private / LAKEHOUSES_FILE
        of_session = {key: value for key, value in settings.conf.items() if key.startswith(OF_SESSION)}
        kept = {key: value for key, value in of_session.items() if not key.startswith((*STATIC, OWN_KEYS))}
        options = {
            **kept,
            WAREHOUSE: f"file:{folders.lakehouse / 'Tables'}",
            LAKEHOUSES_KEY: str(self._lakehouses_file),
        }
        self.jvm = GuestJvm(folders, host, options)

    def prepare(self) -> None:
        write_lakehouses(self._lakehouses_file, self._workspaces, self._lakehouse, self._folders.resources)

    def launch(self, environment: dict[str, str]) -> None:
        """There is no process to start."""

    def end_jobs(self, groups: list[str]) -> None:
        """The host would run them to their end."""
        for group in groups:
            with contextlib.suppress(Py4JError, OSError, JvmGone):
                self.cancel_jobs(group)


def point_to(anchor: Path, lakehouse: Path) -> None:
    """What the JVM's own `/lakehouse/default` shows: user-defined functions run below the JVM, and open files there."""
    for name in ("Files", "Tables"):
        draft = anchor / f".{name}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(lakehouse / name, target_is_directory=True)
        draft.replace(anchor / name)
