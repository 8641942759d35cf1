"""A team's repository is deployed to the embedded Fabric by Microsoft's clients as they are: fabric-cicd and microsoft-fabric-api."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support import dbt_project, service
from tests.support.repositories import commit_lakehouse, commit_notebook

pytestmark = [pytest.mark.spark, pytest.mark.dbt]
REQUIREMENTS = ("fabric-cicd>=1.4,<2", "microsoft-fabric-api==0.1.0b30")
COMMANDS = service.ROOT / "tests" / "support" / "deploy_commands.py"


def test_a_repository_is_deployed_twice_looked_up_and_what_it_has_not_is_removed(tmp_path: Path) -> None:
    source, served = tmp_path / "source", tmp_path / "served"
    (served / "old.Notebook").mkdir(parents=True)
    (served / "old.Notebook" / "notebook-content.py").write_text("# Fabric notebook source\n")
    commit_notebook(source / "jobs" / "daily", "load", Notebook(cells=(Cell(source="1 + 1"),)))
    house = commit_lakehouse(source, "Bronze", defaultSchema="dbo")
    metadata = {"type": "Lakehouse", "displayName": "Bronze"}
    (house / ".platform").write_text(json.dumps({"metadata": metadata, "config": {"logicalId": str(uuid.uuid4())}}))
    python = dbt_project.install(tmp_path / "clients", *REQUIREMENTS)
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "FABRIC_LIVY_NOTEBOOKS": str(served)}
    process, api = service.start(tmp_path / "house", "--tls", extra_env=state)
    try:
        workspace = api.base.partition("/workspaces/")[2].partition("/")[0]
        done = subprocess.run(
            [python, "-P", COMMANDS, workspace, source],
            env={
                **os.environ,
                "REQUESTS_CA_BUNDLE": str(api.ready["ca_bundle"]),
                "API_URL": str(api.ready["api_url"]),
                "FABRIC_CICD_RETRY_DELAY_OVERRIDE_SECONDS": "0.1",
                "API_TOKEN": str(api.ready["token"]),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        api.http.close()
        assert service.close(process) == 0
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["items"] == [["Lakehouse", "Bronze"], ["Lakehouse", "house"], ["Notebook", "load"], ["Notebook", "old"]]
    assert (seen["workspaces"], seen["pools"], seen["idle"]) == (["local"], ["Starter Pool"], 20)
    assert seen["made"].endswith("/Tables")
    assert seen["parts"] == [".platform", "notebook-content.py"]
    assert seen["left"] == ["Bronze", "house", "load"]
    assert (served / "jobs" / "daily" / "load.Notebook" / "notebook-content.py").read_bytes() == (
        source / "jobs" / "daily" / "load.Notebook" / "notebook-content.py"
    ).read_bytes()
