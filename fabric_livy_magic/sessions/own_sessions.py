"""The sessions of this user on a server, whichever notebook they belong to, and those that a kernel left when it died."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from fabric_livy_magic.errors import HttpError, SessionError, SessionLostError
from fabric_livy_magic.livy.creation import NAME_PREFIX
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.sessions.kept_sessions import kept_sessions
from fabric_livy_magic.sessions.records import KernelRecord, SessionRecord, kernel_records
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import Target, read_target


@dataclass(frozen=True)
class OwnSession:
    """A session of this user. `where`: the notebook that it belongs to, in words."""

    info: SessionInfo
    where: str
    is_orphan: bool = False
    """Started by a kernel of this user and machine that has ended without stopping it."""


def own_sessions(runner: Runner) -> list[OwnSession]:
    """Those on the target that this user's notebooks have on record, and further ones that this package named."""
    here = {session.id: name for name, session in runner.sessions.items()}
    kept = {one.id: one.name for one in kept_sessions()}
    on_record = {one.id: (kernel, one) for kernel in kernel_records() for one in kernel.sessions}
    found = []
    for info in runner.account.client().list_sessions():
        if info.state.has_ended:
            continue
        if info.id in here:
            found.append(OwnSession(info, f"this notebook: {here[info.id]}"))
        elif info.id in kept:
            found.append(OwnSession(info, f"kept as {kept[info.id]!r}: `fabric-livy stop {kept[info.id]}`"))
        elif info.id in on_record:
            found.append(_on_record(info, *on_record[info.id]))
        elif (info.name or "").startswith(NAME_PREFIX):
            found.append(OwnSession(info, "not started on this machine"))
    return found


def _on_record(info: SessionInfo, kernel: KernelRecord, record: SessionRecord) -> OwnSession:
    if kernel.is_alive:
        return OwnSession(info, f"{kernel.notebook}, which runs")
    if not record.ours:
        return OwnSession(info, f"{kernel.notebook}, kept")
    return OwnSession(info, f"{kernel.notebook}, whose kernel has ended: an orphan", is_orphan=True)


def left_running(runner: Runner, target: Target) -> list[SessionRecord]:
    """Those that this notebook's last kernel left on the target's server and that have not ended."""
    records = runner.sessions.records
    left = records.of_last_kernel() if records else ()
    if not left:
        return []
    client = runner.account.client(target).with_short_timeouts()
    found = []
    for record in left:
        if record.server == client.http.base_url:
            # It is not there any more, or cannot be seen: a start goes on all the same.
            with contextlib.suppress(HttpError):
                if not client.get_session(record.id).state.has_ended:
                    found.append(record)
    return found


def attach_last(runner: Runner) -> Iterator[tuple[SessionRecord, Session | SessionLostError]]:
    """Attaches the sessions that this notebook's last kernel left, one after the other; the error of each that runs no more."""
    records = runner.sessions.records
    assert records is not None
    left = records.of_last_kernel()
    if not left:
        raise SessionError(
            "No session of an earlier kernel of this notebook is on record. `%livy sessions --mine` lists those of other notebooks."
        )
    for record in left:
        runner.account.use(_address(record))
        name = record.name if record.name not in runner.sessions else record.id
        try:
            session = runner.sessions.attach(record.id, name, started_here=record.ours)
        except SessionLostError as error:
            records.remove(record.id)
            yield record, error
            continue
        records.remove(record.id)  # from the record of the kernel that died; it belongs to this one now
        runner.sessions.record(session)
        yield record, session


def _address(record: SessionRecord) -> str:
    """What was typed, so that the target reads as before; the address itself where names may have come to mean another one."""
    return record.target if read_target(record.target).url else record.server
