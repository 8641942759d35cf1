"""What OneLake's file calls do, on the folders of the lakehouses. Errors have the codes of Azure Data Lake Storage Gen2.

learn.microsoft.com/rest/api/storageservices/datalakestoragegen2 has the calls; what OneLake keeps to itself (workspaces,
items, `Files` and `Tables`) is in learn.microsoft.com/fabric/onelake/onelake-api-parity.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from fabric_livy_magic.local.lakehouse.onelake_paths import (
    BadPath,
    NoSuchLakehouse,
    NoSuchWorkspace,
    Outside,
    find_lakehouse,
    find_workspace,
    is_inside,
    path_within,
    segments,
)
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace, Workspaces

AREAS = ("Files", "Tables")
STATUS = {
    "ContentLengthMustBeZero": 400,
    "InvalidFlushPosition": 400,
    "InvalidInput": 400,
    "InvalidQueryParameterValue": 400,
    "InvalidResourceName": 400,
    "InvalidSourceUri": 400,
    "InvalidUri": 400,
    "MissingRequiredQueryParameter": 400,
    "OutOfRangeQueryParameterValue": 400,
    "AuthorizationFailure": 403,
    "AuthorizationPermissionMismatch": 403,
    "FilesystemNotFound": 404,
    "PathNotFound": 404,
    "SourcePathNotFound": 404,
    "DirectoryNotEmpty": 409,
    "InvalidRenameSourcePath": 409,
    "PathAlreadyExists": 409,
    "PathConflict": 409,
    "ConditionNotMet": 412,
    "InvalidRange": 416,
}
OF_ERRNO = {
    errno.ENOENT: "PathNotFound",
    errno.ENOTDIR: "PathConflict",
    errno.EISDIR: "PathConflict",
    errno.EEXIST: "PathConflict",
    errno.ENOTEMPTY: "DirectoryNotEmpty",
    errno.ENAMETOOLONG: "InvalidResourceName",
    errno.EILSEQ: "InvalidResourceName",  # file systems that take only some Unicode
    errno.EINVAL: "InvalidInput",
    errno.EFBIG: "OutOfRangeQueryParameterValue",
    errno.ELOOP: "AuthorizationFailure",
    errno.EACCES: "AuthorizationPermissionMismatch",
    errno.EPERM: "AuthorizationPermissionMismatch",
    errno.EROFS: "AuthorizationPermissionMismatch",
}


MESSAGES = {
    "PathNotFound": "the specified path does not exist",
    "PathConflict": "the specified path, or an element of it, exists and is not of the kind that this operation needs",
    "DirectoryNotEmpty": "the recursive query parameter value must be true to delete a non-empty directory",
}


class StorageError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[code]


def storage_error(problem: OSError | BadPath) -> StorageError | None:
    """None for a fault that the caller has no part in, such as a full disk."""
    match problem:
        case NoSuchWorkspace():
            return StorageError("FilesystemNotFound", f"the specified filesystem does not exist: {problem}")
        case NoSuchLakehouse():
            return StorageError("PathNotFound", f"the specified path does not exist: {problem}")
        case Outside():
            return StorageError("AuthorizationFailure", str(problem))
        case BadPath():
            return StorageError("InvalidUri", f"the request URI is invalid: {problem}")
    code = OF_ERRNO.get(problem.errno or 0)
    return StorageError(code, MESSAGES.get(code, (problem.strerror or code).lower())) if code else None


# ------------------------------------------------------------------------------------------------ what a path names
@dataclass(frozen=True)
class OneLakePath:
    """A workspace, an item of it, or something below one. `item` is written as the request has it."""

    workspace: Workspace
    item: str = ""
    lakehouse: Lakehouse | None = None
    parts: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """Where it is, there or not. Raises StorageError for what is Fabric's own."""
        if self.lakehouse is None or not self.parts or self.parts[0] not in AREAS:
            raise StorageError("PathNotFound", MESSAGES["PathNotFound"])
        return path_within(self.lakehouse.folder, self.parts)

    @property
    def is_managed(self) -> bool:
        """Fabric makes and removes it, no call of these."""
        return len(self.parts) < 2 or self.parts[0] not in AREAS


def read_path(text: str, workspaces: Workspaces) -> OneLakePath:
    """`workspace/item/Files/…`, decoded. Raises BadPath."""
    name, *rest = segments(text) or ("",)
    workspace = find_workspace(workspaces, name)
    if not rest:
        return OneLakePath(workspace)
    return OneLakePath(workspace, rest[0], find_lakehouse(workspace, rest[0]), tuple(rest[1:]))


# ------------------------------------------------------------------------------------------------ looking
@dataclass(frozen=True)
class Properties:
    is_directory: bool
    length: int
    modified: datetime
    etag: str

    @property
    def last_modified(self) -> str:
        return format_datetime(self.modified, usegmt=True)


def _properties(found: os.stat_result) -> Properties:
    is_directory = stat.S_ISDIR(found.st_mode)
    modified = datetime.fromtimestamp(int(found.st_mtime), UTC)
    etag = f"0x{found.st_mtime_ns:X}{found.st_ino & 0xFFFF:04X}{found.st_size & 0xFFFF:04X}"
    return Properties(is_directory, 0 if is_directory else found.st_size, modified, etag)


def _of_fabric(workspace: Workspace) -> Properties:
    """A folder that is there whether or not it is on the disk yet."""
    return Properties(True, 0, datetime.fromtimestamp(0, UTC), f"0x{workspace.id[:8].upper()}")


def properties(path: OneLakePath) -> Properties:
    """Raises StorageError or OSError."""
    if path.lakehouse is None or not path.parts:
        return _of_fabric(path.workspace)
    try:
        found = path.file.stat()
    except FileNotFoundError:
        if path.is_managed:
            return _of_fabric(path.workspace)
        raise
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise StorageError("PathNotFound", "the specified path is neither a file nor a folder")
    return _properties(found)


Names = tuple[str, ...]


def list_paths(top: OneLakePath, *, recursive: bool, after: Names, limit: int) -> tuple[list[dict[str, str]], Names]:
    """Entries in the order of their names, and the last one's name where there are more."""
    found = itertools.dropwhile(lambda entry: entry[0] <= after, _walk(top, recursive))
    page = list(itertools.islice(found, limit))
    more = next(found, None) is not None
    return [_entry(names, properties) for names, properties in page], page[-1][0] if more else ()


def _entry(names: Names, properties: Properties) -> dict[str, str]:
    """Numbers and truth are texts, as the service sends them."""
    entry = {
        "name": "/".join(names),
        "contentLength": str(properties.length),
        "lastModified": properties.last_modified,
        "etag": properties.etag,
        "owner": "$superuser",
        "group": "$superuser",
        "permissions": "rwxr-x---" if properties.is_directory else "rw-r-----",
    }
    return {**entry, "isDirectory": "true"} if properties.is_directory else entry


def _walk(top: OneLakePath, recursive: bool) -> Iterator[tuple[Names, Properties]]:
    if top.lakehouse is None:
        by_name = {f"{one.name}.Lakehouse": one for one in top.workspace.lakehouses}
        for item in sorted(by_name):
            yield (item,), _of_fabric(top.workspace)
            if recursive:
                yield from _walk(OneLakePath(top.workspace, item, by_name[item]), recursive)
        return
    if not top.parts:
        for area in AREAS:
            path = OneLakePath(top.workspace, top.item, top.lakehouse, (area,))
            yield (top.item, area), properties(path)
            if recursive:
                yield from _walk(path, recursive)
        return
    if not properties(top).is_directory:
        raise StorageError("PathNotFound", "the specified path is no directory")
    yield from _below(top, recursive)


def _below(top: OneLakePath, recursive: bool) -> Iterator[tuple[Names, Properties]]:
    """A link to a folder is shown and not entered: it could lead in circles."""
    assert top.lakehouse is not None
    waiting = [iter(_scan(top.file, top.lakehouse.folder))]
    names = [top.item, *top.parts]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            names.pop()
            continue
        found = _properties(entry.stat())
        yield (*names, entry.name), found
        if recursive and found.is_directory and not entry.is_symlink():
            waiting.append(iter(_scan(Path(entry.path), top.lakehouse.folder)))
            names.append(entry.name)


def _scan(folder: Path, root: Path) -> list[os.DirEntry[str]]:
    """What a request could name: no special files, no links that lead out of the lakehouse, no names that are no text."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []  # one of Fabric's own that was never used, or one that went meanwhile
    return [entry for entry in entries if _is_shown(entry, root)]


def _is_shown(entry: os.DirEntry[str], root: Path) -> bool:
    try:
        segments(entry.name)
        kind = entry.stat().st_mode
    except (BadPath, OSError):
        return False
    if entry.is_symlink() and not is_inside(Path(entry.path), root):
        return False
    return stat.S_ISREG(kind) or stat.S_ISDIR(kind)


# ------------------------------------------------------------------------------------------------ changing
def _own(path: OneLakePath) -> Path:
    """What a call may change."""
    if path.is_managed:
        raise StorageError(
            "AuthorizationFailure", "workspaces, items, and Files and Tables themselves are Fabric's to change"
        )
    return path.file


def create_file(path: OneLakePath, *, may_replace: bool) -> None:
    """Empty, with the folders it is in."""
    file = _own(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise StorageError("PathConflict", "the specified path is a directory")
    try:
        with file.open("wb" if may_replace else "xb"):
            pass
    except FileExistsError:
        raise StorageError("PathAlreadyExists", "the specified path already exists") from None


def create_directory(path: OneLakePath, *, may_replace: bool) -> None:
    """One that is there already stays as it is."""
    folder = _own(path)
    if not may_replace and folder.exists():
        raise StorageError("PathAlreadyExists", "the specified path already exists")
    folder.mkdir(parents=True, exist_ok=True)


def delete(path: OneLakePath, *, recursive: bool) -> None:
    file = _own(path)
    if file.is_symlink() or not file.is_dir():
        file.unlink()
    elif recursive:
        shutil.rmtree(file)
    else:
        file.rmdir()


def rename(source: OneLakePath, path: OneLakePath, *, may_replace: bool) -> None:
    old, new = _own(source), _own(path)
    if not old.exists():
        raise StorageError("SourcePathNotFound", "the source path for a rename operation does not exist")
    if new == old or new.is_relative_to(old):
        raise StorageError("InvalidRenameSourcePath", "a path cannot be moved into itself")
    if new.exists() and not may_replace:
        raise StorageError("PathAlreadyExists", "the specified path already exists")
    new.parent.mkdir(parents=True, exist_ok=True)
    old.replace(new)
