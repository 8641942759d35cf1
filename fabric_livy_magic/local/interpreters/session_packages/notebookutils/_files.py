"""The entries that `fs` lists, and its file operations."""

from __future__ import annotations

import json
import os
import shutil
from typing import Dict, List

from notebookutils._errors import NotebookUtilsError
from notebookutils._paths import ResolvedPath, allowed_roots, mount_root, resolve, segments


class Listed:
    """Shows its attributes as Fabric's classes do."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value}' for key, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(repr(self))


class FileInfo(Listed):
    """One entry of `fs.ls`."""

    def __init__(self, resolved: ResolvedPath) -> None:
        status = os.stat(resolved.local)
        self.isDir = os.path.isdir(resolved.local)
        self.isFile = not self.isDir
        self.name = resolved.fabric_path.rstrip("/").rpartition("/")[2]
        self.path = resolved.fabric_path
        self.size = 0 if self.isDir else status.st_size
        self.modifyTime = int(status.st_mtime * 1000)


class MountPointInfo(Listed):
    """One entry of `fs.mounts`."""

    def __init__(self, mount_point: str, source: str, local_path: str) -> None:
        self.mountPoint = mount_point
        self.source = source
        self.scope = "job"
        self.localPath = local_path


def existing(path: str) -> ResolvedPath:
    resolved = resolve(path)
    if not os.path.exists(resolved.local):
        raise FileNotFoundError(f"There is no {path}")
    return resolved


def file_of(path: str) -> ResolvedPath:
    resolved = existing(path)
    if os.path.isdir(resolved.local):
        raise IsADirectoryError(f"{path} is a folder, and a file is needed.")
    return resolved


def target_of(source: ResolvedPath, path: str) -> ResolvedPath:
    """Inside `path` if it is a folder, else `path` itself."""
    resolved = resolve(path)
    if os.path.isdir(resolved.local):
        resolved = resolved.below(os.path.basename(source.local.rstrip("/")))
    if os.path.realpath(resolved.local).startswith(os.path.realpath(source.local) + os.sep):
        raise NotebookUtilsError(f"{path} is inside of what is to be copied or moved there.")
    return resolved


def removable(resolved: ResolvedPath) -> ResolvedPath:
    """Raises for the folders of lakehouses, their `Files` and `Tables`, and the temporary folders themselves."""
    protected = [
        one for root in allowed_roots() for one in (root, os.path.join(root, "Files"), os.path.join(root, "Tables"))
    ]
    if os.path.realpath(resolved.local) in map(os.path.realpath, protected):
        raise NotebookUtilsError(
            f"{resolved.fabric_path} stays: what is in it can be moved or removed, and not the folder itself."
        )
    return resolved


def make_parent(resolved: ResolvedPath) -> None:
    os.makedirs(os.path.dirname(resolved.local), exist_ok=True)


def copy(source: ResolvedPath, target: ResolvedPath, recurse: bool) -> None:
    """Links inside of a folder stay links: their targets may be outside of the lakehouse."""
    if os.path.isdir(source.local):
        if not recurse:
            raise IsADirectoryError(f"{source.fabric_path} is a folder: copy it with recurse=True.")
        shutil.copytree(source.local, target.local, dirs_exist_ok=True, symlinks=True)
    elif os.path.realpath(source.local) == os.path.realpath(target.local):
        raise NotebookUtilsError(f"{source.fabric_path} is to be copied onto itself.")
    else:
        make_parent(target)
        shutil.copy2(source.local, target.local)


def remove(resolved: ResolvedPath) -> None:
    if os.path.isdir(resolved.local) and not os.path.islink(resolved.local):
        shutil.rmtree(resolved.local)
    else:
        os.unlink(resolved.local)


def move(source: ResolvedPath, target: ResolvedPath) -> None:
    shutil.move(source.local, target.local)


def write(resolved: ResolvedPath, content: str, mode: str) -> None:
    if os.path.isdir(resolved.local):
        raise IsADirectoryError(f"{resolved.fabric_path} is a folder, and a file is needed.")
    if not isinstance(content, str):
        raise TypeError(f"The content is a text, and this is {type(content).__name__}.")
    with open(resolved.local, mode) as opened:
        opened.write(content.encode("utf-8"))


def whole_characters(data: bytes) -> str:
    """Invalid UTF-8 is replaced; an incomplete character at the end is left out."""
    for cut in range(1, min(4, len(data) + 1)):
        last = data[-cut]
        if last >= 0xC0:  # the first byte of a character of 2, 3 or 4
            needed = 2 if last < 0xE0 else 3 if last < 0xF0 else 4
            data = data[:-cut] if cut < needed else data
        if last < 0x80 or last >= 0xC0:
            break
    return data.decode("utf-8", "replace")


# ------------------------------------------------------------------------------------------- mounts
def mount_point(text: str) -> List[str]:
    parts = segments(text)
    if not text.startswith("/") or not parts:
        raise NotebookUtilsError(f"A mount point begins with a slash, such as '/landing', and this is {text!r}.")
    return parts


def sources_file() -> str:
    return mount_root() + ".json"


def mount_sources() -> Dict[str, str]:
    """Sources by mount point. All REPLs of a session share them, as on Fabric."""
    try:
        with open(sources_file(), encoding="utf-8") as opened:
            found: Dict[str, str] = json.load(opened)
            return found
    except FileNotFoundError:
        return {}


def keep_sources(sources: Dict[str, str]) -> None:
    draft = f"{sources_file()}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as opened:
        json.dump(sources, opened)
    os.replace(draft, sources_file())


def local_mount(parts: List[str]) -> str:
    return os.path.join(mount_root(), *parts)


def add_mount(source: str, text: str) -> None:
    parts, sources = mount_point(text), mount_sources()
    key = "/" + "/".join(parts)
    if key in sources:
        raise NotebookUtilsError(
            f"{key} is mounted already, from {sources[key]}. notebookutils.fs.unmount('{key}') first."
        )
    resolved = existing(source)
    if not os.path.isdir(resolved.local):
        raise NotADirectoryError(f"{source} is a file, and a folder is what can be mounted.")
    link = local_mount(parts)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(resolved.local, link)
    keep_sources({**sources, key: source})


def remove_mount(text: str) -> bool:
    parts, sources = mount_point(text), mount_sources()
    if sources.pop("/" + "/".join(parts), None) is None:
        return False
    keep_sources(sources)
    os.unlink(local_mount(parts))
    return True


def mounted_points() -> List[MountPointInfo]:
    return [MountPointInfo(point, source, local_mount(segments(point))) for point, source in mount_sources().items()]
