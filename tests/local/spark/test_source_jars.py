"""Avro's and XML's jars: fetched once beside Delta's, and what is said where they cannot be had. From a local server."""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.ivy import module_text
from fabric_livy_magic.local.spark.maven import Coordinate
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SparkSettings
from fabric_livy_magic.local.spark.source_jars import (
    REASON_CONF,
    RETRY_AFTER_S,
    brings,
    cached_source_jars,
    source_releases,
    with_sources,
)
from tests.support.maven_server import EMPTY_ZIP, MavenServer, pom


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("spark", "releases"),
    [
        ("3.5.9", ["org.apache.spark:spark-avro_2.12:3.5.9", "com.databricks:spark-xml_2.12:0.18.0"]),
        ("4.0.1", ["org.apache.spark:spark-avro_2.13:4.0.1"]),
    ],
)
def test_each_spark_has_the_sources_that_it_lacks(spark: str, releases: list[str]) -> None:
    assert [str(one) for one in source_releases(spark)] == releases


@pytest.mark.parametrize(
    ("conf", "names"),
    [
        ({"spark.jars.packages": "org.apache.spark:spark-avro_2.12:3.5.1"}, ["spark-avro_2.12"]),
        ({"spark.jars": "/x/spark-xml_2.12-0.17.0.jar"}, ["spark-xml_2.12"]),
        ({"spark.jars": "/x/my-avro_2.jar", "spark.jars.packages": "a:b:1"}, []),
    ],
)
def test_a_version_of_the_users_own_is_left_alone(conf: dict[str, str], names: list[str]) -> None:
    assert [one.name for one in source_releases("3.5.9") if brings(conf, one)] == names


def test_a_module_of_spark_s_own_is_not_excluded_with_its_group() -> None:
    assert "exclude" not in module_text(Coordinate.read("org.apache.spark:spark-avro_2.12:3.5.9"))
    assert 'exclude org="org.apache.spark"' in module_text(Coordinate.read("a:b:1"))


def files_of(release: Coordinate) -> dict[str, bytes]:
    start = release.pom.removesuffix(".pom")
    return {f"{start}.pom": pom(release.group, release.name, release.version), f"{start}.jar": EMPTY_ZIP}


@pytest.mark.spark
def test_what_can_be_had_is_kept_and_what_cannot_is_said_and_not_asked_for_again_that_day(
    home: Path, groups: ProcessGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = source_releases(version("pyspark"))
    with MavenServer(files_of(releases[0])).serving() as server:
        monkeypatch.setenv("DEFAULT_ARTIFACT_REPOSITORY", f"{server.url}/")
        first = with_sources(SparkSettings(1, {"a": "b"}), groups, wait_s=60)
        requests = len(server.requests)
        assert with_sources(SparkSettings(1, {"a": "b"}), groups) == first
        assert len(server.requests) == requests
        assert [jar.name for jar in first.jars] == [f"org.apache.spark_{releases[0].name}-{releases[0].version}.jar"]
        assert first.jars == cached_source_jars()
        if len(releases) == 1:
            return
        assert f"127.0.0.1 has no {releases[1]}" in first.conf[REASON_CONF]
        server.files.update(files_of(releases[1]))
        (failed,) = (cache_folder() / "sources").glob("*/*.failed")
        os.utime(failed, (0, time.time() - RETRY_AFTER_S - 1))
        second = with_sources(SparkSettings(1), groups, wait_s=60)
    assert len(second.jars) == 2
    assert (REASON_CONF in second.conf, failed.exists()) == (False, False)
