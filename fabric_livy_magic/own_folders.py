"""The folders of this package in the user's cache, data, state and settings: for their owner alone, whatever the umask."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

APPLICATION = "fabric-livy-magic"  # the name of each of these folders
OWNER_ONLY = 0o700
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class OpenToOthers(PermissionError):  # noqa: N818 - says what is the case
    """Another user of the machine has a folder of ours, or could have written into it."""


NO_HOME = Path(os.devnull, "no-home-folder")  # nothing can be there


def platform_folder(kind: Literal["cache", "config", "data", "state"]) -> Path:
    """Where the system has files of this user: it need not exist. NO_HOME for a user who has none."""
    import platformdirs

    found = {
        "cache": platformdirs.user_cache_path,
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "state": platformdirs.user_state_path,
    }
    try:
        folder = found[kind](APPLICATION)
    except RuntimeError:
        return NO_HOME
    return folder if folder.is_absolute() else NO_HOME  # older platformdirs leave `~` in it


def user_folder(kind: Literal["cache", "data", "state"]) -> Path:
    """Of this user: it need not exist. Where it cannot be made or written, as in a container whose HOME is /nonexistent, it is
    one among the temporary files, which the system may remove; `stands_in` tells."""
    folder = platform_folder(kind)
    return folder if _can_be_written(folder) else _stand_in(tempfile.gettempdir()) / kind


def home_folder() -> Path:
    """Where files of other programs are looked for. A container may run as a user that has neither HOME nor a name."""
    try:
        return Path.home()
    except RuntimeError:
        return _stand_in(tempfile.gettempdir()) / "home"


def stands_in(folder: Path) -> bool:
    """Whether it is among the temporary files, as no folder of the user's own can be written. By its name: nothing is made."""
    temporary = Path(tempfile.gettempdir())
    return any(one.parent == temporary and one.name.startswith(f"{APPLICATION}-") for one in (folder, *folder.parents))


@cache
def _stand_in(temporary: str) -> Path:
    """The same for all processes of the user, so that a cache is filled once. Where another user has taken that name, one that
    ends with the system."""
    user = os.environ.get("USERNAME", "user") if os.name == "nt" else str(os.geteuid())
    folder = Path(temporary, f"{APPLICATION}-{user}")
    try:
        folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
        close_to_others(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"{APPLICATION}-", dir=temporary))
    return folder


def _can_be_written(folder: Path) -> bool:
    """It, or the nearest that is there above it. Root passes `os.access` everywhere, so folders of the kernel are left out."""
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    if not nearest.is_dir() or nearest.is_relative_to("/proc"):
        return False
    return os.access(nearest, os.W_OK | os.X_OK)


def own_folder(folder: Path) -> Path:
    """The folder itself, made if it is not there. What was open to others before is closed, up to the folder that has the
    application's name. Raises OSError; OpenToOthers where another user has it.
    """
    ours = _ours(folder)
    for one in filter(Path.exists, ours):
        close_to_others(one)
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=OWNER_ONLY, exist_ok=True)
    for one in ours:
        close_to_others(one)
    return folder


def write_private(file: Path, text: str) -> None:
    """Into a folder of ours: as a whole or not at all, and from the first byte on for this user only. Raises OSError."""
    own_folder(file.parent)
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)  # of a process of that number which was killed
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    new.replace(file)


def _ours(folder: Path) -> list[Path]:
    up = [folder, *folder.parents]
    names = [one.name for one in up]
    return up[: names.index(APPLICATION) + 1] if APPLICATION in names else up[:1]


def close_to_others(folder: Path) -> None:
    """Raises OpenToOthers where another user has it. On Windows the profile's own rights do that."""
    if os.name == "nt":
        return
    status = folder.stat()
    if folder.lstat().st_uid != os.geteuid():  # a link of another user's
        status = folder.lstat()
    if status.st_uid != os.geteuid():
        raise OpenToOthers(errno.EACCES, f"it belongs to {user_name(status.st_uid)}, not to you", str(folder))
    if stat.S_IMODE(status.st_mode) != OWNER_ONLY:
        folder.chmod(OWNER_ONLY)


def check_code_folder(folder: Path) -> None:
    """Of what is run from there. Raises OpenToOthers where another user has it, or could have put something in.

    A folder that is closed to others is looked at alone; one that was open is searched once, then closed.
    """
    if os.name == "nt" or not folder.exists():
        return
    status = folder.stat()
    _refuse_foreign(folder, status)
    if stat.S_IMODE(status.st_mode) & ~OWNER_ONLY == 0:
        return
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            _refuse_foreign(path, path.stat())
    if status.st_uid == os.geteuid():
        folder.chmod(OWNER_ONLY)


def _refuse_foreign(path: Path, status: os.stat_result) -> None:
    """Root may have anything, as in the image of a container: it could replace this program, too."""
    if status.st_uid not in (os.geteuid(), 0):
        raise OpenToOthers(errno.EACCES, f"it belongs to {user_name(status.st_uid)}, not to you", str(path))
    writers = status.st_mode & OTHERS_WRITE
    if writers == stat.S_IWGRP and is_private_group(status.st_gid):
        return
    if writers:
        raise OpenToOthers(errno.EACCES, "other users could write into it", str(path))


def is_private_group(group: int) -> bool:
    """Whether it is the group that many systems give each user, with the user's name and nobody else in it."""
    import grp
    import pwd

    try:
        found, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return found.gr_name == user and set(found.gr_mem) <= {user}


def user_name(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
