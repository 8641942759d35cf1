"""The Python driver of a batch: runs the user's script as `__main__`, with the lakehouse's tables in Spark's catalog.

Started as a script by Spark's PythonRunner. Its one argument is a file with the `Job`, so that the list of processes shows no
argument of the user's. Spark starts when the user's script starts it. The tables are then read from the lakehouse,
synchronized while it runs, and saved a last time before it stops (see `catalog`).
"""

from __future__ import annotations

import atexit
import importlib.machinery
import json
import os
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabric_livy_magic.local.spark.catalog import Catalogs

SYNC_EVERY_S = 1.0


@dataclass(frozen=True)
class Job:
    """`lakehouses` are folders by the prefix of their databases in Spark's catalog. `fixed` are settings that neither the script
    nor its request may change; Spark's application id is written to `app_id_file`.
    """

    script: str
    args: list[str]
    lakehouses: dict[str, str]
    default_schema: str | None
    fixed: dict[str, str]
    app_id_file: str


@dataclass(frozen=True)
class ScriptJvm:
    """The script's connection to its JVM, as `catalog_entries.SparkJvm`."""

    view: Any
    spark: Any


class Tables:
    """The tables of the script's SparkContext. The script may stop it and start another one."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._context: Any = None
        self._catalog: Catalogs | None = None

    def open(self, spark: Any) -> None:
        """Called for each new SparkSession. The sessions of one context share its tables."""
        with self._lock:
            if self._context is not spark.sparkContext:
                self._context = spark.sparkContext
                self._attempt(self._read, spark)
            catalog = spark._jsparkSession.catalog()
            if self._job.default_schema and catalog.currentDatabase() == "default":  # `newSession()` starts there
                catalog.setCurrentDatabase(self._job.default_schema)

    def _read(self, spark: Any) -> None:
        from fabric_livy_magic.local.spark.catalog import Catalogs, use_default_schema

        jvm = ScriptJvm(spark._jvm, spark._jsparkSession)
        folders = {prefix: Path(folder) for prefix, folder in self._job.lakehouses.items()}
        unused_folder = Path(self._job.app_id_file).with_name("nowhere")
        catalog = Catalogs(jvm, folders, unused_folder, note)
        catalog.refresh()
        if self._job.default_schema:
            use_default_schema(jvm.spark, self._job.default_schema)
        self._catalog = catalog

    def sync(self) -> None:
        """Reads what others changed, then saves what the script changed."""
        with self._lock:
            if self._catalog is not None:
                self._attempt(self._catalog.refresh)
                self._attempt(self._catalog.save)

    def close(self) -> None:
        if os.getpid() != self._pid:
            return  # a fork of the script, which must not use its connection
        with self._lock:
            self.sync()
            self._context = self._catalog = None

    def sync_forever(self) -> None:
        """Runs in a thread, so that a killed script loses tables of the last second at most."""
        while True:
            time.sleep(SYNC_EVERY_S)
            self.sync()

    def _attempt(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as problem:  # noqa: BLE001 - a table that cannot be saved must not end the script
            note(f"catalog: {type(problem).__name__}: {problem}")


def note(line: str) -> None:
    print(f"fabric-livy: {line}", file=sys.stderr)  # noqa: T201 - the batch's log


def hook_into_spark(job: Job, tables: Tables) -> None:
    """PySpark has no hooks for new contexts, new sessions and stops, so the methods that all of them use are wrapped."""
    import pyspark.sql

    from fabric_livy_magic.local.spark.gateway import use_secret_for_callbacks

    use_secret_for_callbacks()
    context_class: Any = pyspark.SparkContext
    session_class: Any = pyspark.sql.SparkSession
    make_context, make_session = context_class._initialize_context, session_class.__init__
    stop = context_class.stop

    @wraps(make_context)
    def make_context_with_fixed(self: Any, jconf: Any) -> Any:
        for key, value in job.fixed.items():
            jconf.set(key, value)
        made = make_context(self, jconf)
        Path(job.app_id_file).write_text(made.sc().applicationId(), encoding="utf-8")
        return made

    @wraps(make_session)
    def make_session_with_tables(
        self: Any,
        sparkContext: Any,  # noqa: N803 - PySpark's own names
        jsparkSession: Any = None,  # noqa: N803
        options: Mapping[str, Any] | None = None,
    ) -> None:
        # What enableHiveSupport() sets is fixed, too: a Hive metastore admits one application at a time.
        allowed = {key: value for key, value in (options or {}).items() if key not in job.fixed}
        make_session(self, sparkContext, jsparkSession, allowed)
        tables.open(self)

    @wraps(stop)
    def stop_after_saving(self: Any) -> None:
        tables.close()
        stop(self)

    context_class._initialize_context = make_context_with_fixed
    session_class.__init__ = make_session_with_tables
    context_class.stop = stop_after_saving


def run_script(job: Job) -> None:
    """As Python runs a script, also for tracebacks, pickle and `multiprocessing`."""
    try:
        source = Path(job.script).read_bytes()
    except OSError as problem:
        reason = f"[Errno {problem.errno}] {problem.strerror}"
        sys.stderr.write(f"{sys.executable}: can't open file {job.script!r}: {reason}\n")
        raise SystemExit(2) from None
    main_module = types.ModuleType("__main__")
    main_module.__dict__.update(
        __file__=job.script,
        __loader__=importlib.machinery.SourceFileLoader("__main__", job.script),
        __builtins__=__builtins__,
        __annotations__={},
    )
    sys.modules["__main__"] = main_module
    exec(compile(source, job.script, "exec", dont_inherit=True), main_module.__dict__)  # noqa: S102 - what a batch is


def show_error(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
    """Without the frames of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def main(job_file: str) -> None:
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    if not sys.flags.safe_path:
        sys.path[0] = str(Path(job.script).parent)
    sys.argv[:] = [job.script, *job.args]
    sys.excepthook = show_error
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is needed
        os.dup2(nothing.fileno(), 0)  # Spark leaves a pipe there that never ends: input() would wait forever
    tables = Tables(job)
    hook_into_spark(job, tables)
    atexit.register(tables.close)  # registered first, it runs last
    threading.Thread(target=tables.sync_forever, name="catalog", daemon=True).start()
    run_script(job)


if __name__ == "__main__":
    main(sys.argv[1])
