"""Class-data archives (CDS): classes that a JVM need not read, verify and link at each start.

Halves the start time of Spark (measured with the Java of the wheel and without: 3.4 to 1.6 s on 2 cores). An archive fits
one Java and one class path, so its name is a hash of both. The JVM checks it again, and ignores one that does not fit.
`local.sessions.class_data_archive` makes it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.java import major_version

FIRST_JAVA = 13  # JEP 350; -XX:ArchiveClassesAtExit
WARM_UP_VERSION = 2  # of the statements that fill the archive; a new version makes a new archive
# First bytes of a dynamic archive in HotSpot (cdsConstants.hpp). They are written last: an incomplete file has none.
MAGIC = (0xF00BABA8).to_bytes(4, "little")


@dataclass(frozen=True)
class ClassData:
    """`base` is None where the Java has an archive of its own classes; the wheel's has none."""

    base: Path | None
    top: Path

    @property
    def exists(self) -> bool:
        try:
            with self.top.open("rb") as file:
                return file.read(len(MAGIC)) == MAGIC and (self.base is None or self.base.exists())
        except OSError:
            return False

    def options(self) -> list[str]:
        """JVM options that use the archives that exist."""
        found = [path for path in (self.base, self.top if self.exists else None) if path and path.exists()]
        if not found:
            return []
        return [f"-XX:SharedArchiveFile={os.pathsep.join(map(str, found))}", "-Xshare:auto", "-Xlog:cds*=off"]


def class_data(java: Path, class_path: Sequence[Path]) -> ClassData | None:
    """None where this Java has no dynamic archives. `class_path` has jars and folders of jars."""
    if (major_version(java) or 0) < FIRST_JAVA:
        return None
    folder = cache_folder() / "class-data"
    server = java.parent.parent / "lib" / "server"
    of_java = _hash([_stamp(java), *sorted(_stamp(file) for file in server.glob("libjvm.*"))])
    jars = [jar for entry in class_path for jar in (sorted(entry.glob("*.jar")) if entry.is_dir() else [entry])]
    of_all = _hash([of_java, str(WARM_UP_VERSION), *map(_stamp, jars)])
    has_own = any(server.glob("classes*.jsa"))
    return ClassData(None if has_own else folder / f"{of_java}-base.jsa", folder / f"{of_all}.jsa")


def _stamp(file: Path) -> str:
    stat = file.stat()
    return f"{file}|{stat.st_size}|{stat.st_mtime_ns}"


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
