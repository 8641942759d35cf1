"""Resolves OneLake names and Spark's kinds of paths to files of this machine.

    abfss://<workspace>@onelake.dfs.fabric.microsoft.com/<lakehouse>[.Lakehouse]/Files/x.py     by names or by ids
    Files/x.py                          in the lakehouse that the request is for
    /lakehouse/default/Files/x.py       the same, as Fabric mounts it
    file:/tmp/x.py, /tmp/x.py           below the folder of a lakehouse, or of the system's temporary files

Everything else is an error, so that no path reaches a file outside of these.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace, Workspaces

LONGEST_NAME_BYTES = 255
MOUNT = "/lakehouse/default"
SUFFIX = ".lakehouse"
ONELAKE_HOST = re.compile(r"([a-z0-9-]+-)?onelake\.(dfs|blob)\.fabric\.microsoft\.com", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class BadPath(ValueError):  # noqa: N818 - says what is wrong
    """Malformed, or outside of what requests may use."""


class NoSuchWorkspace(BadPath):
    pass


class NoSuchLakehouse(BadPath):
    pass


class Outside(BadPath):
    """`path` is as in the request, without its scheme."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


# ------------------------------------------------------------------------------------------------ names
def find_workspace(workspaces: Workspaces, name: str) -> Workspace:
    """By its id or its name, in any letter case. Raises BadPath."""
    found = [one for one in workspaces.all if name.casefold() in (one.id, one.name.casefold())]
    if not found:
        raise NoSuchWorkspace(f"there is no workspace {name!r}")
    if len(found) > 1:
        raise BadPath(f"{len(found)} workspaces are called {name!r}; use the id of the one that is meant")
    return found[0]


def find_lakehouse(workspace: Workspace, item: str) -> Lakehouse:
    """By its id or its name, with or without `.Lakehouse` behind it. Raises BadPath."""
    name = item[: -len(SUFFIX)] if item.lower().endswith(SUFFIX) else item
    found = [one for one in workspace.lakehouses if name.casefold() in (one.id, one.name.casefold())]
    if not found:
        raise NoSuchLakehouse(f"there is no lakehouse {item!r} in the workspace {workspace.name!r}")
    if len(found) > 1:
        raise BadPath(f"{len(found)} lakehouses are called {item!r}; use the id of the one that is meant")
    return found[0]


# ------------------------------------------------------------------------------------------------ inside a folder
def segments(path: str) -> tuple[str, ...]:
    """Without empty ones. Raises BadPath for `.`, `..` and for what cannot be a file name."""
    parts = tuple(part for part in path.split("/") if part)
    for part in parts:
        if part in (".", ".."):
            raise BadPath(f"{part!r} is no part of a path here")
        if _FORBIDDEN.search(part):
            raise BadPath(f"a name may hold neither backslashes nor control characters: {part!r}")
        if len(part.encode("utf-8")) > LONGEST_NAME_BYTES:
            raise BadPath(f"a name may have {LONGEST_NAME_BYTES} bytes at most: {part[:40]!r}…")
    return parts


def path_within(folder: Path, parts: Sequence[str]) -> Path:
    """The file, which need not exist. Links are followed inside the folder. Raises Outside."""
    root = Path(os.path.realpath(folder))
    path = root.joinpath(*parts)
    if not is_inside(path, root):
        raise Outside("/".join(parts), f"{'/'.join(parts)!r} leads out of the lakehouse")
    return Path(os.path.realpath(path.parent)) / path.name if parts else root


def is_inside(path: Path, root: Path) -> bool:
    """After following links."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


# ------------------------------------------------------------------------------------------------ paths of requests
def scheme_of(path: str) -> str:
    match = _SCHEME.match(path)
    return match[1].lower() if match else ""


def local_path(path: str, lakehouse: Lakehouse, workspaces: Workspaces) -> Path:
    """The file that a path in a request to `lakehouse` names; it need not exist. Raises BadPath."""
    scheme = scheme_of(path)
    if scheme in ("abfss", "abfs"):
        return _onelake_path(path, workspaces)
    if scheme in ("file", "local"):
        return _machine_path(unquote(_without_host(path.partition(":")[2])), lakehouse, workspaces)
    if scheme:
        raise BadPath(f"{path!r}: this server reads OneLake (abfss) and local files only, not {scheme}")
    if path.startswith("/"):
        return _machine_path(path, lakehouse, workspaces)
    if not path:
        raise BadPath("a path is needed")
    return path_within(lakehouse.folder, segments(path))


def _onelake_path(uri: str, workspaces: Workspaces) -> Path:
    match = re.fullmatch(r"abfss?://([^@/]+)@([^/]*)/([^/]+)/?(.*)", uri, re.IGNORECASE | re.DOTALL)
    if not match:
        raise BadPath(
            f"{uri!r} is not of the form abfss://workspace@onelake.dfs.fabric.microsoft.com/lakehouse/Files/…"
        )
    workspace, host, item, path = match.groups()
    if not ONELAKE_HOST.fullmatch(host):
        raise BadPath(f"{host!r} is not OneLake (onelake.dfs.fabric.microsoft.com), and this server has nothing else")
    found = find_lakehouse(find_workspace(workspaces, unquote(workspace)), unquote(item))
    return path_within(found.folder, segments(unquote(path)))


def _without_host(rest: str) -> str:
    if not rest.startswith("//"):
        return rest
    host, _, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        raise BadPath(f"{host!r} is another machine")
    return f"/{path}"


def _machine_path(path: str, lakehouse: Lakehouse, workspaces: Workspaces) -> Path:
    if path == MOUNT or path.startswith(f"{MOUNT}/"):
        return path_within(lakehouse.folder, segments(path[len(MOUNT) :]))
    if not path.startswith("/"):
        raise BadPath(f"{path!r} is not absolute")
    if _FORBIDDEN.search(path):
        raise BadPath(f"a path may hold neither backslashes nor control characters: {path!r}")
    found = Path(os.path.realpath(path))
    roots = [one.folder for workspace in workspaces.all for one in workspace.lakehouses]
    if not any(is_inside(found, root) for root in (*roots, Path(tempfile.gettempdir()))):
        raise Outside(path, f"{path!r} is neither in a lakehouse nor a temporary file, so no request may use it")
    return found
