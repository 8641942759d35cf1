"""The two roads of a frame: inline, as pieces in the replies of statements, and by files in the lakehouse, which a large one takes.

By files the executors write side by side, and parts of the files are fetched side by side, without base64 and past the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fabric_livy_magic.errors import (
    FrameError,
    HttpError,
    Interrupted,
    NoAgent,
    SettingsError,
    SignInError,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.fabric.frame_folders import FrameFolder
from fabric_livy_magic.frames import conversion
from fabric_livy_magic.frames.arrow_stream import MemoryLimit, checked_header, free_memory_bytes
from fabric_livy_magic.frames.stream_files import FrameInFiles, batch_count, files_to_send
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import NO_DEADLINE, Deadline
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.agent_calls import MIB
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import ArrowTable
from fabric_livy_magic.settings import AUTO, INLINE, ONELAKE, VIA, did_you_mean

FilesRequest = dict[str, Any]
"""What the agent needs to write a frame as files, see its `frame_files.taken`."""


def fetch(
    repl: Repl,
    open_frame: Callable[[FilesRequest | None], Mapping[str, Any]],
    *,
    via: str | None = None,
    limit: int | None = None,
    deadline: Deadline = NO_DEADLINE,
    on_progress: Listener | None = None,
) -> ArrowTable:
    """The frame whose header `open_frame` gives. `via`: AUTO, INLINE or ONELAKE, by default the setting. Raises SettingsError,
    HttpError and SignInError where it is to go by way of OneLake and cannot."""
    via = checked_via(via or repl.settings.frames_via)
    folder = _folder(repl, via)
    if folder is None:
        return agent_calls.fetch_table(repl.agent_call(deadline), open_frame(None), on_progress)
    above_bytes = 0 if via == ONELAKE else _above_bytes(repl)
    try:
        header = open_frame({"path": folder.path, "uri": folder.uri, "above_bytes": above_bytes})
    except (StatementError, NoAgent):  # the agent has removed what it wrote
        raise
    except BaseException:  # also an interrupt; it is raised again
        if repl.has_used_onelake:  # else somebody might be asked to sign in
            folder.remove(hurried=True)
        raise
    if "files" not in header:
        return agent_calls.fetch_table(repl.agent_call(deadline), header, on_progress)
    if header.get("path") != folder.path:
        raise FrameError("The session has written the frame to another folder than the one it was told.")
    return _fetch_files(
        repl, header, folder, limit=limit, may_be_inline=via == AUTO, deadline=deadline, on_progress=on_progress
    )


def fetch_earlier(repl: Repl, header: Mapping[str, Any], on_progress: Listener | None = None) -> ArrowTable:
    """The frame of a header that an earlier notebook was sent."""
    if "files" not in header:
        return agent_calls.fetch_table(repl.agent_call(), header, on_progress)
    folder = FrameFolder(repl.onelake(), FrameInFiles(checked_header(header)).path)
    return _fetch_files(repl, header, folder, may_be_inline=True, on_progress=on_progress)


def send(
    repl: Repl, frame: Any, name: str, *, via: str | None = None, on_progress: Listener | None = None
) -> tuple[int, list[tuple[str, str]]]:
    """Makes a frame of this Python a temporary view of the session: (rows, [(column, Spark's type)]). Errors as with `fetch`."""
    via = checked_via(via or repl.settings.frames_via)
    table = conversion.to_arrow(frame)
    folder = None if via == AUTO and table.nbytes <= _above_bytes(repl) else _folder(repl, via)
    if folder is not None and via == AUTO and not _has_access(repl, folder):
        folder = None
    if folder is None:
        return agent_calls.send(repl.agent_call(), table, name, on_progress)
    spark_types, files = files_to_send(table)
    hurried = True
    try:
        folder.put([(file.name, file.size_bytes, file.content) for file in files], on_progress)
        sent = {
            "uri": folder.uri,
            "files": [[file.name, file.size_bytes] for file in files],
            "batches": batch_count(files),
            "rows": table.num_rows,
            "spark": spark_types,
        }
        view = agent_calls.value_of(repl.agent_call(on_progress=on_progress)("publish_files", sent, name))
        hurried = False
    except KeyboardInterrupt:
        raise Interrupted(agent_calls.not_sent(name)) from None
    finally:
        folder.remove(hurried=hurried)
    return agent_calls.rows_and_types(view)


# ------------------------------------------------------------------------------------------------ by files
def _fetch_files(
    repl: Repl,
    header: Mapping[str, Any],
    folder: FrameFolder,
    *,
    limit: int | None = None,
    may_be_inline: bool,
    deadline: Deadline = NO_DEADLINE,
    on_progress: Listener | None = None,
) -> ArrowTable:
    frame, memory = FrameInFiles(checked_header(header)), MemoryLimit(free_memory_bytes())
    hurried = True
    try:
        folder.fetch(frame.sizes, lambda file: frame.read(file, memory), _within(deadline, on_progress))
        arrow, more = frame.table(limit)
        hurried, repl.has_used_onelake = False, True
    except (HttpError, SignInError):
        if not may_be_inline or repl.has_used_onelake:
            raise
        repl.is_refused_by_onelake = True
        header = agent_calls.value_of(repl.agent_call(deadline)("open_files", _own_part(header), limit))
        return agent_calls.fetch_table(repl.agent_call(deadline), header, on_progress)
    except KeyboardInterrupt:
        raise Interrupted(agent_calls.NOT_FETCHED) from None
    finally:
        if not repl.is_refused_by_onelake:
            folder.remove(hurried=hurried)
    return agent_calls.table_of({**header, "more": more}, arrow)


def _own_part(header: Mapping[str, Any]) -> dict[str, Any]:
    return {name: header[name] for name in ("uri", "prefix", "schema", "zone", "more")}


def _within(deadline: Deadline, on_progress: Listener | None) -> Listener | None:
    if deadline.left_s is None:
        return on_progress

    def hear(progress: Progress) -> None:
        if on_progress is not None:
            on_progress(progress)
        if not deadline.left_s:
            raise WaitTimeout("The cell's time was over before its frame had arrived. Nothing of it is left.")

    return hear


# ------------------------------------------------------------------------------------------------ which road
def checked_via(via: str) -> str:
    if via not in VIA:
        raise SettingsError(f"A frame goes via {', '.join(VIA)}, not {via!r}.{did_you_mean(via, list(VIA))}")
    return via


def _above_bytes(repl: Repl) -> int:
    return max(1, int(repl.settings.onelake_above_mib * MIB))


def _folder(repl: Repl, via: str) -> FrameFolder | None:
    """None: inline."""
    if via == INLINE or (via == AUTO and repl.is_refused_by_onelake):
        return None
    try:
        folder = FrameFolder(repl.onelake())
    except SettingsError as error:
        if via == AUTO:
            return None
        raise SettingsError(f"{error} Frames come from it via inline alone.") from error
    if via == ONELAKE:
        folder.check_access()
    return folder


def _has_access(repl: Repl, folder: FrameFolder) -> bool:
    try:
        folder.check_access()
    except (HttpError, SignInError):
        repl.is_refused_by_onelake = True
        return False
    return True
