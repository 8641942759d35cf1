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


def where(lakehouse: Lakehouse, workspaces: Workspaces) -> dict[str, str]:
    workspace = workspaces.workspace(lakehouse.workspace_id)
    return {
        "trident.workspace.id": lakehouse.workspace_id,
        "trident.workspace.name": workspace.name if workspace else "",
        "trident.lakehouse.id": lakehouse.id,
        "trident.lakehouse.name": lakehouse.name,
    }


class Application:
    """`prepare`, `launch`, then `connect`. What the REPLs of a session share."""

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
        self.fallback = ""  # what it has to do without, and why
        self._settings = settings
        self._folders = folders
        self._groups = groups
        self._lakehouse = lakehouse
        self._workspaces = workspaces
        self._catalog: Catalogs | None = None
        self._catalog_lock = threading.Lock()  # the REPLs of an application share its catalog

    # ---- start

    def prepare(self) -> None:
        """Takes time in the first application on a machine only."""
        self._settings, self.fallback = prepare_settings(
            self._settings, self._folders, self._groups, self._lakehouse, self._workspaces, self.note
        )

    def launch(self, environment: dict[str, str]) -> None:
        """The process only; returns at once."""
        self.jvm.start(self._settings, environment, self._groups.watch)

    def connect(self) -> None:
        """Until Spark is there. Raises JvmGone or Py4JJavaError."""
        self.jvm.connect()
        self.jvm.make_session()
        self._take_session()

    def _take_session(self) -> None:
        self.id = str(self.jvm.spark.sparkContext().applicationId())
        folders = folders_by_prefix(self._workspaces, self._lakehouse)
        catalog = Catalogs(self.jvm, folders, self._folders.private / "nowhere", self.note)
        catalog.refresh()
        if self._lakehouse.default_schema:
            use_default_schema(self.jvm.spark, self._lakehouse.default_schema)
            catalog.save()
        self._catalog = catalog
        self._tell_where(self.jvm.spark)

    def current_spark_session(self) -> Any | None:
        """User code may stop the SparkContext and make another, which is the application's from then on.

        None while there is none that runs.
        """
        with self._catalog_lock:
            if self.jvm.spark.sparkContext().isStopped():
                newest = self.jvm.default_session()
                if newest is None or newest.sparkContext().isStopped():
                    return None
                self.jvm.spark = newest
                self._take_session()
            return self.jvm.spark

    def new_spark_session(self) -> Any:
        """Temporary views, settings and functions of its own; tables and the application are shared."""
        made = self.jvm.spark.newSession()
        if self._lakehouse.default_schema:
            made.catalog().setCurrentDatabase(self._lakehouse.default_schema)
        self._tell_where(made)
        return made

    def _tell_where(self, spark: Any) -> None:
        """By the settings in which Fabric does. They cannot go into the application's: Spark takes none of such names."""
        for key, value in where(self._lakehouse, self._workspaces).items():
            spark.conf().set(key, value)

    def root_cause(self, failure: Py4JJavaError) -> str:
        """The innermost cause: what wraps it says little more than that the start failed."""
        text: str = self.jvm.view.org.apache.spark.util.Utils.exceptionString(failure.java_exception)
        self.note(text)
        causes = [line.removeprefix("Caused by: ") for line in text.splitlines() if not line.startswith(("\t", " "))]
        return causes[-1] if causes else "Spark did not start"

    # ---- what a REPL asks

    def before_statement(self) -> None:
        self._keep_catalog(lambda catalog: catalog.refresh())

    def before_finish(self) -> None:
        """A statement that says it is done must not lose its table, even if this server is killed the next moment."""
        self._keep_catalog(lambda catalog: catalog.save())

    def _keep_catalog(self, work: Callable[[Catalogs], None]) -> None:
        try:
            if self._catalog is not None and not self.jvm.gone.is_set():
                with self._catalog_lock:
                    work(self._catalog)
        except Exception as problem:  # noqa: BLE001 - a table that cannot be kept must not take the session with it
            self.note(f"catalog: {type(problem).__name__}: {problem}")

    def cancel_jobs(self, group: str) -> None:
        self.jvm.cancel_jobs(group)

    # ---- end

    def close(self) -> None:
        """Returns when its processes are gone. May be called again."""
        self.jvm.close()
        if self.jvm.pid:
            self._groups.forget(self.jvm.pid)
