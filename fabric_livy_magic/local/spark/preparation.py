"""Completes the settings of an application before it starts: Delta Lake, and the classes for lakehouse paths and names."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.spark.delta import DeltaMissing, with_delta
from fabric_livy_magic.local.spark.java import find_java
from fabric_livy_magic.local.spark.lakehouse_classes import (
    NoLakehouseClasses,
    compile_lakehouse_classes,
    with_lakehouse_names,
    write_lakehouses,
)
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.settings import SessionFolders, SparkSettings
from fabric_livy_magic.local.spark.source_jars import with_sources
from fabric_livy_magic.local.spark.submit import spark_home


def prepare_settings(
    settings: SparkSettings,
    folders: SessionFolders,
    groups: ProcessGroups,
    lakehouse: Lakehouse,
    workspaces: Workspaces,
    note: Callable[[str], None],
) -> tuple[SparkSettings, str]:
    """The complete settings, and what is missing in them and why. Takes seconds for the first application on a machine."""
    fallback = ""
    with ThreadPoolExecutor(2) as pool:
        sources = pool.submit(with_sources, settings, groups)
        jar = pool.submit(compile_lakehouse_classes, find_java(version("pyspark")), spark_home() / "jars")
        try:
            settings = with_delta(settings, groups)
        except DeltaMissing as missing:
            fallback = str(missing)
            note(fallback)
    settings = replace(
        settings, conf={**sources.result().conf, **settings.conf}, jars=(*settings.jars, *sources.result().jars)
    )
    file = folders.private / "lakehouses.json"
    try:
        settings = with_lakehouse_names(settings, jar.result(), file)
    except NoLakehouseClasses as none:
        note(str(none))
    else:
        write_lakehouses(file, workspaces, lakehouse, folders.resources)
    return settings, fallback
