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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

from fabric_livy_magic.errors import ConnectionFailed, FabricLivyError, SettingsError
from fabric_livy_magic.fabric.onelake_calls import MD5_BYTES, DamagedPart, Entry, OneLakeCalls, already_there
from fabric_livy_magic.fabric.onelake_paths import changeable_path
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import INTERRUPT_CHECK_S, InterruptRequest, check_interrupted, run_in_background

PART_BYTES = MD5_BYTES
PARALLEL_PARTS = 4
READ_AGAIN = 3  # times, of a part that arrived damaged
OWN_FOLDER = "Files/.fabric-livy"
UPLOADS = f"{OWN_FOLDER}/uploads"
LEFT_AFTER = timedelta(days=2)  # an upload that was not written to for so long belongs to a program that has died
MIB = 1024 * 1024
T = TypeVar("T")


class Amount:
    """How many bytes have travelled, told to a listener."""

    def __init__(self, state: str, total_bytes: int, listener: Listener | None) -> None:
        self._state, self._total_bytes, self._listener = state, total_bytes, listener
        self._began_at = time.monotonic()
        self._done_bytes = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done_bytes += count

    def report(self) -> None:
        if self._listener is None:
            return
        elapsed_s = time.monotonic() - self._began_at
        rate = self._done_bytes / MIB / max(elapsed_s, 0.001)
        detail = f"{self._done_bytes / MIB:.1f} of {self._total_bytes / MIB:.1f} MiB, {rate:.1f} MiB/s"
        fraction = self._done_bytes / self._total_bytes if self._total_bytes else None
        self._listener(Progress("file", self._state, elapsed_s, fraction, detail))


# ------------------------------------------------------------------------------------------------ up
def upload(
    onelake: OneLakeCalls,
    local: Path,
    path: str,
    *,
    overwrite: bool = False,
    sweeps: bool = True,
    on_progress: Listener | None = None,
) -> Entry:
    """Gives the entry of the new file. `sweeps`: see `sweep`, which is for the last of several uploads. Raises SettingsError for a local file that cannot be sent or changes meanwhile, and where
    something is at `path` already, unless `overwrite`."""
    path = _target_of(onelake, path, overwrite=overwrite)
    try:
        with local.open("rb") as file:
            before = os.fstat(file.fileno())
            with uploaded_under_own_name(onelake) as name:
                _send(onelake, file, name, before.st_size, on_progress)
                after = os.fstat(file.fileno())
                if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                    raise SettingsError(f"{local} was changed while it was sent, so nothing was put at {path}.")
                onelake.move(name, path, overwrite=overwrite)
    except IsADirectoryError:
        raise SettingsError(f"{local} is a folder; `-r` copies one.") from None
    except OSError as error:
        raise SettingsError(_not_read(local, error)) from error
    if sweeps:
        sweep(onelake)
    return onelake.stat(path)


def _not_read(local: Path, error: OSError) -> str:
    if local.is_dir():  # Windows refuses to open one
        return f"{local} is a folder; `-r` copies one."
    if isinstance(error, FileNotFoundError):
        return f"There is no file {local} on this machine."
    return f"{local} cannot be read: {error.strerror or error}."


def _target_of(onelake: OneLakeCalls, path: str, *, overwrite: bool) -> str:
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
    """Removes what uploads of programs that died have left, and our own folders, which the server refuses while anything is in
    them. It is no error of the upload where that fails."""
    with contextlib.suppress(FabricLivyError):
        too_old = datetime.now(UTC) - LEFT_AFTER
        for entry in onelake.entries(UPLOADS):
            if entry.modified and entry.modified < too_old:
                onelake.delete(entry.path)
        for folder in (UPLOADS, OWN_FOLDER):
            onelake.delete(folder)


def _send(onelake: OneLakeCalls, file: IO[bytes], name: str, size_bytes: int, on_progress: Listener | None) -> None:
    amount = Amount("uploading", size_bytes, on_progress)
    reading = threading.Lock()

    def send(position: int) -> None:
        with reading:
            file.seek(position)
            part = file.read(min(PART_BYTES, size_bytes - position))
        if part:
            onelake.append(name, position, part)
            amount.add(len(part))

    side_by_side(range(0, size_bytes, PART_BYTES), send, amount.report)
    onelake.flush(name, size_bytes)
    stored = onelake.stat(name).size_bytes
    if stored != size_bytes:
        raise ConnectionFailed(f"{stored:,} of {size_bytes:,} bytes arrived in OneLake, so the file was not put there.")


# ------------------------------------------------------------------------------------------------ down
def download(
    onelake: OneLakeCalls, path: str, local: Path, *, overwrite: bool = False, on_progress: Listener | None = None
) -> Entry:
    """Gives the entry that was fetched. Raises SettingsError for a folder, and where `local` is there already, unless
    `overwrite`; NotFoundError where nothing is at `path`."""
    entry = onelake.stat(path)
    if entry.is_folder:
        raise SettingsError(f"{path} is a folder; `-r` copies one.")
    if local.is_dir():
        raise SettingsError(f"{local} is a folder: name the file in it.")
    if local.exists() and not overwrite:
        raise already_there(local)
    beside = local.with_name(f".{uuid.uuid4().hex}.part")
    try:
        try:
            with beside.open("xb+") as file:
                _fetch(onelake, entry, file, on_progress)
            if local.exists() and not overwrite:
                raise already_there(local)
            beside.replace(local)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{local} cannot be written: {error.strerror or error}.") from error
    return entry


def _fetch(onelake: OneLakeCalls, entry: Entry, file: IO[bytes], on_progress: Listener | None) -> None:
    amount = Amount("downloading", entry.size_bytes, on_progress)
    writing = threading.Lock()

    def fetch(position: int) -> None:
        part = _read_part(onelake, entry, position)
        with writing:
            file.seek(position)
            file.write(part)
        amount.add(len(part))

    side_by_side(range(0, entry.size_bytes, PART_BYTES), fetch, amount.report)
    file.flush()
    os.fsync(file.fileno())
    if entry.md5 and (found := _md5_of(file)) != entry.md5:
        raise DamagedPart(f"{entry.path} arrived damaged: its MD5 is {found}, and the server's {entry.md5}.")


def _read_part(onelake: OneLakeCalls, entry: Entry, position: int) -> bytes:
    expected_bytes = min(PART_BYTES, entry.size_bytes - position)
    for attempt in range(READ_AGAIN):
        try:
            part = onelake.read(entry.path, position, expected_bytes, etag=entry.etag)
        except DamagedPart:
            if attempt == READ_AGAIN - 1:
                raise
            continue
        if len(part) == expected_bytes:
            return part
    raise ConnectionFailed(f"{entry.path} ended before its {entry.size_bytes:,} bytes had arrived.")


def _md5_of(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while part := file.read(PART_BYTES):
        digest.update(part)
    return base64.b64encode(digest.digest()).decode("ascii")


# ------------------------------------------------------------------------------------------------ within OneLake
def copy(
    source: OneLakeCalls,
    source_path: str,
    target: OneLakeCalls,
    path: str,
    *,
    overwrite: bool = False,
    sweeps: bool = True,
    on_progress: Listener | None = None,
) -> Entry:
    """By way of this machine, part by part: the DFS endpoint has no copy."""
    entry = source.stat(source_path)
    if entry.is_folder:
        raise SettingsError(f"{source_path} is a folder; `-r` copies one.")
    path = _target_of(target, path, overwrite=overwrite)
    amount = Amount("copying", entry.size_bytes, on_progress)
    with uploaded_under_own_name(target) as name:

        def carry(position: int) -> None:
            part = _read_part(source, entry, position)
            target.append(name, position, part)
            amount.add(len(part))

        side_by_side(range(0, entry.size_bytes, PART_BYTES), carry, amount.report)
        target.flush(name, entry.size_bytes)
        target.move(name, path, overwrite=overwrite)
    if sweeps:
        sweep(target)
    return target.stat(path)


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
