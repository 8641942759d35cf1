"""Where a path leads, and how Fabric would write it.

    Files/x, Tables/x                   in the session's lakehouse
    abfss://<workspace>@onelake.dfs.fabric.microsoft.com/<lakehouse>[.Lakehouse]/Files/x     by names or by ids
    /lakehouse/default/Files/x, file:/lakehouse/default/Files/x
    file:/tmp/x                         below a lakehouse's folder, the temporary files or the session's own folder
    synfs:/notebook/<session>/point/x   below a mount

Everything else is an error: no path leads somewhere that its writer did not name, be it by `..` or by a link.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import List, NamedTuple, Sequence
from urllib.parse import unquote

from notebookutils._context import find_lakehouse, find_workspace, session_context
from notebookutils._errors import NoPlace

MOUNT = "/lakehouse/default"
ONELAKE = re.compile(r"([a-z0-9-]+-)?onelake\.(dfs|blob)\.fabric\.microsoft\.com", re.IGNORECASE)
URL = re.compile(r"abfss?://([^@/]+)@([^/]*)(?:/([^/]*)(?:/(.*))?)?", re.IGNORECASE | re.DOTALL)
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")


class Place(NamedTuple):
    local: str
    """The file of this machine, there or not."""
    written: str
    """As Fabric's listings write it: absolute, in the form that was asked for."""

    def below(self, name: str) -> Place:
        return Place(os.path.join(self.local, name), f"{self.written.rstrip('/')}/{name}")


def place_of(path: str) -> Place:
    """Raises NoPlace."""
    if not isinstance(path, str) or not path:
        raise NoPlace(f"A path is a text, such as 'Files/x.csv', and this is {path!r}.")
    match = SCHEME.match(path)
    scheme = match.group(1).lower() if match else ""
    if scheme in ("abfss", "abfs"):
        return onelake(path)
    if scheme in ("file", "local"):
        return on_this_machine(unquote(without_host(path.partition(":")[2])))
    if scheme == "synfs":
        return mounted(without_host(path.partition(":")[2]))
    if scheme:
        raise NoPlace(f"{path!r}: the embedded Fabric has OneLake (abfss) and local files (file:), and no {scheme}.")
    if path.startswith("/"):
        return on_this_machine(path)
    lakehouse = session_context().lakehouse
    parts = segments(path)
    return Place(inside(lakehouse.folder, parts), "/".join([lakehouse.url, *parts]))


def onelake(url: str) -> Place:
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
    return Place(inside(found.folder, parts), "/".join([f"abfss://{workspace}@{host}/{item}", *parts]))


def on_this_machine(path: str) -> Place:
    if path == MOUNT or path.startswith(MOUNT + "/"):
        parts = segments(path[len(MOUNT) :])
        return Place(inside(session_context().lakehouse.folder, parts), "file:" + "/".join([MOUNT, *parts]))
    if not path.startswith("/"):
        raise NoPlace(f"{path!r} is not absolute.")
    if UNFIT.search(path):
        raise NoPlace(f"A path may hold neither backslashes nor control characters: {path!r}")
    real = os.path.realpath(path)
    if not any(is_inside(real, root) for root in roots()):
        raise NoPlace(
            f"{path!r} is neither in a lakehouse nor a temporary file, so notebookutils does not touch it. "
            "Python's own open() does."
        )
    return Place(real, "file:" + (path.rstrip("/") or "/"))


def without_host(rest: str) -> str:
    if not rest.startswith("//"):
        return rest
    host, _, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        raise NoPlace(f"{host!r} is another machine.")
    return f"/{path}"


def mounted(path: str) -> Place:
    """`/notebook/<session>/point/…`, or `/<session>/point/…`."""
    here = session_context()
    parts = segments(path)
    parts = parts[1:] if parts[:1] == ["notebook"] else parts
    if parts[:1] != [here.facts["session_id"]]:
        raise NoPlace(f"'synfs:{path}' is no mount of this session. notebookutils.fs.mounts() lists them.")
    return on_this_machine(os.path.join(mount_root(), *parts[1:]))


def mount_root() -> str:
    return os.path.join(session_context().private, "synfs")


def roots() -> List[str]:
    here = session_context()
    folders = [each.folder for one in here.workspaces for each in one.lakehouses]
    return [*folders, tempfile.gettempdir(), here.private]


def segments(path: str) -> List[str]:
    """Empty ones are left out. Raises NoPlace for what is no name of a file, or means another folder than it says."""
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if part in (".", ".."):
            raise NoPlace(f"{part!r} is no part of a path here: {path!r}")
        if UNFIT.search(part):
            raise NoPlace(f"A name may hold neither backslashes nor control characters: {part!r}")
    return parts


def inside(folder: str, parts: Sequence[str]) -> str:
    """A link is followed where it stays in the folder."""
    root = os.path.realpath(folder)
    path = os.path.join(root, *parts)
    if not is_inside(os.path.realpath(path), root):
        raise NoPlace(f"{'/'.join(parts)!r} leads out of the lakehouse.")
    return path


def is_inside(path: str, root: str) -> bool:
    root = os.path.realpath(root)
    return os.path.commonpath([path, root]) == root
