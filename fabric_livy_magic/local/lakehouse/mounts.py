"""`/lakehouse/default`, as Fabric mounts it, and the notebook's resources: only the processes of one application see them.

    python -I -S mounts.py LAKEHOUSE RESOURCES MOUNT_POINT COMMAND…

As a script it enters a mount namespace of its own, whose root has everything of the machine's root and these, and executes the
command there. RESOURCES is empty where there are none. Where the system allows no mount namespace (macOS, some containers), the command runs without the
mount; the session's Python (`interpreters.mapped_files`) and its JVM (`LakehouseFiles.java`) then map the path themselves.
"""

from __future__ import annotations

# `signal` would load enum, which takes as long as the rest.
import _signal  # type: ignore[import-not-found]
import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loading them would double the start time of this script
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOUNT = "/lakehouse/default"
RESOURCES_MOUNT = "/synfs/nb_resource"
# <sched.h> and <sys/mount.h> of Linux.
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
CAPABILITY_VERSION_3, PR_SET_DUMPABLE = 0x20080522, 4  # <linux/capability.h>, <sys/prctl.h>
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 0x1000, 0x4000, 0x80000, 2


def command_with_mount(
    lakehouse: Path, mount_point: Path, command: Sequence[str], resources: Path | None = None
) -> list[str]:
    """The command line that runs `command` with the mounts. The new root is mounted on the empty folder `mount_point`; other
    processes still see it empty.
    """
    if sys.platform != "linux":
        return list(command)
    mount_point.mkdir(exist_ok=True)
    return [sys.executable, "-I", "-S", __file__, str(lakehouse), str(resources or ""), str(mount_point), *command]


def main(lakehouse: str, resources: str, mount_point: str, *command: str) -> None:
    # As an owned server does for all that it starts: no SIGINT is meant for what is executed here, unless it unblocks it.
    _signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGINT])
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    enter(lakehouse, resources, mount_point)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


def enter(lakehouse: str, resources: str, mount_point: str) -> None:
    """Without effect where the system allows none: the application then runs without the mount."""
    try:
        in_user_namespace = enter_namespace()
        mount_all({MOUNT: lakehouse, **({RESOURCES_MOUNT: resources} if resources else {})}, mount_point)
        if in_user_namespace:
            drop_rights()
    except OSError:
        pass


def enter_namespace() -> bool:
    """Keeps the user's id. Root makes no user namespace first, in which it would have fewer rights than before. Returns whether
    it made one, where this process has all rights until it executes another program."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            _call("unshare", CLONE_NEWNS)
            return False
        except OSError:
            pass  # root in a container without the right to unshare
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    return True


def drop_rights() -> None:
    """A fork executes no program. The kernel then hides its `/proc/self`, as of a program that runs with more rights."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    _call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


def mount_all(folders: Mapping[str, str], mount_point: str) -> None:
    """`folders` by where they are to be seen."""
    working_folder = os.getcwd()  # noqa: PTH109
    _mount(None, "/", MS_REC | MS_SLAVE)
    _mount("tmpfs", mount_point, 0, "tmpfs")
    for name in os.listdir("/"):  # noqa: PTH208
        old, new = f"/{name}", f"{mount_point}/{name}"
        if os.path.islink(old):  # noqa: PTH114
            os.symlink(os.readlink(old), new)  # noqa: PTH115, PTH211
        elif name not in {mount.split("/")[1] for mount in folders}:
            if os.path.isdir(old):  # noqa: PTH112
                os.mkdir(new)  # noqa: PTH102
            else:
                os.close(os.open(new, os.O_CREAT | os.O_WRONLY))
            _mount(old, new, MS_BIND | MS_REC)
    for mount, folder in folders.items():
        os.makedirs(mount_point + mount)  # noqa: PTH103
        _mount(folder, mount_point + mount, MS_BIND | MS_REC)
    os.chroot(mount_point)
    _call("umount2", os.fsencode(mount_point), MNT_DETACH)  # the new root, which is also visible below itself
    os.chdir(working_folder)


def _mount(source: str | None, target: str, flags: int, kind: str | None = None) -> None:
    _call("mount", *(text and os.fsencode(text) for text in (source, target, kind)), ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(*sys.argv[1:])
