"""A workspace's Spark settings and pools, read (learn.microsoft.com/rest/api/fabric/spark). The one pool is this machine."""

from __future__ import annotations

import sys

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lookups import JsonObject, ListHandler
from fabric_livy_magic.local.sessions.lifetimes import FABRIC_IDLE_S
from fabric_livy_magic.local.spark.settings import machine_memory
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.notebooks.fabric_runtime import RUNTIMES, installed_version, runtime_of

SETTINGS_SCOPES = ("Workspace.Read.All", "Workspace.ReadWrite.All")
STARTER_POOL_ID = "00000000-0000-0000-0000-000000000000"  # as Fabric lists it
STARTER_POOL = "Starter Pool"
NODE_SIZES_GIB = {"Small": 32, "Medium": 64, "Large": 128, "XLarge": 256, "XXLarge": 512}


def settings_view() -> JsonObject:
    runtime = runtime_of(installed_version("pyspark"), sys.version_info[:2])
    version = next(number for number, one in RUNTIMES.items() if one == runtime)
    return {
        "automaticLog": {"enabled": False},
        "highConcurrency": {
            "notebookInteractiveRunEnabled": True,
            "notebookPipelineRunEnabled": False,
        },
        "environment": {"runtimeVersion": version},
        "pool": {
            "customizeComputeEnabled": True,
            "defaultPool": {"name": STARTER_POOL, "type": "Workspace", "id": STARTER_POOL_ID},
            "starterPool": {"maxNodeCount": 1, "maxExecutors": 1},
        },
        "job": {
            "conservativeJobAdmissionEnabled": False,
            "sessionTimeoutInMinutes": int(FABRIC_IDLE_S // 60),
        },
    }


def starter_pool_view() -> JsonObject:
    """This machine as the smallest node that has its memory."""
    gib = machine_memory() / 1024**3
    size = next((name for name, most in NODE_SIZES_GIB.items() if gib <= most), "XXLarge")
    return {
        "id": STARTER_POOL_ID,
        "name": STARTER_POOL,
        "type": "Workspace",
        "nodeFamily": "MemoryOptimized",
        "nodeSize": size,
        "autoScale": {"enabled": False, "minNodeCount": 1, "maxNodeCount": 1},
        "dynamicExecutorAllocation": {"enabled": False, "minExecutors": 1, "maxExecutors": 1},
    }


class SparkSettingsHandler(FabricHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*SETTINGS_SCOPES)
        self.workspace(workspace_id)
        self.answer(settings_view())


class PoolsHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*SETTINGS_SCOPES)
        self.workspace(workspace_id)
        self.answer_page([starter_pool_view()])


class PoolHandler(FabricHandler):
    def get(self, workspace_id: str, pool_id: str) -> None:
        self.need_scope(*SETTINGS_SCOPES)
        self.workspace(workspace_id)
        if pool_id != STARTER_POOL_ID:
            raise Refusal(404, f"pool {pool_id} is not known", "SparkCoreItemNotFound")
        self.answer(starter_pool_view())


def spark_settings_routes() -> list[tuple[str, type[FabricHandler]]]:
    spark = r"/v1/workspaces/([^/]+)/spark"
    return [
        (rf"{spark}/settings", SparkSettingsHandler),
        (rf"{spark}/pools", PoolsHandler),
        (rf"{spark}/pools/([^/]+)", PoolHandler),
    ]
