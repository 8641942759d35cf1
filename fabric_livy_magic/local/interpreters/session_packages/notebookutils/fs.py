"""Files of the lakehouse, by relative paths (`Files/…`, `Tables/…`), abfss URLs, `/lakehouse/default/…` and `file:/…`."""

from __future__ import annotations

import os
import sys
from typing import Any, List

from notebookutils import _files, _help
from notebookutils._files import FileInfo, MountPointInfo
from notebookutils._paths import resolve

HEAD_BYTES = 100 * 1024


def ls(path: str) -> List[FileInfo]:
    """The entries of a folder, by name; of a file, the file itself."""
    resolved = _files.existing(path)
    if not os.path.isdir(resolved.local):
        return [FileInfo(resolved)]
    below = [resolved.below(name) for name in sorted(os.listdir(resolved.local))]
    return [FileInfo(one) for one in below if os.path.exists(one.local)]


def exists(path: str) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(resolve(path).local)


def mkdirs(path: str) -> bool:
    """Makes the folder, and those above it."""
    os.makedirs(resolve(path).local, exist_ok=True)
    return True


def cp(src: str, dest: str, recurse: bool = False) -> bool:
    """Copies a file, or with `recurse` a folder. Into `dest` where that is a folder."""
    source = _files.existing(src)
    _files.copy(source, _files.target_of(source, dest), recurse)
    return True


def fastcp(src: str, dest: str, recurse: bool = True, extraConfigs: Any = None) -> bool:
    """The same here as `cp`, with folders as a rule."""
    return cp(src, dest, recurse)


def mv(src: str, dest: str, create_path: bool = False, overwrite: bool = False) -> bool:
    """Moves a file or a folder. The folder above `dest` must be there, unless `create_path`."""
    source = _files.removable(_files.existing(src))
    target = _files.target_of(source, dest)
    if os.path.exists(target.local):
        if not overwrite:
            raise FileExistsError(f"{target.fabric_path} is there already. overwrite=True replaces it.")
        if os.path.realpath(target.local) == os.path.realpath(source.local):
            return True
        _files.remove(target)
    if create_path:
        _files.make_parent(target)
    elif not os.path.isdir(os.path.dirname(target.local)):
        raise FileNotFoundError(f"The folder above {dest} is not there. create_path=True makes it.")
    _files.move(source, target)
    return True


def put(file: str, content: str, overwrite: bool = False) -> bool:
    """Writes the text to a file, as UTF-8. A file that is there stays, unless `overwrite`."""
    resolved = resolve(file)
    if os.path.exists(resolved.local) and not overwrite:
        raise FileExistsError(f"{file} is there already. overwrite=True replaces it.")
    _files.make_parent(resolved)
    _files.write(resolved, content, "wb")
    return True


def append(file: str, content: str, createFileIfNotExists: bool = False) -> bool:
    """Writes the text, as UTF-8, to the end of a file."""
    if createFileIfNotExists and not exists(file):
        return put(file, content)
    _files.write(_files.file_of(file), content, "ab")
    return True


def head(file: str, max_bytes: int = HEAD_BYTES) -> str:
    """The beginning of a file as text. A character that is cut at the end is left out."""
    with open(_files.file_of(file).local, "rb") as opened:
        return _files.whole_characters(opened.read(max_bytes))


def rm(path: str, recurse: bool = False) -> bool:
    """Removes a file, or with `recurse` a folder and all in it."""
    resolved = _files.removable(_files.existing(path))
    is_full = os.path.isdir(resolved.local) and bool(os.listdir(resolved.local))
    if is_full and not recurse:
        raise IsADirectoryError(f"{path} is a folder that is not empty: remove it with recurse=True.")
    _files.remove(resolved)
    return True


def mount(source: str, mountPoint: str, extraConfigs: Any | None = None) -> bool:
    """Shows a folder at a local path of the session: see `getMountPath`. `extraConfigs` has no meaning here."""
    _files.add_mount(source, mountPoint)
    return True


def unmount(mountPoint: str, extraOptions: Any | None = None) -> bool:
    """Takes a mount away, not what it showed. False where there is none."""
    return _files.remove_mount(mountPoint)


def mounts(extraOptions: Any | None = None) -> List[MountPointInfo]:
    """The mounts of the session."""
    return _files.mounted_points()


def getMountPath(mountPoint: str, scope: str = "") -> str:
    """The local path of a mount, for `open`, pandas and `file:`."""
    return _files.local_mount(_files.mount_point(mountPoint))


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
