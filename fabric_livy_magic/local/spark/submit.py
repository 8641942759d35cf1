"""How Spark's own submitter is started: directly, without spark-submit's shell and second JVM."""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.spark.class_data import class_data
from fabric_livy_magic.local.spark.java import find_java, java_options
from fabric_livy_magic.local.spark.scala_classes import scala_classes
from fabric_livy_magic.local.spark.settings import MIB, SessionFolders, SparkSettings, properties_text
from fabric_livy_magic.local.spark.trust import trust_options
from fabric_livy_magic.started_processes import python_path, started_environment

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")

PACKAGES_VARIABLE = "LIVY_SESSION_PACKAGES"  # as in the agent's packages.py

# Not passed from the server's environment to Spark: settings of other Sparks, and what is for client and server.
NOT_INHERITED = (
    "FABRIC_LIVY_",
    "PYSPARK_",
    "SPARK_",
    "_PYSPARK_",
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
    "JDK_JAVA_OPTIONS",
)


def spark_home() -> Path:
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise LocalFabricError('pyspark is not installed: pip install "fabric-livy-magic[local]"')
    return Path(found.origin).parent


def python_environment() -> dict[str, str]:
    """What all Python processes of sessions have in common from their start."""
    inherited = {key: value for key, value in started_environment().items() if not key.startswith(NOT_INHERITED)}
    # PySpark requires the seed: executors must hash strings as the driver does.
    return inherited | {
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(python_path(inherited)),
    }


def spark_environment(folders: SessionFolders, python: str) -> dict[str, str]:
    """The environment of an application's JVM and Python processes."""
    inherited = python_environment()
    return inherited | {
        # The folder is there from the beginning: Python does not look again for one that was missing at its start.
        "PYTHONPATH": os.pathsep.join([str(folders.packages), inherited["PYTHONPATH"]]),
        PACKAGES_VARIABLE: str(folders.packages),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(folders.private),
        "SPARK_LOCAL_DIRS": str(folders.spark_local),  # the setting spark.local.dir would be warned about
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def submit_command(folders: SessionFolders, settings: SparkSettings, *application: str) -> list[str]:
    """`application` is what spark-submit takes after its settings, which go into a file that only this user can read."""
    properties = folders.private / "spark.properties"
    properties.touch(mode=0o600)
    properties.write_text(properties_text(settings.conf), encoding="ascii")
    java = find_java(version("pyspark"))
    jars = spark_home() / "jars"
    extra = settings.extra_class_path
    own_jars = [*settings.jars, *scala_classes(jars)]
    archive = None if extra else class_data(java, [jars, *own_jars])
    class_path = [*([extra] if extra else []), f"{jars}/*", *map(str, own_jars), *settings.local_jars]
    return [
        str(java),
        *java_options(java),
        f"-Xmx{settings.heap_bytes // MIB}m",
        f"-Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()}",
        f"-Djava.io.tmpdir={folders.private}",
        f"-Dderby.system.home={folders.private}",  # an application that uses Hive all the same makes its metastore there
        *(archive.options() if archive else []),
        *trust_options(java, settings.java_options),
        *settings.java_options,
        "-cp",
        os.pathsep.join(class_path),
        "org.apache.spark.deploy.SparkSubmit",
        "--properties-file",
        str(properties),
        *application,
    ]
