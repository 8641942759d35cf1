"""Resolves paths to files of this machine, and to the paths that Fabric shows for them.

    Files/x, Tables/x                   in the session's lakehouse
    abfss://<workspace>@onelake.dfs.fabric.microsoft.com/<lakehouse>[.Lakehouse]/Files/x     by names or by ids
    /lakehouse/default/Files/x, file:/lakehouse/default/Files/x
    file:/synfs/nb_resource/builtin/x   in the notebook's resources
    file:/tmp/x                         below a lakehouse's folder, the temporary files or the session's own folder
    synfs:/notebook/<session>/point/x   below a mount

Everything else is an error, also what leads out by `..` or by a link.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import List, NamedTuple, Sequence
from urllib.parse import unquote

from notebookutils._context import Lakehouse, find_lakehouse, find_workspace, resources, session_context
from notebookutils._errors import NoPlace

MOUNT, RESOURCES_MOUNT = "/lakehouse/default", "/synfs/nb_resource"
ONELAKE = re.compile(r"([a-z0-9-]+-)?onelake\.(dfs|blob)\.fabric\.microsoft\.com", re.IGNORECASE)
URL = re.compile(r"abfss?://([^@/]+)@([^/]*)(?:/([^/]*)(?:/(.*))?)?", re.IGNORECASE | re.DOTALL)
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")


class ResolvedPath(NamedTuple):
    local: str
    """The file of this machine, which need not exist."""
    fabric_path: str
    """As in Fabric's listings: absolute, in the form of the request."""

    def below(self, name: str) -> ResolvedPath:
        return ResolvedPath(os.path.join(self.local, name), f"{self.fabric_path.rstrip('/')}/{name}")


def resolve(path: str) -> ResolvedPath:
    """Raises NoPlace."""
    if not isinstance(path, str) or not path:
        raise NoPlace(f"A path is a text, such as 'Files/x.csv', and this is {path!r}.")
    match = SCHEME.match(path)
    scheme = match.group(1).lower() if match else ""
    if scheme in ("abfss", "abfs"):
        return resolve_onelake(path)
    if scheme in ("file", "local"):
        return resolve_local(unquote(without_host(path.partition(":")[2])))
    if scheme == "synfs":
        return resolve_mount(without_host(path.partition(":")[2]))
    if scheme:
        raise NoPlace(f"{path!r}: the embedded Fabric has OneLake (abfss) and local files (file:), and no {scheme}.")
    if path.startswith("/"):
        return resolve_local(path)
    lakehouse = session_context().lakehouse
    parts = segments(path)
    return ResolvedPath(path_within(lakehouse, parts), "/".join([lakehouse.url, *parts]))


def resolve_onelake(url: str) -> ResolvedPath:
    match = URL.fullmatch(url)
    if not match:
        raise NoPlace(
            f"{url!r} is not of the form abfss://workspace@onelake.dfs.fabric.microsoft.com/lakehouse/Files/…"
        )
    workspace, host, item, path = (part or "" for part in match.groups())
    if not ONELAKE.fullmatch(host):
        raise NoPlace(
            f"{host!r} is not OneLake (onelake.dfs.fabric.microsoft.com). The embedded Fabric has nothing else."
        )
    if not item:
        raise NoPlace(f"{url!r} names no lakehouse: it comes behind the host.")
    found = find_lakehouse(find_workspace(unquote(workspace)), unquote(item))
    parts = segments(unquote(path))
    return ResolvedPath(path_within(found, parts), "/".join([f"abfss://{workspace}@{host}/{item}", *parts]))


def resolve_local(path: str) -> ResolvedPath:
    if path == MOUNT or path.startswith(MOUNT + "/"):
        parts = segments(path[len(MOUNT) :])
        return ResolvedPath(path_within(session_context().lakehouse, parts), "file:" + "/".join([MOUNT, *parts]))
    if path == RESOURCES_MOUNT or path.startswith(RESOURCES_MOUNT + "/"):
        parts = segments(path[len(RESOURCES_MOUNT) :])
        found = resolve_local(os.path.join(resources(), *parts))
        return ResolvedPath(found.local, "file:" + "/".join([RESOURCES_MOUNT, *parts]))
    if not path.startswith("/"):
        raise NoPlace(f"{path!r} is not absolute.")
    if FORBIDDEN.search(path):
        raise NoPlace(f"A path may hold neither backslashes nor control characters: {path!r}")
    real = os.path.realpath(path)
    if not any(is_inside(real, root) for root in allowed_roots()):
        raise NoPlace(
            f"{path!r} is neither in a lakehouse nor a temporary file, so notebookutils does not touch it. "
            "Python's own open() does."
        )
    return ResolvedPath(real, "file:" + (path.rstrip("/") or "/"))


def without_host(rest: str) -> str:
    if not rest.startswith("//"):
        return rest
    host, _, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        raise NoPlace(f"{host!r} is another machine.")
    return f"/{path}"


def resolve_mount(path: str) -> ResolvedPath:
    """`/notebook/<session>/point/…`, or `/<session>/point/…`."""
    context = session_context()
    parts = segments(path)
    parts = parts[1:] if parts[:1] == ["notebook"] else parts
    if parts[:1] != [context.facts["session_id"]]:
        raise NoPlace(f"'synfs:{path}' is no mount of this session. notebookutils.fs.mounts() lists them.")
    return resolve_local(os.path.join(mount_root(), *parts[1:]))


def mount_root() -> str:
    return os.path.join(session_context().private, "synfs")


def allowed_roots() -> List[str]:
    context = session_context()
    folders = [each.folder for one in context.workspaces for each in one.lakehouses]
    return [*folders, tempfile.gettempdir(), context.private, os.path.join(resources(), "builtin")]


def segments(path: str) -> List[str]:
    """Without empty ones. Raises NoPlace for `.`, `..` and for what cannot be a file name."""
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part in (".", ".."):
            raise NoPlace(f"{part!r} is no part of a path here: {path!r}")
        if FORBIDDEN.search(part):
            raise NoPlace(f"A name may hold neither backslashes nor control characters: {part!r}")
    return parts


def path_within(lakehouse: Lakehouse, parts: Sequence[str]) -> str:
    """Links are followed inside the folder, and into other lakehouses: shortcuts are such links. Raises NoPlace."""
    root = os.path.realpath(lakehouse.folder)
    path = os.path.join(root, *parts)
    text = "/".join(parts)
    for shortcut, message in lakehouse.missing_shortcuts.items():
        if f"{text}/".startswith(f"{shortcut}/") and not os.path.lexists(os.path.join(root, shortcut)):
            raise NoPlace(f"{message}.")
    folders = [each.folder for one in session_context().workspaces for each in one.lakehouses]
    if not any(is_inside(os.path.realpath(path), folder) for folder in (root, *folders)):
        raise NoPlace(f"{text!r} leads out of the lakehouse.")
    return path


def is_inside(path: str, root: str) -> bool:
    root = os.path.realpath(root)
    return os.path.commonpath([path, root]) == root
