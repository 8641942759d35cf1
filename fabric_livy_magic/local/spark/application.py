"""One Spark application: its JVM, its SparkSession, and the tables of the lakehouse in its catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.spark.catalog import Catalogs, use_default_schema
from fabric_livy_magic.local.spark.jvm import Jvm
from fabric_livy_magic.local.spark.lakehouse_classes import folders_by_prefix
from fabric_livy_magic.local.spark.preparation import prepare_settings
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SessionFolders, SparkSettings


def trident_conf(lakehouse: Lakehouse, workspaces: Workspaces) -> dict[str, str]:
    """The settings in which Fabric has a session's workspace and lakehouse."""
    workspace = workspaces.workspace(lakehouse.workspace_id)
    return {
        "trident.workspace.id": lakehouse.workspace_id,
        "trident.workspace.name": workspace.name if workspace else "",
        "trident.lakehouse.id": lakehouse.id,
        "trident.lakehouse.name": lakehouse.name,
    }


class Application:
    """Shared by the REPLs of a session. Call `prepare`, `launch`, then `connect`."""

    is_guest = False

    def __init__(
        self,
        settings: SparkSettings,
        folders: SessionFolders,
        groups: ProcessGroups,
        note: Callable[[str], None],
        lakehouse: Lakehouse,
        workspaces: Workspaces,
    ) -> None:
        self.jvm = Jvm(folders)
        self.note = note
        self.id: str | None = None
        self.group_prefix = ""  # of its job groups, where others share its SparkContext
        self.fallback = ""  # what is missing, and why
        self._settings = settings
        self._folders = folders
        self._groups = groups
        self._lakehouse = lakehouse
        self._workspaces = workspaces
        self._catalog: Catalogs | None = None
        self._catalog_lock = threading.Lock()  # the REPLs of an application share its catalog

    # ---- start

    def prepare(self) -> None:
        """Takes seconds for the first application on a machine, which fetches jars and compiles classes."""
        self._settings, self.fallback = prepare_settings(
            self._settings, self._folders, self._groups, self._lakehouse, self._workspaces, self.note
        )

    def launch(self, environment: dict[str, str]) -> None:
        """Starts the process; returns at once."""
        self.jvm.start(self._settings, environment, self._groups.watch)

    def connect(self) -> None:
        """Waits for Spark. Raises JvmGone or Py4JJavaError."""
        self.jvm.connect()
        self.jvm.make_session()
        self._use_session()

    def _use_session(self) -> None:
        self.id = str(self.jvm.spark.sparkContext().applicationId())
        folders = folders_by_prefix(self._workspaces, self._lakehouse)
        catalog = Catalogs(self.jvm, folders, self._folders.private / "nowhere", self.note)
        catalog.refresh()
        if self._lakehouse.default_schema:
            use_default_schema(self.jvm.spark, self._lakehouse.default_schema)
            catalog.save()
        self._catalog = catalog
        self._set_trident_conf(self.jvm.spark)

    def current_spark_session(self) -> Any | None:
        """The application's SparkSession, or the new one after user code stopped the SparkContext and made another.

        None while no context runs.
        """
        with self._catalog_lock:
            if self.jvm.spark.sparkContext().isStopped():
                newest = self.jvm.default_session()
                if newest is None or newest.sparkContext().isStopped():
                    return None
                self.jvm.spark = newest
                self._use_session()
            return self.jvm.spark

    def new_spark_session(self) -> Any:
        """Temporary views, settings and functions of its own; tables and the application are shared."""
        made = self.jvm.spark.newSession()
        if self._lakehouse.default_schema:
            made.catalog().setCurrentDatabase(self._lakehouse.default_schema)
        self._set_trident_conf(made)
        return made

    def _set_trident_conf(self, spark: Any) -> None:
        """In the SparkSession, because Spark accepts no application settings of such names."""
        for key, value in trident_conf(self._lakehouse, self._workspaces).items():
            spark.conf().set(key, value)

    def root_cause(self, failure: Py4JJavaError) -> str:
        """The innermost cause. The exceptions around it add only that the start failed."""
        text: str = self.jvm.view.org.apache.spark.util.Utils.exceptionString(failure.java_exception)
        self.note(text)
        causes = [line.removeprefix("Caused by: ") for line in text.splitlines() if not line.startswith(("\t", " "))]
        return causes[-1] if causes else "Spark did not start"

    # ---- called by the REPLs

    def before_statement(self) -> None:
        self._with_catalog(lambda catalog: catalog.refresh())

    def before_finish(self) -> None:
        """Before a statement becomes `available`: its tables are kept even if the server is killed right after."""
        self._with_catalog(lambda catalog: catalog.save())

    def _with_catalog(self, work: Callable[[Catalogs], None]) -> None:
        try:
            if self._catalog is not None and not self.jvm.gone.is_set():
                with self._catalog_lock:
                    work(self._catalog)
        except Exception as problem:  # noqa: BLE001 - a table that cannot be saved must not end the session
            self.note(f"catalog: {type(problem).__name__}: {problem}")

    def cancel_jobs(self, group: str) -> None:
        self.jvm.cancel_jobs(group)

    def end_jobs(self, groups: list[str]) -> None:
        """Of statements whose session ends. Here they end with the JVM."""

    # ---- end

    def close(self) -> None:
        """Returns when its processes have ended. May be called again."""
        self.jvm.close()
        if self.jvm.pid:
            self._groups.forget(self.jvm.pid)
