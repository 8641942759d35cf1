"""Sources that Fabric's runtime has and Spark's pip package has not: Avro, and XML before Spark 4.

Half a megabyte of jars, fetched once per machine beside Delta's and then on the class path of every session. A session waits
for them only on a machine that has none, and where they cannot be had that is tried again after a day; until then the two
sources say why they are missing (`MissingSource.java`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.delta import JAR_SETTINGS
from fabric_livy_magic.local.spark.fetched_jars import fetch_into, jars_in
from fabric_livy_magic.local.spark.maven import Coordinate
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SparkSettings

XML = "com.databricks:spark-xml_2.12:0.18.0"
REASON_CONF = "spark.hadoop.fabric_livy.missing_sources"
WAIT_S = 20.0
RETRY_AFTER_S = 24 * 3600


def source_releases(spark_version: str) -> tuple[Coordinate, ...]:
    """Avro is compiled for one release of Spark; XML is a part of Spark since 4.0."""
    old = spark_version.startswith("3.")
    avro = f"org.apache.spark:spark-avro_{'2.12' if old else '2.13'}:{spark_version}"
    return tuple(Coordinate.read(one) for one in ((avro, XML) if old else (avro,)))


def with_sources(settings: SparkSettings, groups: ProcessGroups, wait_s: float = WAIT_S) -> SparkSettings:
    """The settings of an application with the sources whose jars are there; what is missing is noted in a setting."""
    own = [one for one in source_releases(version("pyspark")) if not brings(settings.conf, one)]
    missing = [one for one in own if not jars_in(_folder_of(one)) and not _failed_lately(one)]
    if missing:
        pool = ThreadPoolExecutor(len(missing), thread_name_prefix="sources")
        wait([pool.submit(_fetch, one, settings.conf, groups) for one in missing], wait_s)
        pool.shutdown(wait=False)
    jars = tuple(jar for one in own for jar in jars_in(_folder_of(one)))
    reasons = [_reason(one) for one in own if not jars_in(_folder_of(one))]
    conf = {**settings.conf, **({REASON_CONF: "; ".join(reasons)} if reasons else {})}
    return replace(settings, conf=conf, jars=(*settings.jars, *jars))


def cached_source_jars() -> tuple[Path, ...]:
    """Those on the class path of the next session."""
    return tuple(jar for one in source_releases(version("pyspark")) for jar in jars_in(_folder_of(one)))


def brings(conf: Mapping[str, str], release: Coordinate) -> bool:
    """Whether the user has chosen a version."""
    name = re.escape(release.name.partition("_")[0])
    return any(re.search(rf"\b{name}_", conf.get(setting, "")) for setting in JAR_SETTINGS)


def _folder_of(release: Coordinate) -> Path:
    return cache_folder() / "sources" / release.name / release.version  # one is fetched beside the other


def _failure_file(release: Coordinate) -> Path:
    return _folder_of(release).with_name(f"{release.version}.failed")


def _failed_lately(release: Coordinate) -> bool:
    try:
        return time.time() - _failure_file(release).stat().st_mtime < RETRY_AFTER_S
    except OSError:
        return False


def _reason(release: Coordinate) -> str:
    try:
        return _failure_file(release).read_text(encoding="utf-8")
    except OSError:
        return f"{release} is not there yet, and a later session may have it"


def _fetch(release: Coordinate, conf: Mapping[str, str], groups: ProcessGroups) -> None:
    reason = fetch_into(release, _folder_of(release), conf, groups)
    if reason:
        text = f"{reason}. It is tried again after a day, or once {_failure_file(release)} is removed"
        _failure_file(release).write_text(text, encoding="utf-8")
    else:
        _failure_file(release).unlink(missing_ok=True)
