"""Builds what makes later sessions start and run faster: our own classes (`spark.scala_classes`), and then the class-data
archive (`spark.class_data`), by a session of its own that runs some statements of each kind and ends.

A script that a server starts in the background when a session has ended well and one of the two is missing. It takes some
35 s of processor time at the lowest priority, runs once at a time, and is killed after MAX_RUNTIME_S.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.class_data import ClassData, class_data
from fabric_livy_magic.local.spark.delta import cached_jars
from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.lakehouse_classes import (
    NoLakehouseClasses,
    compile_lakehouse_classes,
    lakehouse_classes,
)
from fabric_livy_magic.local.spark.process_groups import ProcessGroups, folder_of_run
from fabric_livy_magic.local.spark.scala_classes import compile_scala_classes, scala_classes, scala_classes_are_built
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.source_jars import cached_source_jars
from fabric_livy_magic.local.spark.submit import spark_home
from fabric_livy_magic.own_folders import own_folder
from fabric_livy_magic.started_processes import started_environment

MAX_RUNTIME_S = 240
DUMP_TIMEOUT_S = 90
KEPT_ARCHIVES = 4  # some 150 MB each; older ones belong to former versions of Java and Spark
# Like the first cells of a notebook, so that the classes that they need are in the archive.
TRAINING_STATEMENTS = (
    ("pyspark", "spark.range(10).selectExpr('id', 'id % 3 as k').groupBy('k').count().toPandas()"),
    ("pyspark", "spark.createDataFrame([(1, 'a')], 'id int, name string').write.saveAsTable('lesson')"),
    ("pyspark", "sc.parallelize([1, 2], 2).map(lambda x: x + 1).collect()"),
    ("sql", "select k, count(*) from (select id % 3 as k from range(10)) group by k order by k"),
    ("sql", "select a.id, b.name from lesson a join lesson b on a.id = b.id"),
    ("sql", "insert into lesson values (2, 'b')"),
    # An error where Delta is missing, which does no harm.
    ("sql", "merge into lesson a using (select 3 id, 'c' name) b on a.id = b.id when not matched then insert *"),
    ("spark", "case class Lesson(id: Int)\nval rows = Seq(Lesson(1)).toDS.map(_.id + 1).collect"),
    ("spark", 'spark.table("lesson").show()'),
)


def build_in_background() -> None:
    """Returns at once; does nothing where nothing is missing, or another process builds it already."""
    if is_complete():
        return
    with exclusive_lock() as locked:
        if not locked:
            return
    subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**started_environment(), "PYTHONPATH": os.pathsep.join([path for path in sys.path if path])},
        start_new_session=True,
    )


def is_complete() -> bool:
    wanted = current_class_data()
    return scala_classes_are_built(spark_home() / "jars") and (wanted is None or wanted.exists)


def current_class_data() -> ClassData | None:
    jars = spark_home() / "jars"
    own_jars = (*cached_jars(), *cached_source_jars(), *lakehouse_classes(jars), *scala_classes(jars))
    return class_data(find_java(version("pyspark")), [jars, *own_jars])


@contextmanager
def exclusive_lock() -> Iterator[bool]:
    """True where no other process holds the lock. The system releases it with the process, however that ends."""
    with (own_folder(cache_folder()) / "archiver.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def main() -> None:
    os.nice(19)
    threading.Timer(MAX_RUNTIME_S, lambda: os.killpg(0, signal.SIGKILL)).start()
    build_what_is_missing()
    os._exit(0)  # the timer's thread would keep the process alive


def build_what_is_missing() -> None:
    with exclusive_lock() as locked:
        if locked:
            java, jars = find_java(version("pyspark")), spark_home() / "jars"
            compile_scala_classes(java, jars)
            with suppress(NoLakehouseClasses):
                compile_lakehouse_classes(java, jars)
            wanted = current_class_data()  # with the classes that have just been compiled
            if wanted is not None and not wanted.exists:
                build_archive(wanted)


def build_archive(wanted: ClassData) -> None:
    own_folder(wanted.top.parent)
    if wanted.base and not wanted.base.exists():
        build_base_archive(find_java(version("pyspark")), wanted.base)
    with folder_of_run() as (folder, groups):
        run_training_session(folder, groups, wanted.top)
    if current_class_data() != wanted:  # Delta's jars have arrived meanwhile: it fits no later session
        wanted.top.unlink(missing_ok=True)
    remove_old_archives(wanted)


def build_base_archive(java: Path, base: Path) -> None:
    """Of Java's own classes, which a dynamic archive is built on. Takes about a second."""
    draft = base.with_suffix(f".{os.getpid()}")
    command = [str(java), "-Xshare:dump", f"-XX:SharedArchiveFile={draft}", "-Xlog:disable"]
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=MAX_RUNTIME_S,
        env=started_environment(),
        check=True,
    )
    draft.replace(base)


def run_training_session(folder: Path, groups: ProcessGroups, archive: Path) -> None:
    """Runs the statements; the JVM writes the archive when it ends."""
    (folder / "session").mkdir()
    workspaces = one_lakehouse(folder / "lakehouse")
    lakehouse = workspaces.first_lakehouse
    lakehouse.folder.mkdir()
    conf = {"spark.driver.extraJavaOptions": shlex.quote(f"-XX:ArchiveClassesAtExit={archive}")}
    request = SessionRequest(conf=conf)
    session = Session(
        "lessons", "lessons", request, request, lakehouse, workspaces, folder / "session", groups, "archiver"
    )
    repl = session.add_repl()
    session.start()
    session.settled.wait()
    try:
        statements = [repl.submit(code, kind, None) for kind, code in TRAINING_STATEMENTS]
        while session.active and not all(statement.finished for statement in statements):
            session.application.jvm.gone.wait(0.2)
        session.application.jvm.close(DUMP_TIMEOUT_S)
    finally:
        session.stop()


def remove_old_archives(wanted: ClassData) -> None:
    """The one just built is among the newest, so it stays."""
    archives = sorted(wanted.top.parent.glob("*.jsa"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in archives[KEPT_ARCHIVES:]:
        if old != wanted.base:
            old.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
