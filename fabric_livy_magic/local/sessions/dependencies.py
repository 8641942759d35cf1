"""The files that a request names beside its code (jars, Python files, data, archives), for Spark to find on this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath, local_path, scheme_of
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.spark.session_request import SessionRequest

# Fields of a request, and the settings that say the same.
SETTINGS = {
    "jars": "spark.jars",
    "py_files": "spark.submit.pyFiles",
    "files": "spark.files",
    "archives": "spark.archives",
}
OURS = frozenset({"", "abfss", "abfs", "file", "local"})

Request = TypeVar("Request", bound=SessionRequest)


def with_local_files(
    request: Request, lakehouse: Lakehouse, workspaces: Workspaces, *, settings_too: bool = True
) -> Request:
    """The same request with local addresses in its settings, which is where Spark looks. Raises BadPath.

    Without `settings_too`, what the settings themselves name stays as it is, and is Spark's to find.
    """
    conf = dict(request.conf)
    for field, setting in SETTINGS.items():
        given = [part.strip() for part in conf.get(setting, "").split(",") if part.strip()]
        named = [spark_address(one, field, lakehouse, workspaces) for one in getattr(request, field)]
        if settings_too:
            given = [spark_address(one, field, lakehouse, workspaces) for one in given]
        if given or named:
            conf[setting] = ",".join([*given, *named])
    return replace(request, conf=conf)


def spark_address(path: str, field: str, lakehouse: Lakehouse, workspaces: Workspaces) -> str:
    """What has another scheme (https, s3a) is Spark's own to fetch."""
    if scheme_of(path) not in OURS:
        return path
    # An archive may say where it is unpacked: archive.zip#folder
    name, mark, folder = path.partition("#") if field == "archives" else (path, "", "")
    found = local_path(name, lakehouse, workspaces)
    if set(str(found)) & set(",*?[]{}"):
        raise BadPath(f"{path!r}: Spark takes a comma for the end of a path and *?[]{{}} for a pattern")
    return f"{found.as_uri()}{mark}{folder}"
