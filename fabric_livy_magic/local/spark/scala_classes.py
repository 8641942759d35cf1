"""Our own Scala classes: sources of this package, compiled once with the compiler among Spark's jars.

`archiver` compiles them in the background (some 6 s) into the cache folder. Whoever uses one of them does without where
they are not there: in the first session on a machine, and with a Scala that has no folder below `scala`.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder

SOURCES = Path(__file__).with_name("scala")
LONGEST_S = 120


def scala_classes(spark_jars: Path) -> tuple[Path, ...]:
    """The jar, if it has been made; as a tuple, to be put on a class path."""
    made = _jar(spark_jars)
    return (made,) if made and made.exists() else ()


def scala_classes_are_built(spark_jars: Path) -> bool:
    """Or cannot be, or there are none to make."""
    made = _jar(spark_jars)
    return made is None or made.exists() or _refused(made).exists()


def compile_scala_classes(java: Path, spark_jars: Path) -> None:
    """What a compiler does not take is not tried again; its words are kept beside where the jar would be."""
    made = _jar(spark_jars)
    if made is None or scala_classes_are_built(spark_jars):
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    draft = made.with_name(f".{os.getpid()}-{made.name}")
    # The second JIT compiler, and a collector with threads of its own, cost more than they give in a run this short.
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    scalac = ["scala.tools.nsc.Main", "-usejavacp", "-Xlint", "-deprecation", "-feature", "-Xfatal-warnings"]
    try:
        done = subprocess.run(
            [str(java), *quick, "-cp", f"{spark_jars}/*", *scalac, "-d", str(draft), *map(str, _sources(spark_jars))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        if done.returncode == 0:
            draft.replace(made)
        else:
            _refused(made).write_text(done.stdout + done.stderr, encoding="utf-8")
    finally:
        draft.unlink(missing_ok=True)


def _jar(spark_jars: Path) -> Path | None:
    """Named by the compiler and the sources, so that neither meets classes of another. None where there are no sources."""
    sources = _sources(spark_jars)
    if not sources:
        return None
    texts = b"".join(source.read_bytes() for source in sources)
    name = hashlib.sha256(f"{_scala_version(spark_jars)}\n".encode() + texts).hexdigest()[:24]
    return cache_folder() / "own-classes" / f"{name}.jar"


def _refused(made: Path) -> Path:
    return made.with_suffix(".txt")


def _sources(spark_jars: Path) -> list[Path]:
    binary_version = ".".join(_scala_version(spark_jars).split(".")[:2])
    return sorted((SOURCES / binary_version).glob("*.scala"))


def _scala_version(spark_jars: Path) -> str:
    """Such as 2.12.18, by the name of the jar; empty where there is none."""
    names = (re.fullmatch(r"scala-compiler-([\d.]+)\.jar", jar.name) for jar in spark_jars.glob("scala-compiler-*.jar"))
    return next((name[1] for name in names if name), "")
