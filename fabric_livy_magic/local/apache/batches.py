"""Batches: submitted, listed, shown, ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fabric_livy_magic.local.apache import request_parsing, views
from fabric_livy_magic.local.apache.handler import part_of
from fabric_livy_magic.local.apache.refusals import message, rejected, thrown
from fabric_livy_magic.local.apache.sessions import FULL, PAGE, SparkHandler, livy_message
from fabric_livy_magic.local.batches.batch import ENDED, Batch
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.sessions.capacity import NoCapacity
from fabric_livy_magic.local.sessions.lifetimes import LIVY_KEEP_ENDED_S
from fabric_livy_magic.local.spark.session_request import BatchRequest
from fabric_livy_magic.local.spark.settings import BadSetting


class EmptyLog:
    def stdout_lines(self) -> list[str]:
        return []

    def stderr_lines(self) -> list[str]:
        return []


@dataclass
class RefusedBatch:
    """Livy's bug: it lists a batch that it refused for its file, until somebody deletes it."""

    id: str
    request: BatchRequest
    state: str = "starting"
    log: EmptyLog = field(default_factory=EmptyLog)


class BatchHandler(SparkHandler):
    def initialize(self, server: Server, refused: dict[str, RefusedBatch]) -> None:  # type: ignore[override]
        super().initialize(server)
        self.refused = refused

    def all_batches(self) -> list[Batch | RefusedBatch]:
        """Without those that ended longer ago than Livy keeps them."""
        batches = self.server.batches
        for batch in batches.all():
            if batch.state in ENDED and _seconds_since_end(batch) > LIVY_KEEP_ENDED_S:
                batches.delete(batch.id)
        return sorted([*batches.all(), *self.refused.values()], key=lambda one: int(one.id))

    def known_batch(self, id_or_name: str) -> Batch | RefusedBatch:
        return self.known(id_or_name, self.all_batches())


def _seconds_since_end(batch: Batch) -> float:
    return (datetime.now(UTC) - batch.times[batch.state]).total_seconds()


class BatchesHandler(BatchHandler):
    def get(self) -> None:
        start, size = self.number("from", 0), self.number("size", PAGE)
        batches = self.all_batches()
        page = [views.batch_view(batch) for batch in part_of(batches, start, size)]
        self.answer({"from": start, "total": len(batches), "sessions": page})

    def post(self) -> None:
        read = request_parsing.read_batch(self.json_text)
        self.check_running()
        number = self.server.batches.new_id()  # used up also where the request is refused
        request = request_parsing.batch_request(read)
        batch = self._created(request, number, has_file=read.get("file") is not None)
        batch.start()
        self.set_header("Location", f"/batches/{batch.id}")
        self.answer(views.batch_view(batch), 201)

    def _created(self, request: BatchRequest, number: str, *, has_file: bool) -> Batch:
        if not has_file:
            raise rejected("requirement failed: File is required.")
        if not request.file:
            raise thrown("java.lang.IndexOutOfBoundsException", '"file" is empty')
        self.check_name(request)
        self.check_conf(request)
        self.check_unique(request, (batch.request.name for batch in self.all_batches()), number)
        try:
            return self.server.batches.create(request, self.lakehouse, self.caller.name, number)
        except NoCapacity as problem:
            raise message(400, FULL) from problem
        except BadPath as problem:
            if self.server.quirks:
                self.refused[number] = RefusedBatch(number, request)
            raise rejected(livy_message(problem)) from problem
        except BadSetting as problem:
            raise rejected(str(problem)) from problem


class OneBatchHandler(BatchHandler):
    def get(self, id_or_name: str) -> None:
        self.answer(views.batch_view(self.known_batch(id_or_name)))

    async def delete(self, id_or_name: str) -> None:
        batch = self.known_batch(id_or_name)
        if self.refused.pop(batch.id, None) is None:
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(None, self.server.batches.delete, batch.id):
                raise message(404, f"Session {batch.id} already stopped.")
        self.answer({"msg": "deleted"})


class BatchStateHandler(BatchHandler):
    def get(self, id_or_name: str) -> None:
        batch = self.known_batch(id_or_name)
        self.answer({"id": int(batch.id), "state": views.batch_state(batch)})


class BatchLogHandler(BatchHandler):
    def get(self, id_or_name: str) -> None:
        batch = self.known_batch(id_or_name)
        start, size = self.number("from", -1), self.number("size", PAGE)
        self.answer(views.log_view(int(batch.id), batch.log, start, size))
