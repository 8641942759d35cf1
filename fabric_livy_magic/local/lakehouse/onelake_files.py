"""OneLake's file operations on the lakehouse folders. Errors have the codes of Azure Data Lake Storage Gen2.

The calls: learn.microsoft.com/rest/api/storageservices/datalakestoragegen2. What OneLake manages itself and lets no call
change (workspaces, items, `Files` and `Tables`): learn.microsoft.com/fabric/onelake/onelake-api-parity.
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
STATUS_BY_CODE = {
    "ContentLengthMustBeZero": 400,
    "InvalidBlockList": 400,
    "InvalidFlushPosition": 400,
    "InvalidHeaderValue": 400,
    "InvalidInput": 400,
    "InvalidQueryParameterValue": 400,
    "InvalidResourceName": 400,
    "InvalidSourceUri": 400,
    "InvalidUri": 400,
    "Md5Mismatch": 400,
    "MissingRequiredQueryParameter": 400,
    "OutOfRangeQueryParameterValue": 400,
    "UnsupportedQueryParameter": 400,
    "AuthorizationFailure": 403,
    "AuthorizationPermissionMismatch": 403,
    "FilesystemNotFound": 404,
    "BlobNotFound": 404,
    "PathNotFound": 404,
    "SourcePathNotFound": 404,
    "BlobAlreadyExists": 409,
    "DirectoryNotEmpty": 409,
    "InvalidRenameSourcePath": 409,
    "PathAlreadyExists": 409,
    "PathConflict": 409,
    "MissingContentLengthHeader": 411,
    "ConditionNotMet": 412,
    "InvalidRange": 416,
}
CODE_BY_ERRNO = {
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
        self.status = STATUS_BY_CODE[code]


def storage_error(problem: OSError | BadPath) -> StorageError | None:
    """None for a problem that the caller did not cause, such as a full disk."""
    match problem:
        case NoSuchWorkspace():
            return StorageError("FilesystemNotFound", f"the specified filesystem does not exist: {problem}")
        case NoSuchLakehouse():
            return StorageError("PathNotFound", f"the specified path does not exist: {problem}")
        case Outside():
            return StorageError("AuthorizationFailure", str(problem))
        case BadPath():
            return StorageError("InvalidUri", f"the request URI is invalid: {problem}")
    code = CODE_BY_ERRNO.get(problem.errno or 0)
    return StorageError(code, MESSAGES.get(code, (problem.strerror or code).lower())) if code else None


# ------------------------------------------------------------------------------------------------ paths
@dataclass(frozen=True)
class OneLakePath:
    """A workspace, an item of it, or something below one. `item` is written as the request has it."""

    workspace: Workspace
    item: str = ""
    lakehouse: Lakehouse | None = None
    parts: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """The local file, which need not exist. Raises StorageError for what OneLake manages itself."""
        if self.lakehouse is None or not self.parts or self.parts[0] not in AREAS:
            raise StorageError("PathNotFound", MESSAGES["PathNotFound"])
        return path_within(self.lakehouse.folder, self.parts)

    @property
    def is_managed(self) -> bool:
        """Created and removed by OneLake, not by these calls."""
        return len(self.parts) < 2 or self.parts[0] not in AREAS


def read_path(text: str, workspaces: Workspaces) -> OneLakePath:
    """`workspace/item/Files/…`, decoded. Raises BadPath."""
    name, *rest = segments(text) or ("",)
    workspace = find_workspace(workspaces, name)
    if not rest:
        return OneLakePath(workspace)
    return OneLakePath(workspace, rest[0], find_lakehouse(workspace, rest[0]), tuple(rest[1:]))


# ------------------------------------------------------------------------------------------------ reading
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


def managed_properties(workspace: Workspace) -> Properties:
    """For a folder that exists in OneLake even if it is not on the disk yet."""
    return Properties(True, 0, datetime.fromtimestamp(0, UTC), f"0x{workspace.id[:8].upper()}")


def properties(path: OneLakePath) -> Properties:
    """Raises StorageError or OSError."""
    if path.lakehouse is None or not path.parts:
        return managed_properties(path.workspace)
    try:
        found = path.file.stat()
    except FileNotFoundError:
        if path.is_managed:
            return managed_properties(path.workspace)
        raise
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise StorageError("PathNotFound", "the specified path is neither a file nor a folder")
    return _properties(found)


Names = tuple[str, ...]


def list_paths(top: OneLakePath, *, recursive: bool, after: Names, limit: int) -> tuple[list[dict[str, str]], Names]:
    """One page of entries, sorted by name, and the last name of the page where more follow."""
    found = itertools.dropwhile(lambda entry: entry[0] <= after, walk(top, recursive))
    page, last = page_of(found, limit)
    return [_entry(names, properties) for names, properties in page], last


def page_of(found: Iterator[tuple[Names, Properties]], limit: int) -> tuple[list[tuple[Names, Properties]], Names]:
    """The next ones, and the last name of them where more follow."""
    page = list(itertools.islice(found, limit))
    has_more = next(found, None) is not None
    return page, page[-1][0] if has_more else ()


def _entry(names: Names, properties: Properties) -> dict[str, str]:
    """Numbers and booleans are texts, as in the service's JSON."""
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


def walk(top: OneLakePath, recursive: bool) -> Iterator[tuple[Names, Properties]]:
    if top.lakehouse is None:
        by_name = {f"{one.name}.Lakehouse": one for one in top.workspace.lakehouses}
        for item in sorted(by_name):
            yield (item,), managed_properties(top.workspace)
            if recursive:
                yield from walk(OneLakePath(top.workspace, item, by_name[item]), recursive)
        return
    if not top.parts:
        for area in AREAS:
            path = OneLakePath(top.workspace, top.item, top.lakehouse, (area,))
            yield (top.item, area), properties(path)
            if recursive:
                yield from walk(path, recursive)
        return
    if not properties(top).is_directory:
        raise StorageError("PathNotFound", "the specified path is no directory")
    yield from _walk_folder(top, recursive)


def _walk_folder(top: OneLakePath, recursive: bool) -> Iterator[tuple[Names, Properties]]:
    """Depth first. A link to a folder is listed but not followed: it could lead to a cycle."""
    assert top.lakehouse is not None
    pending = [iter(_scan(top.file, top.lakehouse.folder))]
    names = [top.item, *top.parts]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
            names.pop()
            continue
        found = _properties(entry.stat())
        yield (*names, entry.name), found
        if recursive and found.is_directory and not entry.is_symlink():
            pending.append(iter(_scan(Path(entry.path), top.lakehouse.folder)))
            names.append(entry.name)


def _scan(folder: Path, root: Path) -> list[os.DirEntry[str]]:
    """The entries that a request can name: no special files, no links out of the lakehouse, no names that are not Unicode."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []  # `Files` or `Tables` that was never used, or a folder that was removed meanwhile
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


# ------------------------------------------------------------------------------------------------ writing
def changeable_file(path: OneLakePath) -> Path:
    """Raises StorageError for what OneLake manages itself."""
    if path.is_managed:
        raise StorageError(
            "AuthorizationFailure", "workspaces, items, and Files and Tables themselves are Fabric's to change"
        )
    return path.file


def create_file(path: OneLakePath, *, may_replace: bool) -> None:
    """Empty; missing parent folders are created."""
    file = changeable_file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise StorageError("PathConflict", "the specified path is a directory")
    try:
        with file.open("wb" if may_replace else "xb"):
            pass
    except FileExistsError:
        raise StorageError("PathAlreadyExists", "the specified path already exists") from None


def create_directory(path: OneLakePath, *, may_replace: bool) -> None:
    """An existing one stays as it is."""
    folder = changeable_file(path)
    if not may_replace and folder.exists():
        raise StorageError("PathAlreadyExists", "the specified path already exists")
    folder.mkdir(parents=True, exist_ok=True)


def delete(path: OneLakePath, *, recursive: bool) -> None:
    file = changeable_file(path)
    if file.is_symlink() or not file.is_dir():
        file.unlink()
    elif recursive:
        shutil.rmtree(file)
    else:
        file.rmdir()


def rename(source: OneLakePath, path: OneLakePath, *, may_replace: bool) -> None:
    old, new = changeable_file(source), changeable_file(path)
    if not old.exists():
        raise StorageError("SourcePathNotFound", "the source path for a rename operation does not exist")
    if new == old or new.is_relative_to(old):
        raise StorageError("InvalidRenameSourcePath", "a path cannot be moved into itself")
    if new.exists() and not may_replace:
        raise StorageError("PathAlreadyExists", "the specified path already exists")
    new.parent.mkdir(parents=True, exist_ok=True)
    old.replace(new)
