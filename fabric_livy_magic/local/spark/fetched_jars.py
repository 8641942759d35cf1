"""Jars of a Maven coordinate in the cache folder: fetched once per machine, by one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from fabric_livy_magic.local.spark.ivy import JarsUnavailable, Sources, fetch
from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.maven import BadMavenSettings, Coordinate
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.submit import spark_home
from fabric_livy_magic.own_folders import close_to_others, own_folder


def jars_in(folder: Path) -> tuple[Path, ...]:
    """In a fixed order."""
    return tuple(sorted(folder.glob("*.jar")))


def fetch_into(release: Coordinate, folder: Path, conf: Mapping[str, str], groups: ProcessGroups) -> str:
    """Returns the reason of a failure; empty if the jars are there."""
    try:
        with _exclusive_lock(folder.parent):
            if not jars_in(folder):  # another server may have fetched them
                _fetch_locked(release, folder, conf, groups)
        return ""
    except JarsUnavailable as none:
        return (
            f"{none}. In a closed network, name a mirror of Maven"
            f" Central in ~/.m2/settings.xml, or put {release} with its dependencies into ~/.m2/repository"
        )
    except BadMavenSettings as wrong:
        return str(wrong)
    except Exception as problem:  # noqa: BLE001 - a session without these jars is better than none
        return f"{type(problem).__name__}: {problem}"


def _fetch_locked(release: Coordinate, folder: Path, conf: Mapping[str, str], groups: ProcessGroups) -> None:
    for draft_folder in folder.parent.glob(".draft-*"):
        shutil.rmtree(draft_folder, ignore_errors=True)  # of a server that was killed
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"), None)
    if ivy is None:
        raise JarsUnavailable("Spark's own Ivy is not among its jars")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".draft-") as draft:  # 0700: it holds passwords
        jars = fetch(release, Sources.of_user(conf), find_java(version("pyspark")), ivy, Path(draft), groups)
        close_to_others(jars)
        jars.rename(folder)


@contextlib.contextmanager
def _exclusive_lock(folder: Path) -> Iterator[None]:
    """Only one server fetches; the others wait, and then find the jars."""
    with (own_folder(folder) / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
