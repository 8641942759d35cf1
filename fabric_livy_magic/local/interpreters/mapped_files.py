"""Maps `/lakehouse/default`, and the notebook's resources, in Python's file calls where the system allows no mount (macOS, many containers).

`open`, `os`, `pathlib`, `shutil`, `glob` and pandas use these calls. Libraries that open files in C, child processes and UDFs
do not.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.lakehouse.mounts import MOUNT

ONE_PATH = (
    "access", "chdir", "chmod", "chown", "getxattr", "listdir", "listxattr", "lstat", "mkdir", "mkfifo", "open", "readlink", "remove", "removexattr", "rmdir",
    "scandir", "setxattr", "stat", "statvfs", "truncate", "unlink", "utime",
)  # fmt: skip
NAMES = {"file", "path", "src", "dst", "source", "where"}  # of parameters
TWO_PATHS = ("link", "rename", "replace", "symlink")
NOTICE = (
    "This system lets nobody mount /lakehouse/default and /synfs/nb_resource, so Spark's and Python's own file calls are mapped to them. UDFs, child"
    " processes and libraries that open files by themselves do not see them: give them relative paths, like Files/x\n"
)


def is_mounted(lakehouse: str) -> bool:
    try:
        return Path(MOUNT).samefile(lakehouse)
    except OSError:
        return False


def map_files(folders: Mapping[str, str]) -> None:
    """Until this process ends. `folders` by where they are to be seen."""
    builtins.open = io.open = _mapped(builtins.open, 1, folders)
    for names, paths in ((ONE_PATH, 1), (TWO_PATHS, 2)):
        for name in names:
            if hasattr(os, name):
                before = getattr(os, name)
                after = _mapped(before, paths, folders)
                setattr(os, name, after)
                for known in (
                    os.supports_dir_fd,
                    os.supports_fd,
                    os.supports_follow_symlinks,
                    os.supports_effective_ids,
                ):
                    if before in known:
                        known.add(after)
    try:
        import pyarrow.parquet  # pandas reads Parquet with it; its half second overlaps with the start of the JVM
    except ImportError:
        return
    for module, functions in ((pyarrow, ("OSFile", "memory_map")), (pyarrow.parquet, ("read_table", "write_table"))):
        for name in functions:
            setattr(module, name, _mapped(getattr(module, name), 2, folders))


def _mapped(function: Callable[..., Any], paths: int, folders: Mapping[str, str]) -> Callable[..., Any]:
    @wraps(function)
    def mapped(*arguments: Any, **named: Any) -> Any:
        named.update({name: real_path(named[name], folders) for name in NAMES & named.keys()})
        return function(*(real_path(one, folders) for one in arguments[:paths]), *arguments[paths:], **named)

    return mapped


def real_path(path: Any, folders: Mapping[str, str]) -> Any:
    """The same object if it is not below a mount, or leads out of it by `..`."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path  # a descriptor, None, or a value that the function refuses
    raw: str | bytes = os.fspath(path)
    text = os.fsdecode(raw)
    for mount, folder in folders.items():
        if f"{text}/".startswith(f"{mount}/"):
            clean = os.path.normpath(text)
            if f"{clean}/".startswith(f"{mount}/"):
                found = folder + clean[len(mount) :]
                return os.fsencode(found) if isinstance(raw, bytes) else found
    return path
