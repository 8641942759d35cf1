"""Whole files between this machine and OneLake: in parts side by side, in constant memory, there as a whole or not at all.

An upload goes to a name of its own below `Files/.fabric-livy/uploads` and is renamed at the end; a download goes to a file beside
its place. Each part is compared by its MD5 where the server tells one, the whole by its size, and by its MD5 where the server
keeps that of the file. A part whose answer was lost is sent again: it has its position.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

from fabric_livy_magic.errors import ConnectionFailed, FabricLivyError, SettingsError
from fabric_livy_magic.fabric.onelake_calls import MD5_BYTES, Entry, OneLakeCalls, already_there
from fabric_livy_magic.fabric.onelake_paths import changeable_path
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import INTERRUPT_CHECK_S, InterruptRequest, check_interrupted, run_in_background

PART_BYTES = MD5_BYTES // 2  # what four of them leave in the heaps of their threads counts, too
PARALLEL_PARTS = 4
OWN_FOLDER = "Files/.fabric-livy"
UPLOADS = f"{OWN_FOLDER}/uploads"
FRAMES = f"{OWN_FOLDER}/frames"  # with a folder for each, see `frame_folders`
LEFT_AFTER = timedelta(days=2)  # an upload or frame that is so old belongs to a program that has died
MIB = 1024 * 1024
T = TypeVar("T")


class Amount:
    """How many bytes of one or several files have travelled, told to a listener by the thread that made it."""

    def __init__(self, state: str, total_bytes: int, listener: Listener | None) -> None:
        self._state, self._total_bytes, self._listener = state, total_bytes, listener
        self._began_at, self._thread = time.monotonic(), threading.get_ident()
        self._done_bytes = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done_bytes += count

    def report(self) -> None:
        if self._listener is None or threading.get_ident() != self._thread:
            return
        elapsed_s = time.monotonic() - self._began_at
        rate = self._done_bytes / MIB / max(elapsed_s, 0.001)
        detail = f"{self._done_bytes / MIB:.1f} of {self._total_bytes / MIB:.1f} MiB, {rate:.1f} MiB/s"
        fraction = self._done_bytes / self._total_bytes if self._total_bytes else None
        self._listener(Progress("file", self._state, elapsed_s, fraction, detail))


# ------------------------------------------------------------------------------------------------ up
def upload(onelake: OneLakeCalls, local: Path, path: str, amount: Amount, *, overwrite: bool = False) -> Entry:
    """Gives the entry of the new file; `sweep` follows the last of several. Raises SettingsError for a local file that cannot be
    sent or changes meanwhile, and where something is at `path` already, unless `overwrite`."""
    path = free_path(onelake, path, overwrite=overwrite)
    changed = SettingsError(f"{local} was changed while it was sent, so nothing was put at {path}.")
    reading = threading.Lock()
    try:
        with local.open("rb") as file:
            before = os.fstat(file.fileno())

            def part_at(position: int, size_bytes: int) -> bytes:
                with reading:
                    file.seek(position)
                    part = file.read(size_bytes)
                if len(part) != size_bytes:
                    raise changed
                return part

            def check() -> None:
                after = os.fstat(file.fileno())
                if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                    raise changed

            return _put(onelake, path, before.st_size, part_at, amount, overwrite=overwrite, check=check)
    except OSError as error:
        raise SettingsError(_not_read(local, error)) from error


def _not_read(local: Path, error: OSError) -> str:
    if local.is_dir():  # Windows refuses to open one
        return f"{local} is a folder; `-r` copies one."
    if isinstance(error, FileNotFoundError):
        return f"There is no file {local} on this machine."
    return f"{local} cannot be read: {error.strerror or error}."


def free_path(onelake: OneLakeCalls, path: str, *, overwrite: bool) -> str:
    """The path, checked. Raises SettingsError for a folder, and for a file unless `overwrite`."""
    path = changeable_path(path)
    found = onelake.find(path)
    if found is not None and found.is_folder:
        raise SettingsError(f"{path} is a folder: name the file in it.")
    if found is not None and not overwrite:
        raise already_there(path)
    return path


@contextlib.contextmanager
def uploaded_under_own_name(onelake: OneLakeCalls) -> Iterator[str]:
    """A new, empty file, which is gone after an error."""
    name = f"{UPLOADS}/{uuid.uuid4().hex}.part"
    try:
        onelake.create(name)
        yield name
    except BaseException:  # also an interrupt; it is raised again
        hurried = onelake.with_short_timeouts()
        with contextlib.suppress(FabricLivyError):  # what went wrong before matters more; a later upload sweeps it
            hurried.delete(name)
        sweep(hurried)
        raise


def sweep(onelake: OneLakeCalls) -> None:
    """Removes what uploads and frames of programs that died have left, and our own folders, which the server refuses while anything is in
    them. It is no error of the upload where that fails."""
    too_old = datetime.now(UTC) - LEFT_AFTER
    for folder in (UPLOADS, FRAMES):
        with contextlib.suppress(FabricLivyError):
            for entry in onelake.entries(folder):
                if entry.modified and entry.modified < too_old:
                    onelake.delete(entry.path, recursive=entry.is_folder)
            onelake.delete(folder)
    with contextlib.suppress(FabricLivyError):
        onelake.delete(OWN_FOLDER)


def _put(
    onelake: OneLakeCalls,
    path: str,
    size_bytes: int,
    part_at: Callable[[int, int], bytes],
    amount: Amount,
    *,
    overwrite: bool,
    check: Callable[[], None] = lambda: None,
) -> Entry:
    """`part_at` gives the bytes from a position on, and is called by several threads; `check` is called once all were sent."""
    with uploaded_under_own_name(onelake) as name:

        def send(position: int) -> None:
            part = part_at(position, min(PART_BYTES, size_bytes - position))
            onelake.append(name, position, part)
            amount.add(len(part))

        side_by_side(range(0, size_bytes, PART_BYTES), send, amount.report)
        onelake.flush(name, size_bytes)
        stored = onelake.stat(name)
        if stored.size_bytes != size_bytes:
            raise ConnectionFailed(
                f"{stored.size_bytes:,} of {size_bytes:,} bytes arrived in OneLake, so nothing was put at {path}."
            )
        check()
        onelake.rename(stored, path, overwrite=overwrite)
    return replace(stored, path=path, etag="")


# ------------------------------------------------------------------------------------------------ down
def download(onelake: OneLakeCalls, entry: Entry, local: Path, amount: Amount, *, overwrite: bool = False) -> None:
    """Raises SettingsError for a folder, and where `local` is there already, unless `overwrite`."""
    _check_file(entry)
    if local.is_dir():
        raise SettingsError(f"{local} is a folder: name the file in it.")
    if local.exists() and not overwrite:
        raise already_there(local)
    beside = local.with_name(f".{uuid.uuid4().hex}.part")
    try:
        try:
            with beside.open("xb+") as file:
                _fetch(onelake, entry, file, amount)
            if local.exists() and not overwrite:
                raise already_there(local)
            beside.replace(local)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{local} cannot be written: {error.strerror or error}.") from error


def _check_file(entry: Entry) -> None:
    if entry.is_folder:
        raise SettingsError(f"{entry.path} is a folder; `-r` copies one.")


def _fetch(onelake: OneLakeCalls, entry: Entry, file: IO[bytes], amount: Amount) -> None:
    writing = threading.Lock()

    def fetch(position: int) -> None:
        part = read_part(onelake, entry, position)
        with writing:
            file.seek(position)
            file.write(part)
        amount.add(len(part))

    side_by_side(range(0, entry.size_bytes, PART_BYTES), fetch, amount.report)
    file.flush()
    os.fsync(file.fileno())
    if entry.md5 and (found := _md5_of(file)) != entry.md5:
        raise ConnectionFailed(f"{entry.path} arrived damaged: its MD5 is {found}, and the server's {entry.md5}.")


def read_part(onelake: OneLakeCalls, entry: Entry, position: int, size_bytes: int = PART_BYTES) -> bytes:
    """From `position` on, of the file as it was when the entry was got. Raises ConnectionFailed where it ends before."""
    size_bytes = min(size_bytes, entry.size_bytes - position)
    part = onelake.read(entry.path, position, size_bytes, etag=entry.etag)
    if len(part) != size_bytes:
        raise ConnectionFailed(f"{entry.path} ended before its {entry.size_bytes:,} bytes had arrived.")
    return part


def _md5_of(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while part := file.read(PART_BYTES):
        digest.update(part)
    return base64.b64encode(digest.digest()).decode("ascii")


# ------------------------------------------------------------------------------------------------ within OneLake
def copy(
    source: OneLakeCalls, entry: Entry, target: OneLakeCalls, path: str, amount: Amount, *, overwrite: bool = False
) -> Entry:
    """By way of this machine, part by part: the DFS endpoint has no copy."""
    _check_file(entry)
    path = free_path(target, path, overwrite=overwrite)

    def part_at(position: int, size_bytes: int) -> bytes:
        return read_part(source, entry, position, size_bytes)

    return _put(target, path, entry.size_bytes, part_at, amount, overwrite=overwrite)


# ------------------------------------------------------------------------------------------------ threads
def side_by_side(items: Sequence[T], work: Callable[[T], None], report: Callable[[], None]) -> None:
    """`work` for each of them, several at a time. After the first error, and after an interrupt, none begins any more, and
    those that run have ended when it is raised."""
    waiting, lock, ended = iter(items), threading.Lock(), threading.Event()
    running = min(PARALLEL_PARTS, len(items))

    def run() -> None:
        nonlocal running
        try:
            while not ended.is_set():
                with lock:
                    item: Any = next(waiting, waiting)
                if item is waiting:
                    return
                work(item)
        except BaseException:
            ended.set()
            raise
        finally:
            with lock:
                running -= 1
                if not running:
                    ended.set()

    stops = [InterruptRequest() for _ in range(running)]
    threads = [run_in_background(run, "file", stop) for stop in stops]
    try:
        while threads and not ended.wait(INTERRUPT_CHECK_S):
            check_interrupted()
            report()
    finally:
        ended.set()
        for stop, (_, thread) in zip(stops, threads, strict=True):
            while thread.is_alive():
                stop.make()
                thread.join(INTERRUPT_CHECK_S / 2)
    report()
    errors = [error for future, _ in threads if (error := future.exception()) is not None]
    if errors:
        raise next((one for one in errors if not isinstance(one, KeyboardInterrupt)), errors[0])
