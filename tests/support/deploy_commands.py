"""What a team's pipeline does with Microsoft's clients, on the server of `API_URL`: run in an environment that has them.

python deploy_commands.py WORKSPACE_ID REPOSITORY       prints what it saw, as JSON
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import fabric_cicd
import fabric_cicd.constants
from azure.core.credentials import AccessToken
from microsoft_fabric_api import FabricClient

ROOT = os.environ["API_URL"].removesuffix("/v1")


class ServedToken:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(os.environ["API_TOKEN"], int(time.time()) + 3600)


def main() -> None:
    workspace_id, repository = sys.argv[1:]
    fabric_cicd.constants.DEFAULT_API_ROOT_URL = ROOT
    for _ in range(2):  # the second time all is there
        target = fabric_cicd.FabricWorkspace(
            workspace_id=workspace_id,
            repository_directory=repository,
            item_type_in_scope=["Notebook", "Lakehouse"],
            token_credential=ServedToken(),
        )
        fabric_cicd.publish_all_items(target)
    client = FabricClient(ServedToken(), base_url=f"{ROOT}/")
    seen = {
        "workspaces": [one.display_name for one in client.core.workspaces.list_workspaces()],
        "items": sorted((one.type, one.display_name) for one in client.core.items.list_items(workspace_id)),
        "pools": [one.name for one in client.spark.custom_pools.list_workspace_custom_pools(workspace_id)],
        "idle": client.spark.workspace_settings.get_spark_settings(workspace_id).job.session_timeout_in_minutes,
    }
    made = client.lakehouse.items.create_lakehouse(workspace_id, {"displayName": "by_sdk"})
    seen["made"] = client.lakehouse.items.get_lakehouse(workspace_id, made.id).properties.one_lake_tables_path
    client.lakehouse.items.delete_lakehouse(workspace_id, made.id)
    notebook = next(one for one in client.core.items.list_items(workspace_id, type="Notebook"))
    definition = client.notebook.items.get_notebook_definition(workspace_id, notebook.id).definition
    seen["parts"] = sorted(one.path for one in definition.parts)
    fabric_cicd.unpublish_all_orphan_items(target, item_name_exclude_regex="^house$")
    seen["left"] = sorted(one.display_name for one in client.core.items.list_items(workspace_id))
    print(json.dumps(seen))


main()
