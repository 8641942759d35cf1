"""A session's Spark settings: defaults, the user's, and fixed ones."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fabric_livy_magic.local.spark.session_request import SessionRequest

MIB = 1024 * 1024
UNITS = {"": MIB, "b": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": 1024 * 1024 * MIB}
MIN_HEAP = 512 * MIB  # Spark refuses to start below 450 MiB
DEFAULT_HEAP = 4096 * MIB
LAKEHOUSES_SETTING = "spark.hadoop.fabric_livy.lakehouses"
JAVA_OPTIONS, CLASS_PATH = "spark.driver.extraJavaOptions", "spark.driver.extraClassPath"


class BadSetting(ValueError):  # noqa: N818 - says what is wrong
    pass


@dataclass(frozen=True)
class SessionFolders:
    """The folders of one session: the lakehouse stays, `private` is removed with the session. With `is_notebook` code works in a
    folder of its own, as on Fabric; else in the lakehouse."""

    lakehouse: Path
    private: Path
    is_notebook: bool = False

    @property
    def work(self) -> Path:
        return self.private / "work" if self.is_notebook else self.lakehouse

    @property
    def resources(self) -> Path:
        """Of the notebook: `builtin` and `env`. As in `notebookutils`, which has a name for it."""
        return self.private / "nb_resource"

    @property
    def log(self) -> Path:
        return self.private / "session.log"

    @property
    def stdout(self) -> Path:
        """The standard output of the JVM, which Livy shows separately."""
        return self.private / "stdout.log"

    @property
    def classes(self) -> Path:
        """Where the Scala interpreters put the classes of their statements; on the class path of all that Spark runs."""
        return self.private / "classes"

    @property
    def spark_local(self) -> Path:
        return self.private / "spark-local"

    @property
    def packages(self) -> Path:
        """What `%pip install` brings, for all Python processes of the session."""
        return self.private / "session-packages"

    def repl(self, repl_id: str) -> Path:
        """The folder of one REPL, which is created."""
        folder = self.private / f"repl-{repl_id}" if repl_id else self.private
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def make(self, builtin: Path | None = None) -> None:
        """`builtin` is the folder of that name beside the notebook's cells, where there is one; else it is empty."""
        own = (self.classes, self.spark_local, self.packages, self.work)
        shown = (
            self.lakehouse / "Files",
            self.lakehouse / "Tables",
            self.resources / "env",
            self.resources / "builtin",
        )
        for folder in (*own, *shown[:-1]):
            folder.mkdir(parents=True, exist_ok=True)
        if builtin is None:
            shown[-1].mkdir(exist_ok=True)
        else:
            shown[-1].symlink_to(builtin, target_is_directory=True)
        if self.is_notebook:
            for folder in shown:  # notebooks open `builtin/…`, `./env/…`, and also `Files/…`
                (self.work / folder.name).symlink_to(folder, target_is_directory=True)


@dataclass(frozen=True)
class SparkSettings:
    heap_bytes: int
    conf: dict[str, str] = field(default_factory=dict)
    jars: tuple[Path, ...] = ()  # on the class path, after Spark's own

    @property
    def has_lakehouse_classes(self) -> bool:
        """They say where Spark's relative paths begin."""
        return LAKEHOUSES_SETTING in self.conf

    @property
    def java_options(self) -> list[str]:
        """`spark.driver.*` settings that only the command line of the JVM can carry."""
        return shlex.split(self.conf.get(JAVA_OPTIONS, ""))

    @property
    def extra_class_path(self) -> str:
        return self.conf.get(CLASS_PATH, "")

    @property
    def local_jars(self) -> list[str]:
        """The `spark.jars` on this machine. Scala's interpreter sees only the class path with which the JVM started."""
        uris = [urlsplit(uri.strip()) for uri in self.conf.get("spark.jars", "").split(",")]
        return [unquote(uri.path) for uri in uris if uri.scheme in ("", "file", "local") and uri.path]


def spark_settings(request: SessionRequest, name: str, folders: SessionFolders, python: str) -> SparkSettings:
    """Raises BadSetting. The user's `conf` wins over the defaults, the fixed settings win over both."""
    check_settings(request)
    user_conf = dict(request.conf)
    heap = _heap_bytes(request.driver_memory or user_conf.get("spark.driver.memory"))
    conf = {
        **_defaults(name, heap),
        **user_conf,
        **fixed_settings(folders, python),
        "spark.driver.memory": f"{heap // MIB}m",
    }
    return SparkSettings(heap, conf)


def check_settings(request: SessionRequest) -> None:
    """Raises BadSetting, with the setting's name, for values with which no application could start."""
    for amount in (request.driver_memory, request.conf.get("spark.driver.memory"), request.executor_memory):
        if amount is not None:
            memory_bytes(amount)
    settings = SparkSettings(0, dict(request.conf))
    try:
        has_nul = any(b"\0" in os.fsencode(word) for word in (*settings.java_options, settings.extra_class_path))
    except ValueError as problem:  # an open quote, a lone surrogate
        raise BadSetting(f"{JAVA_OPTIONS} or {CLASS_PATH} is for no command line: {problem}") from problem
    if has_nul:
        raise BadSetting(f"{JAVA_OPTIONS} or {CLASS_PATH} is for no command line: it has a NUL")


def _defaults(name: str, heap: int) -> dict[str, str]:
    cores = os.cpu_count() or 1
    return {
        "spark.app.name": name,
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(max(2, cores)),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # `CREATE TABLE` without USING makes a table of the default format, as on Fabric, not a Hive one.
        "spark.sql.legacy.createHiveTableByDefault": "false",
        # Another session may write to the same table: files are listed anew by every query, not remembered.
        "spark.sql.filesourceTableRelationCacheSize": "0",
        "spark.sql.hive.manageFilesourcePartitions": "false",
    }


def fixed_settings(folders: SessionFolders, python: str) -> dict[str, str]:
    """Keep sessions apart and on this machine; the user's settings cannot change them."""
    return {
        "spark.master": "local[*]",
        "spark.submit.deployMode": "client",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Spark's ports are open to all users of the machine, and hand out cached rows to whoever asks. With a local master
        # Spark makes the secret itself and keeps it in memory: it is in no file, environment or setting. Its cost is below the
        # noise: in 4 pairs of sessions, 3.1 and 3.3 s of processor time to start, 11.7 s both for a shuffle and cached reads.
        # No encryption: what goes between parts of one process uses no socket, and spilled files are in a folder of the user's.
        "spark.authenticate": "true",
        # Asks nobody for a secret; `spark.rest` answers the same questions without a port.
        "spark.ui.enabled": "false",
        # Not `hive`: its Derby database admits one JVM at a time. `spark.catalog` keeps the tables instead.
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": f"file:{folders.lakehouse / 'Tables'}",
        "spark.pyspark.python": python,
        "spark.pyspark.driver.python": python,
    }


def _heap_bytes(requested: str | None) -> int:
    """Limited by the machine's memory, so that a `driverMemory` for a Fabric node works on a laptop, too."""
    machine = machine_memory()
    if requested is None:
        return max(MIN_HEAP, min(DEFAULT_HEAP, machine // 2))
    return max(MIN_HEAP, min(memory_bytes(requested), machine * 3 // 4))


def memory_bytes(text: str) -> int:
    """Spark's own grammar: `512m`, `28g`; a bare number counts MiB."""
    match = re.fullmatch(r"\s*(\d{1,19})\s*([bkmgt]?)b?\s*", text.lower(), re.ASCII)
    if not match:
        raise BadSetting(f"{text[:50]!r} is no amount of memory; write it like 512m or 28g")
    return int(match[1]) * UNITS[match[2]]


def machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def properties_text(conf: Mapping[str, str]) -> str:
    """A Java properties file. Settings do not go on the command line, where every user of the machine could read them."""
    return "".join(f"{_escaped(key)}={_escaped(value)}\n" for key, value in sorted(conf.items()))


def _escaped(text: str) -> str:
    units = text.encode("utf-16-be", errors="surrogatepass")
    return "".join(_escaped_unit(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2))


def _escaped_unit(unit: int) -> str:
    plain = chr(unit)
    return plain if plain.isascii() and (plain.isalnum() or plain in "./-_") else f"\\u{unit:04x}"
