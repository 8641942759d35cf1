"""Delta Lake's jars: fetched once, kept, and waited for with a time-out. From a local server, with empty jars."""

from __future__ import annotations

import threading
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.delta import (
    CATALOG,
    EXTENSION,
    EXTENSIONS,
    DeltaMissing,
    brings_delta,
    delta_conf,
    delta_jars,
    release_for,
    with_delta,
)
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SparkSettings
from tests.support.maven_server import MavenServer, repository

DEFAULT = "spark.sql.sources.default"


# ------------------------------------------------------------------------------------------------ settings
def test_the_users_settings_win_over_the_defaults() -> None:
    conf = delta_conf({DEFAULT: "parquet", "spark.databricks.delta.snapshotPartitions": "7"})
    assert conf[DEFAULT] == "parquet"
    assert conf["spark.databricks.delta.snapshotPartitions"] == "7"
    assert conf[EXTENSIONS] == EXTENSION


@pytest.mark.parametrize(
    ("own", "extensions"),
    [("", EXTENSION), ("a.B, c.D", f"a.B,c.D,{EXTENSION}"), (f"{EXTENSION},a.B", f"{EXTENSION},a.B")],
)
def test_deltas_extension_is_added_to_those_of_the_user(own: str, extensions: str) -> None:
    assert delta_conf({EXTENSIONS: own})[EXTENSIONS] == extensions


def test_another_catalog_of_the_users_keeps_its_own_default_format() -> None:
    conf = delta_conf({CATALOG: "org.apache.iceberg.spark.SparkSessionCatalog"})
    assert conf[CATALOG] == "org.apache.iceberg.spark.SparkSessionCatalog"
    assert DEFAULT not in conf


@pytest.mark.parametrize(
    ("conf", "brings"),
    [
        ({"spark.jars.packages": "a:b:1,io.delta:delta-spark_2.12:3.3.0"}, True),
        ({"spark.jars.packages": "io.delta:delta-core_2.12:2.4.0"}, True),
        ({"spark.jars": "/x/delta-spark_2.12-3.3.3.jar"}, True),
        ({"spark.driver.extraClassPath": "/x/io.delta_delta-spark_2.12-3.3.3.jar"}, True),
        ({"spark.jars.packages": "io.delta:delta-sharing-client_2.12:1.0", "spark.jars": "/delta/own.jar"}, False),
        ({}, False),
    ],
)
def test_a_delta_version_of_the_users_own_is_noticed(conf: dict[str, str], brings: bool) -> None:
    assert brings_delta(conf) == brings


@pytest.mark.parametrize(
    ("spark", "release"),
    [
        ("3.5.3", "io.delta:delta-spark_2.12:3.3.3"),
        ("3.5.10", "io.delta:delta-spark_2.12:3.3.3"),
        ("4.0.1", "io.delta:delta-spark_4.0_2.13:4.4.0"),
        ("3.50.0", "None"),
        ("5.0.0", "None"),
    ],
)
def test_each_line_of_spark_has_its_release(spark: str, release: str) -> None:
    assert str(release_for(spark)) == release


# ------------------------------------------------------------------------------------------------ jars
@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DEFAULT_ARTIFACT_REPOSITORY", raising=False)
    return tmp_path


def maven_server(**options: str) -> MavenServer:
    """With the jars that fit the Spark which is installed here."""
    release = release_for(version("pyspark"))
    assert release is not None
    return MavenServer(repository(release.name, release.version), **options)  # type: ignore[arg-type]


def mirrored_by(server: MavenServer, home: Path) -> None:
    (home / ".m2").mkdir()
    mirror = f"<mirror><id>m</id><mirrorOf>central</mirrorOf><url>{server.url}</url></mirror>"
    (home / ".m2" / "settings.xml").write_text(f"<settings><mirrors>{mirror}</mirrors></settings>", encoding="utf-8")


@pytest.mark.spark
def test_jars_are_fetched_once_from_the_mirror_and_kept(home: Path, groups: ProcessGroups) -> None:
    with maven_server().serving() as server:
        mirrored_by(server, home)
        settings = with_delta(SparkSettings(1, {"a": "b"}), groups)
    assert [path.name.partition("_")[2].rpartition("-")[0] for path in settings.jars] == [
        str(release_for(version("pyspark"))).split(":")[1], "delta-storage",
    ]  # fmt: skip
    assert settings.conf["a"] == "b"
    assert settings.conf[DEFAULT] == "delta"
    assert with_delta(SparkSettings(1), groups).jars == settings.jars  # the server is gone
    assert not list((cache_folder() / "delta").glob(".draft-*"))


@pytest.mark.spark
def test_concurrent_fetches_get_the_same_jars(home: Path, groups: ProcessGroups) -> None:
    found = []
    with maven_server().serving() as server:
        mirrored_by(server, home)
        threads = [threading.Thread(target=lambda: found.append(delta_jars({}, groups))) for _ in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert (
        len([path for path in server.requests if path.endswith(".jar")]) <= 4
    )  # of two jars, each with a HEAD and a GET


@pytest.mark.spark
def test_a_failed_fetch_is_not_retried_soon(home: Path, groups: ProcessGroups) -> None:
    with maven_server().serving() as server:
        server.files.clear()
        mirrored_by(server, home)
        with pytest.raises(
            DeltaMissing, match=r"tables are Parquet here: 127\.0\.0\.1 has no io\.delta:delta-spark"
        ) as first:
            delta_jars({}, groups)
        requests_before = len(server.requests)
        with pytest.raises(DeltaMissing) as second:
            delta_jars({}, groups)
    assert str(second.value) == str(first.value)
    assert len(server.requests) == requests_before
    assert "~/.m2/settings.xml" in str(first.value)


@pytest.mark.spark
def test_jars_that_are_slow_to_come_are_there_for_a_later_session(home: Path, groups: ProcessGroups) -> None:
    with maven_server(holding=".jar").serving() as server:
        mirrored_by(server, home)
        with pytest.raises(DeltaMissing, match="was not there after 2 s"):
            delta_jars({}, groups, wait_s=2)
        server.released.set()
        until = time.monotonic() + 30
        while not list((cache_folder() / "delta").glob("*/*.jar")) and time.monotonic() < until:
            time.sleep(0.05)
        assert len(delta_jars({}, groups)) == 2


@pytest.mark.spark
def test_maven_settings_that_cannot_be_read_are_reported(home: Path, groups: ProcessGroups) -> None:
    (home / ".m2").mkdir()
    (home / ".m2" / "settings.xml").write_text("<settings>", encoding="utf-8")
    with pytest.raises(DeltaMissing, match=r"settings\.xml is no XML"):
        delta_jars({}, groups)


@pytest.mark.spark
def test_a_version_of_the_users_own_is_left_alone(home: Path, groups: ProcessGroups) -> None:
    conf = {"spark.jars.packages": "io.delta:delta-spark_2.12:3.3.0"}
    settings = with_delta(SparkSettings(1, conf), groups)
    assert settings.jars == ()
    assert settings.conf[DEFAULT] == "delta"
