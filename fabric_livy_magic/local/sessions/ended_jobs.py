"""Sessions and batches that were deleted: for a while the Monitoring hub goes on to list them, and has their logs."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse
from fabric_livy_magic.local.spark.end_reason import EndReason

MOST_KEPT = 100
KEPT_S = 24 * 3600


class HasLogs(Protocol):
    @property
    def files(self) -> Mapping[str, Path]: ...


class DeletedJob(Protocol):
    """A session or a batch."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def submitter(self) -> str: ...
    @property
    def lakehouse(self) -> Lakehouse: ...
    @property
    def times(self) -> Mapping[str, datetime]: ...
    @property
    def end_reason(self) -> EndReason: ...
    @property
    def state(self) -> str: ...
    @property
    def log(self) -> HasLogs: ...


@dataclass(frozen=True)
class KeptLog:
    files: Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class EndedJob:
    """What the hub shows of one."""

    id: str
    name: str | None
    submitter: str
    lakehouse: Lakehouse
    times: Mapping[str, datetime]
    end_reason: EndReason
    state: str
    app_id: str | None
    is_batch: bool
    log: KeptLog
    deleted: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended = True

    @classmethod
    def of(cls, job: DeletedJob, app_id: str | None, *, is_batch: bool) -> Self:
        return cls(
            id=job.id,
            name=job.name,
            submitter=job.submitter,
            lakehouse=job.lakehouse,
            times=job.times,
            end_reason=job.end_reason,
            state=job.state,
            app_id=app_id,
            is_batch=is_batch,
            log=KeptLog(job.log.files),
        )


class EndedJobs:
    """Of a server, in the order in which they were deleted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_id: dict[str, EndedJob] = {}
        self._lock = threading.Lock()

    def keep(self, job: EndedJob) -> None:
        """Its logs are moved: their folder is about to be removed."""
        folder, kept = self._folder / job.id, {}
        with contextlib.suppress(OSError):  # the hub lists it without logs then
            folder.mkdir(parents=True, mode=0o700)
            for name, path in job.log.files.items():
                kept[name] = path.replace(folder / name)
        with self._lock:
            self._by_id[job.id] = replace(job, log=KeptLog(kept))
            self._drop()

    def get(self, job_id: str) -> EndedJob | None:
        return next((one for one in self.all() if one.id == job_id.lower()), None)

    def all(self) -> list[EndedJob]:
        with self._lock:
            self._drop()
            return list(self._by_id.values())

    def _drop(self) -> None:
        now = datetime.now(UTC)
        while self._by_id:
            oldest = next(iter(self._by_id.values()))
            if len(self._by_id) <= MOST_KEPT and (now - oldest.deleted).total_seconds() < KEPT_S:
                return
            del self._by_id[oldest.id]
            shutil.rmtree(self._folder / oldest.id, ignore_errors=True)
