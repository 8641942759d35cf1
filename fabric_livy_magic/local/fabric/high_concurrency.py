"""High-concurrency sessions: acquired, shown, deleted. Their statements are in `statements`."""

from __future__ import annotations

import asyncio

from fabric_livy_magic.local.fabric import request_parsing, session_views
from fabric_livy_magic.local.fabric.request_parsing import BadRequest
from fabric_livy_magic.local.fabric.sessions import SparkHandler
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.sessions.capacity import NoCapacity
from fabric_livy_magic.local.sessions.high_concurrency import HighConcurrencySession
from fabric_livy_magic.local.spark.settings import BadSetting
from fabric_livy_magic.local.web.answers import Refusal


class AcquireHandler(SparkHandler):
    def post(self, **_ids: str) -> None:
        body = self.json_body()
        self.check_running()
        try:
            request, tag = request_parsing.read_session_request(body), request_parsing.read_session_tag(body)
            located, home = self.located(request)
            acquired = self.server.high_concurrency.acquire(
                request, located, home, tag, self.lakehouse, self.caller.name
            )
        except (BadRequest, BadPath, BadSetting, NoCapacity) as problem:
            raise self.refusal_of(problem) from problem
        view = session_views.high_concurrency_view(acquired)
        acquired.start()
        self.answer(view, 202)


class HighConcurrencyHandler(SparkHandler):
    def known(self, hc_id: str) -> HighConcurrencySession:
        found = self.server.high_concurrency.get(self.lakehouse.id, hc_id)
        if found is None:
            raise Refusal(404, f"high concurrency session {hc_id} is not known", "SparkCoreSessionNotFound")
        return found

    def get(self, *, hc_id: str, **_ids: str) -> None:
        self.answer(session_views.high_concurrency_view(self.known(hc_id)))

    async def delete(self, *, hc_id: str, **_ids: str) -> None:
        found = self.known(hc_id)
        await asyncio.get_running_loop().run_in_executor(None, self.server.high_concurrency.delete, found.id)
        self.answer({"msg": "deleted"})
