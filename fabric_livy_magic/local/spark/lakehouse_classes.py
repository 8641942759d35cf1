"""Java classes for Fabric's paths (abfss, `/lakehouse/default`, relative) and lakehouse names in Spark.

Their sources, in `jvm_sources`, are compiled once per machine into the cache folder, by Janino, the compiler of Spark's
generated code. That takes some two seconds; the first session does it while it fetches Delta's jars.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JError, Py4JJavaError

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.spark.cache import cache_folder
from fabric_livy_magic.local.spark.settings import LAKEHOUSES_SETTING, SparkSettings
from fabric_livy_magic.own_folders import own_folder

SOURCES = Path(__file__).with_name("jvm_sources")
PACKAGE = "fabric_livy_magic.local"
SERVICES = "META-INF/services/org.apache.spark.sql.sources.DataSourceRegister"
MISSING_SOURCES = ("Avro", "Xml", "DatabricksXml")
EXTENSIONS = "spark.sql.extensions"
JVM_END_S = 5.0
UNAVAILABLE = "abfss:// and names of lakehouses are not to be had with this Spark"


class NoLakehouseClasses(Exception):  # noqa: N818 - the message is for the user
    pass


def with_lakehouse_names(settings: SparkSettings, jar: Path, file: Path) -> SparkSettings:
    """The settings of an application that resolves the lakehouses in `file`. The user's settings win."""
    extensions = [one for one in settings.conf.get(EXTENSIONS, "").split(",") if one.strip()]
    own_extension_last = {EXTENSIONS: ",".join([*extensions, f"{PACKAGE}.LakehouseNames"])}
    conf = {**_conf(file), **settings.conf, **own_extension_last}  # Spark calls the last one first
    return replace(settings, conf=conf, jars=(*settings.jars, jar))


def _conf(file: Path) -> dict[str, str]:
    return {
        LAKEHOUSES_SETTING: str(file),
        "spark.hadoop.fs.abfss.impl": f"{PACKAGE}.OneLakeFileSystem",
        "spark.hadoop.fs.abfs.impl": f"{PACKAGE}.OneLakeFileSystem",
        "spark.hadoop.fs.file.impl": f"{PACKAGE}.LakehouseFiles",
        "spark.hadoop.fs.AbstractFileSystem.file.impl": f"{PACKAGE}.LakehouseFiles$ForContexts",
        # Properties of Fabric's own Delta, such as delta.parquet.vorder.enabled, are no error.
        "spark.databricks.delta.allowArbitraryProperties.enabled": "true",
    }


# ------------------------------------------------------------------------------------------------ compiling
def compile_lakehouse_classes(java: Path, spark_jars: Path) -> Path:
    """The jar, which is compiled if it does not exist. Raises NoLakehouseClasses."""
    jar = jar_of(spark_jars)
    if not jar.exists():
        try:
            own_folder(jar.parent)
            _compile(java, spark_jars, jar)
        except (Py4JError, OSError, TypeError) as problem:  # TypeError: no Janino among the jars
            reason = str(problem).strip().splitlines()[1:2] or [str(problem)]
            raise NoLakehouseClasses(f"{UNAVAILABLE}: {reason[0]}") from problem
    return jar


def lakehouse_classes(spark_jars: Path) -> tuple[Path, ...]:
    """The jar, if it was compiled; as a tuple, for a class path."""
    made = jar_of(spark_jars)
    return (made,) if made.exists() else ()


def jar_of(spark_jars: Path) -> Path:
    """Its name is a hash of the sources and of the Spark that they are compiled against."""
    spark = sorted(jar.name for jar in spark_jars.glob("spark-catalyst_*.jar"))
    texts = b"".join(source.read_bytes() for source in _sources())
    return cache_folder() / "own-classes" / f"{hashlib.sha256(repr(spark).encode() + texts).hexdigest()[:24]}.jar"


def _sources() -> list[Path]:
    return sorted(SOURCES.glob("*.java"))


def _compile(java: Path, spark_jars: Path, jar: Path) -> None:
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    port, token, jvm = launch_gateway(
        classpath=f"{spark_jars}/*",
        javaopts=quick,
        java_path=str(java),
        die_on_exit=True,
        enable_auth=True,
        return_proc=True,
    )
    gateway: Any = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
    try:
        with tempfile.TemporaryDirectory(dir=jar.parent) as made:
            file_class = gateway.jvm.java.io.File
            sources = gateway.new_array(file_class, len(_sources()))
            for position, source in enumerate(_sources()):
                sources[position] = file_class(str(source))
            compiler = gateway.jvm.org.codehaus.janino.Compiler()
            compiler.setDestinationDirectory(file_class(made), False)
            compiler.compile(sources)
            draft = jar.with_name(f".{os.getpid()}-{jar.name}")
            with zipfile.ZipFile(draft, "w") as packed:
                for file in sorted(Path(made).rglob("*.class")):
                    packed.write(file, file.relative_to(made))
                packed.writestr(SERVICES, "".join(f"{PACKAGE}.MissingSource${one}\n" for one in MISSING_SOURCES))
            draft.replace(jar)
    except Py4JJavaError as refused:  # its text is available only while the gateway runs
        raise NoLakehouseClasses(f"{UNAVAILABLE}: {refused.java_exception.toString()}") from None
    finally:
        gateway.shutdown()
        end_jvm(jvm)


def end_jvm(jvm: subprocess.Popen[bytes]) -> None:
    """It reads its standard input to the end, after its gateway has ended as well: it would live, and hold 236 MB, as long as we do."""
    if jvm.stdin:
        jvm.stdin.close()
    try:
        jvm.wait(JVM_END_S)
    except subprocess.TimeoutExpired:
        jvm.kill()
        jvm.wait()


# ------------------------------------------------------------------------------------------------ the file that they read
def prefixes(workspaces: Workspaces, own: Lakehouse) -> dict[Path, str]:
    """By folder of a lakehouse, which may have several names and ids: the prefix of its schemas, which are databases of one
    catalog in Spark. Empty for `own`.
    """
    plain: dict[Path, tuple[str, str]] = {}
    for workspace in sorted(workspaces.all, key=lambda one: one.id != own.workspace_id):
        for one in workspace.lakehouses:
            names = [one.name] if one.workspace_id == own.workspace_id else [workspace.name, one.name]
            words = (re.sub(r"\W", "_", name, flags=re.ASCII).lower() for name in names)
            plain.setdefault(one.folder, ("__".join(words), one.id))
    times = Counter(name for name, _ in plain.values())
    made = {folder: f"{name}__" if times[name] == 1 else f"{name}_{id_[:8]}__" for folder, (name, id_) in plain.items()}
    return {**made, own.folder: ""}


def folders_by_prefix(workspaces: Workspaces, own: Lakehouse) -> dict[str, Path]:
    return {prefix: folder for folder, prefix in prefixes(workspaces, own).items()}


def write_lakehouses(file: Path, workspaces: Workspaces, own: Lakehouse, resources: Path) -> None:
    prefix_by_folder = prefixes(workspaces, own)
    described = workspaces.to_json()
    for workspace in described:
        for one in workspace["lakehouses"]:
            one["prefix"] = prefix_by_folder[Path(one["folder"])]
            one["own"] = (workspace["id"], one["id"]) == (own.workspace_id, own.id)
    file.write_text(json.dumps({"workspaces": described, "resources": str(resources)}), encoding="utf-8")
