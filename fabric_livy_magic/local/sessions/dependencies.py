"""The files that a request names (jars, Python files, data, archives), with the addresses where Spark finds them here."""

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
LOCAL_SCHEMES = frozenset({"", "abfss", "abfs", "file", "local"})

Request = TypeVar("Request", bound=SessionRequest)


def with_local_files(
    request: Request, lakehouse: Lakehouse, workspaces: Workspaces, *, resolve_conf: bool = True
) -> Request:
    """The same request with local addresses in its conf, which Spark reads. Raises BadPath.

    Without `resolve_conf`, addresses in the conf itself stay as they are.
    """
    conf = dict(request.conf)
    for field, setting in SETTINGS.items():
        in_conf = [part.strip() for part in conf.get(setting, "").split(",") if part.strip()]
        in_request = [spark_address(one, field, lakehouse, workspaces) for one in getattr(request, field)]
        if resolve_conf:
            in_conf = [spark_address(one, field, lakehouse, workspaces) for one in in_conf]
        if in_conf or in_request:
            conf[setting] = ",".join([*in_conf, *in_request])
    return replace(request, conf=conf)


def spark_address(path: str, field: str, lakehouse: Lakehouse, workspaces: Workspaces) -> str:
    """Addresses of other schemes (https, s3a) stay as they are: Spark fetches them itself."""
    if scheme_of(path) not in LOCAL_SCHEMES:
        return path
    # An archive may say where it is unpacked: archive.zip#folder
    name, mark, folder = path.partition("#") if field == "archives" else (path, "", "")
    local = local_path(name, lakehouse, workspaces)
    if set(str(local)) & set(",*?[]{}"):
        raise BadPath(f"{path!r}: Spark takes a comma for the end of a path and *?[]{{}} for a pattern")
    return f"{local.as_uri()}{mark}{folder}"
