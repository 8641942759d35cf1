"""The folders of this package in the user's cache, data, state and settings: for their owner alone, whatever the umask."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

APPLICATION = "fabric-livy-magic"  # the name of each of these folders
OWNER_ONLY = 0o700
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class OpenToOthers(PermissionError):  # noqa: N818 - says what is the case
    """Another user of the machine has a folder of ours, or could have written into it."""


def own_folder(folder: Path) -> Path:
    """The folder itself, made if it is not there. What was open to others before is closed, up to the folder that has the
    application's name. Raises OSError; OpenToOthers where another user has it.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=OWNER_ONLY, exist_ok=True)
    for one in _ours(folder):
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
