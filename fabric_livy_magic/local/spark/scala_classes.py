"""The Scala classes of this package, compiled once with the compiler among Spark's jars.

`local.sessions.class_data_archive` compiles them in the background (some 8 s) into the cache folder; the first Scala statement on a
machine may be there before, and waits. A Scala version that has no folder below `scala` goes without.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.own_folders import own_folder
from fabric_livy_magic.started_processes import started_environment

SOURCES = Path(__file__).with_name("scala")
TIMEOUT_S = 120
_COMPILING = threading.Lock()  # the first statements of two sessions may need them at once


def scala_classes(spark_jars: Path) -> tuple[Path, ...]:
    """The jar, if it was compiled; as a tuple, for a class path."""
    jar = _jar(spark_jars)
    return (jar,) if jar and jar.exists() else ()


def scala_classes_are_built(spark_jars: Path) -> bool:
    """True also if the compiler refused the sources, or there are none."""
    jar = _jar(spark_jars)
    return jar is None or jar.exists() or _error_file(jar).exists()


def compile_scala_classes(java: Path, spark_jars: Path) -> None:
    """Sources that the compiler refuses are not tried again; its errors are kept in a file next to the jar's path."""
    jar = _jar(spark_jars)
    with _COMPILING:
        if jar is not None and not scala_classes_are_built(spark_jars):
            _compile(java, spark_jars, jar)


def _compile(java: Path, spark_jars: Path, jar: Path) -> None:
    own_folder(jar.parent)
    draft = jar.with_name(f".{os.getpid()}-{jar.name}")
    # The second JIT compiler, and a garbage collector with its own threads, cost more than they save in so short a run.
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    scalac = ["scala.tools.nsc.Main", "-usejavacp", "-Xlint", "-deprecation", "-feature", "-Xfatal-warnings"]
    try:
        done = subprocess.run(
            [str(java), *quick, "-cp", f"{spark_jars}/*", *scalac, "-d", str(draft), *map(str, _sources(spark_jars))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=started_environment(),
        )
        if done.returncode == 0:
            draft.replace(jar)
        else:
            _error_file(jar).write_text(done.stdout + done.stderr, encoding="utf-8")
    finally:
        draft.unlink(missing_ok=True)


def _jar(spark_jars: Path) -> Path | None:
    """Its name is a hash of the compiler version and the sources. None if there are no sources."""
    sources = _sources(spark_jars)
    if not sources:
        return None
    texts = b"".join(source.read_bytes() for source in sources)
    name = hashlib.sha256(f"{_scala_version(spark_jars)}\n".encode() + texts).hexdigest()[:24]
    return cache_folder() / "own-classes" / f"{name}.jar"


def _error_file(jar: Path) -> Path:
    return jar.with_suffix(".txt")


def _sources(spark_jars: Path) -> list[Path]:
    """Those of every Scala, and those of this one."""
    binary_version = ".".join(_scala_version(spark_jars).split(".")[:2])
    own = sorted((SOURCES / binary_version).glob("*.scala")) if binary_version else []
    return [*sorted(SOURCES.glob("*.scala")), *own] if own else []


def _scala_version(spark_jars: Path) -> str:
    """Such as 2.12.18, from the name of the jar; empty if there is none."""
    names = (
        re.fullmatch(r"scala-compiler-([\d.]+)\.jar", file.name) for file in spark_jars.glob("scala-compiler-*.jar")
    )
    return next((name[1] for name in names if name), "")
