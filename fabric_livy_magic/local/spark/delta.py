"""Delta Lake, the default format of tables as on Fabric, where its jars are available.

The jars are fetched once per machine, kept in the cache folder and put on the class path of every session from then on, so
that later starts need no network. Without them tables are Parquet, and the session's tags have the reason.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.fetched_jars import fetch_into, jars_in
from fabric_livy_magic.local.spark.maven import Coordinate
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SparkSettings

# Delta is compiled for one line of Spark. 3.3.3 is the first that fits Spark 3.5.6 and later (delta-io/delta#4671).
RELEASES = {
    "3.5": "io.delta:delta-spark_2.12:3.3.3",
    "4.0": "io.delta:delta-spark_4.0_2.13:4.4.0",
    "4.1": "io.delta:delta-spark_4.1_2.13:4.4.0",
    "4.2": "io.delta:delta-spark_4.2_2.13:4.4.0",
}
EXTENSIONS, EXTENSION = "spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension"
CATALOG, DELTA_CATALOG = "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
JAR_SETTINGS = ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath")
WAIT_S = 20.0
RETRY_AFTER_S = 3600.0

_failures: dict[Path, tuple[float, str]] = {}  # what this server could not fetch: when, and the reason


class DeltaMissing(Exception):  # noqa: N818 - the message is for the user
    def __init__(self, reason: str) -> None:
        super().__init__(f"Delta Lake is not available, so tables are Parquet here: {reason}.")


def with_delta(settings: SparkSettings, groups: ProcessGroups) -> SparkSettings:
    """The settings of an application with Delta Lake; fetches the jars if needed. Raises DeltaMissing."""
    jars = () if brings_delta(settings.conf) else delta_jars(settings.conf, groups)
    return replace(settings, conf=delta_conf(settings.conf), jars=jars)


def brings_delta(conf: Mapping[str, str]) -> bool:
    """Whether the user has chosen a version."""
    return any(re.search(r"delta-(spark|core)_", conf.get(name, "")) for name in JAR_SETTINGS)


def delta_conf(conf: Mapping[str, str]) -> dict[str, str]:
    """`conf` wins; Delta's extension is added to its extensions."""
    defaults = {
        CATALOG: DELTA_CATALOG,
        "spark.sql.sources.default": "delta",
        # The log of a table on one machine is small: 50 tasks to read it, Delta's default, take seconds.
        "spark.databricks.delta.snapshotPartitions": "1",
        # VACUUM lists a table's files in so many tasks; with Spark's default, 10,000, it takes half a minute.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(max(2, os.cpu_count() or 1)),
    }
    if conf.get(CATALOG, DELTA_CATALOG) != DELTA_CATALOG:
        del defaults["spark.sql.sources.default"]  # another catalog makes no Delta tables
    extensions = [one.strip() for one in conf.get(EXTENSIONS, "").split(",") if one.strip()]
    if EXTENSION not in extensions:
        extensions.append(EXTENSION)
    return {**defaults, **conf, EXTENSIONS: ",".join(extensions)}


# ------------------------------------------------------------------------------------------------ the jars
def release_for(spark_version: str) -> Coordinate | None:
    found = RELEASES.get(".".join(spark_version.split(".")[:2]))
    return Coordinate.read(found) if found else None


def cached_jars() -> tuple[Path, ...]:
    """The jars on the class path of the next session; empty if they are not fetched yet."""
    release = release_for(version("pyspark"))
    return jars_in(_folder_of(release)) if release else ()


def delta_jars(conf: Mapping[str, str], groups: ProcessGroups, wait_s: float = WAIT_S) -> tuple[Path, ...]:
    """In a fixed order, from the cache, or fetched into it within `wait_s`. Raises DeltaMissing."""
    spark_version = version("pyspark")
    release = release_for(spark_version)
    if release is None:
        raise DeltaMissing(f"no version of it is known to fit Spark {spark_version}, only to {', '.join(RELEASES)}")
    folder = _folder_of(release)
    if jars := jars_in(folder):
        return jars
    failed_at, reason = _failures.get(folder, (0.0, ""))
    if reason and time.monotonic() - failed_at < RETRY_AFTER_S:
        raise DeltaMissing(reason)
    outcome: queue.SimpleQueue[str] = queue.SimpleQueue()
    thread = threading.Thread(
        target=lambda: outcome.put(fetch_into(release, folder, conf, groups)), name="delta", daemon=True
    )
    thread.start()
    try:
        reason = outcome.get(timeout=wait_s)
    except queue.Empty:
        reason = (
            f"{release} was not there after {wait_s:.0f} s. It is waited for no longer; a later session may have it"
        )
    else:
        reason = reason and f"{reason}. It is asked for again by the next server, or in an hour"
    if reason:
        _failures[folder] = time.monotonic(), reason
        raise DeltaMissing(reason)
    return jars_in(folder)


def _folder_of(release: Coordinate) -> Path:
    return cache_folder() / "delta" / f"{release.name}-{release.version}"
