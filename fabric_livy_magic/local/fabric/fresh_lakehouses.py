"""Fresh lakehouses of tests: folders that a client on this machine made, each with sessions of its own. No part of Fabric's API.

POST   /embedded/freshLakehouses          {"folder": "/…"} → {"id", "livyPath", "sparkStarts"}
GET    /embedded/freshLakehouses/{id}     {"sparkStarts", "ownApplications"}: how many of its sessions share no Spark
DELETE /embedded/freshLakehouses/{id}     ends its sessions, and leaves the folder
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from fabric_livy_magic.local.web.answers import Refusal


class FreshLakehousesHandler(FabricHandler):
    def post(self) -> None:
        folder = self.json_body().get("folder")
        if not isinstance(folder, str) or not Path(folder).is_absolute() or not Path(folder).is_dir():
            raise Refusal(400, "folder is the absolute path of a folder that is there")
        fresh = self.server.fresh_lakehouses.add(one_lakehouse(Path(folder).resolve(), schemas=True).first_lakehouse)
        shared = self.server.sessions.shared_spark
        starts = shared.starts if shared else 0
        self.answer({"id": fresh.id, "livyPath": fresh.livy_path(), "sparkStarts": starts}, 201)


class FreshLakehouseHandler(FabricHandler):
    def get(self, *, lakehouse_id: str) -> None:
        if self.server.fresh_lakehouses.get(lakehouse_id) is None:
            raise Refusal(404, f"there is no fresh lakehouse {lakehouse_id}")
        shared = self.server.sessions.shared_spark
        own = self.server.fresh_lakehouses.own_applications(lakehouse_id)
        self.answer({"sparkStarts": shared.starts if shared else 0, "ownApplications": own})

    async def delete(self, *, lakehouse_id: str) -> None:
        lakehouse = self.server.fresh_lakehouses.remove(lakehouse_id)
        if lakehouse is None:
            raise Refusal(404, f"there is no fresh lakehouse {lakehouse_id}")
        sessions = [one.id for one in self.server.sessions.all() if one.lakehouse.id == lakehouse.id]
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, self.server.sessions.delete, one) for one in sessions))
        self.answer({"msg": "deleted"})
