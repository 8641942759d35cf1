"""Batches of a lakehouse: created, listed, shown, cancelled."""

from __future__ import annotations

import asyncio

from fabric_livy_magic.local.batches.batch import Batch
from fabric_livy_magic.local.fabric import request_parsing
from fabric_livy_magic.local.fabric.batch_views import batch_activity_view, batch_view, early_batch_view
from fabric_livy_magic.local.fabric.request_parsing import BadRequest
from fabric_livy_magic.local.fabric.sessions import SparkHandler
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.sessions.capacity import NoCapacity
from fabric_livy_magic.local.spark.settings import BadSetting
from fabric_livy_magic.local.web.answers import Refusal


class BatchesHandler(SparkHandler):
    def get(self, **_ids: str) -> None:
        page = self.page()
        batches = [one for one in self.server.batches.all() if one.lakehouse.id == self.lakehouse.id]
        items = [batch_activity_view(batch) for batch in batches[page.slice]]
        self.answer({"items": items, "totalCountOfMatchedItems": len(batches), "pageSize": page.top})

    def post(self, **_ids: str) -> None:
        body = self.json_body()
        self.check_running()
        try:
            request = request_parsing.read_batch_request(body)
            batch = self.server.batches.create(request, self.lakehouse, self.caller.name)
        except (BadRequest, BadPath, BadSetting, NoCapacity) as problem:
            raise self.refusal_of(problem) from problem
        view = early_batch_view(batch)
        batch.start()
        self.answer(view, 202)


class BatchHandler(SparkHandler):
    def known_batch(self, batch_id: str) -> Batch:
        batch = self.server.batches.get(batch_id)
        if batch is None or batch.lakehouse.id != self.lakehouse.id:
            raise Refusal(404, f"batch {batch_id} is not known", "SparkCoreSessionNotFound")
        return batch

    def get(self, *, batch_id: str, **_ids: str) -> None:
        self.answer(batch_view(self.known_batch(batch_id)))

    async def delete(self, *, batch_id: str, **_ids: str) -> None:
        """A cancel: the batch stays listed, as `killed` and `Cancelled`, with its log. The contract describes the operation as
        "Cancels a batch execution" and has `killedAt` and `Cancelled` for the outcome.
        """
        batch = self.known_batch(batch_id)
        await asyncio.get_running_loop().run_in_executor(None, batch.stop)
        self.answer({"msg": "deleted"})
