"""All batches of a server: created, found, listed, ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from fabric_livy_magic.local.batches.batch import Batch
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath, local_path
from fabric_livy_magic.local.lakehouse.served_workspaces import ServedWorkspaces
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse
from fabric_livy_magic.local.sessions.capacity import Capacity
from fabric_livy_magic.local.sessions.dependencies import with_local_files
from fabric_livy_magic.local.sessions.ended_jobs import EndedJob, EndedJobs
from fabric_livy_magic.local.sessions.sessions import new_guid
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.session_request import BatchRequest
from fabric_livy_magic.local.spark.settings import check_settings


class Batches:
    """They stay listed when they have ended, until they are deleted."""

    def __init__(
        self,
        private: Path,
        groups: ProcessGroups,
        capacity: Capacity,
        served: ServedWorkspaces,
        new_id: Callable[[], str] = new_guid,
        ended_jobs: EndedJobs | None = None,
    ) -> None:
        self._private = private
        self._groups = groups
        self._capacity = capacity
        self._served = served
        self._ended_jobs = ended_jobs
        self.new_id = new_id
        self._by_id: dict[str, Batch] = {}
        self._lock = threading.Lock()
        capacity.count(lambda: sum(batch.alive for batch in self.all()))

    def create(self, request: BatchRequest, lakehouse: Lakehouse, submitter: str, batch_id: str | None = None) -> Batch:
        """Not started yet. Whether its file is there is seen when it starts. Raises NoCapacity, BadSetting or BadPath.

        `batch_id` comes from `new_id`, where the caller needed it before.
        """
        batch_id = batch_id or self.new_id()
        located = self._located(request, lakehouse)
        check_settings(request)  # before the capacity: a wrong request stays wrong
        self._capacity.check()
        private = self._private / f"batch-{batch_id}"
        batch = Batch(batch_id, request, located, lakehouse, self._served.now, private, self._groups, submitter)
        private.mkdir(mode=0o700)
        with self._lock:
            self._by_id[batch_id] = batch
        return batch

    def _located(self, request: BatchRequest, lakehouse: Lakehouse) -> BatchRequest:
        program = local_path(request.file, lakehouse, self._served.now)
        if program.suffix not in (".py", ".jar"):
            raise BadPath(f"{request.file!r} is neither a .py nor a .jar file")
        return replace(with_local_files(request, lakehouse, self._served.now), file=str(program))

    def get(self, batch_id: str) -> Batch | None:
        return self._by_id.get(batch_id.lower())

    def all(self) -> list[Batch]:
        """In the order of their creation."""
        with self._lock:
            return list(self._by_id.values())

    def delete(self, batch_id: str) -> bool:
        """Ends it and removes it with its log. False where there is none. Returns when its processes have ended."""
        with self._lock:
            batch = self._by_id.pop(batch_id.lower(), None)
        if batch is None:
            return False
        batch.stop()
        if self._ended_jobs:
            self._ended_jobs.keep(EndedJob.of(batch, batch.app_id, is_batch=True))
        batch.remove_files()
        return True

    def stop_all(self) -> None:
        batches = self.all()
        if batches:
            with ThreadPoolExecutor(len(batches)) as pool:
                list(pool.map(self.delete, [batch.id for batch in batches]))
