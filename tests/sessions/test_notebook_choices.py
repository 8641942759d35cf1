"""What a notebook's file and its `%%configure` choose for its sessions, on servers that are asked for no session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.cells.session_request import read_configuration
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.defaults import LAKEHOUSES_CONF, defaults_of
from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse, NamedLakehouses, read_named, write_named
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.sessions.notebook_choices import configure, with_defaults
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.settings import SessionSpec, read_target
from tests.support import service

WORKSPACES = """
[[workspaces]]
name = "Sales"
environments = [{ name = "Libraries" }]
lakehouses = [{ name = "Bronze", folder = "bronze" }, { name = "Silver", folder = "silver" }]
[[workspaces]]
name = "Other"
lakehouses = [{ name = "Gold", folder = "gold" }]
"""
ON_FABRIC = "https://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"
METADATA = {
    "kernel_info": {"name": "synapse_pyspark"},
    "dependencies": {
        "lakehouse": {"default_lakehouse_name": "Silver", "default_lakehouse_workspace_id": "W"},
        "environment": {"environmentId": "E", "workspaceId": "W"},
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    folder = tmp_path_factory.mktemp("places")
    (folder / "places.toml").write_text(WORKSPACES, encoding="utf-8")
    process, api = service.start(None, "--token", service.TOKEN, "--workspaces", str(folder / "places.toml"))
    try:
        yield api
    finally:
        api.http.close()
        assert service.close(process) == 0


@pytest.fixture
def runner(served: service.Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
    made = Runner({})
    made.account.use(served.base)
    yield made
    made.close()


def asked(runner: Runner, **body: object) -> list[str]:
    return configure(runner.account, runner.sessions, read_configuration(SessionSpec(), json.dumps(body)))


@pytest.mark.parametrize(
    ("lakehouse", "folder"), [({"name": "silver"}, "silver"), ({"name": "Gold", "workspaceId": "Other"}, "gold")]
)
def test_another_default_lakehouse_becomes_the_target(runner: Runner, lakehouse: dict[str, str], folder: str) -> None:
    before = runner.account.target.url
    told = asked(runner, defaultLakehouse=lakehouse)
    assert told[0].lower().startswith(f"default lakehouse: {folder} (")
    assert runner.account.target.url != before
    workspace_id, lakehouse_id = (runner.account.target.url or "").split("/")[5::2][:2]
    assert runner.account.api().lakehouse(workspace_id, lakehouse_id).name.lower() == folder


def test_a_lakehouse_that_is_not_there_is_told_with_those_that_are(runner: Runner) -> None:
    with pytest.raises(SettingsError, match=r"There is no lakehouse .Silber.*Did you mean .Silver"):
        asked(runner, defaultLakehouse={"name": "Silber"})


def test_what_has_no_effect_and_what_is_mounted_is_told(runner: Runner) -> None:
    mount = {"mountPoint": "/data", "source": "abfss://w@onelake.dfs.fabric.microsoft.com/l/Files"}
    told = asked(runner, mountPoints=[mount], sessionTimeoutInSeconds=900, environment={"name": "Libraries"})
    assert told == [
        "Environment: Libraries has no effect here; its libraries have to be installed in this Python",
        f"Mount point: /data on {mount['source']}",
        "sessionTimeoutInSeconds has no effect: the Livy API has no word for it",
    ]


def test_a_notebook_s_own_lakehouse_and_environment_are_its_defaults(tmp_path: Path) -> None:
    folder = tmp_path / "Load.Notebook"
    write_notebook(folder, Notebook(cells=(Cell(source="1"),), metadata=METADATA))
    defaults = defaults_of(folder / "notebook-content.py")
    assert (defaults.target, defaults.environment_id) == ("W/Silver", "E")
    assert dict(defaults.local_conf) == {
        "spark.fabric_livy.notebooks": str(tmp_path),
        "spark.fabric_livy.notebook": "Load",
        "spark.fabric_livy.notebookFile": str(folder / "notebook-content.py"),
    }
    assert dict(defaults_of(tmp_path / "Untitled.ipynb").local_conf) == {}


def test_this_machine_s_paths_go_to_an_embedded_fabric_alone_and_the_environment_to_fabric_alone(
    runner: Runner, tmp_path: Path
) -> None:
    folder = tmp_path / "Load.Notebook"
    write_notebook(folder, Notebook(cells=(Cell(source="1"),), metadata=METADATA))
    defaults = defaults_of(folder / "notebook-content.py")
    spec, told = with_defaults(runner.account, runner.account.target, SessionSpec(), defaults)
    lakehouses = {LAKEHOUSES_CONF: write_named(defaults.lakehouses)}
    assert (dict(spec.conf), told) == ({**defaults.local_conf, **lakehouses}, [])
    spec, told = with_defaults(runner.account, read_target(ON_FABRIC), SessionSpec(), defaults)
    assert dict(spec.conf) == {"spark.fabric.environmentDetails": '{"id": "E"}'}
    assert told == ["Environment: E, the notebook's own"]


def test_a_broken_notebook_s_defaults_are_told_to_be_unknown(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text("{", encoding="utf-8")
    assert "default lakehouse and environment are not known" in defaults_of(path).problem


def test_on_an_embedded_fabric_what_a_notebook_names_goes_with_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file's default lakehouse, and the one that `%%configure` chooses, which does not take the first one's name away."""
    workspace, silver = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
    lakehouse = {
        "default_lakehouse": silver,
        "default_lakehouse_name": "Silver",
        "default_lakehouse_workspace_id": workspace,
    }
    folder = tmp_path / "Load.Notebook"
    write_notebook(folder, Notebook(cells=(Cell(source="1"),), metadata={"dependencies": {"lakehouse": lakehouse}}))
    defaults = defaults_of(folder / "notebook-content.py")
    in_silver = NamedLakehouse("Silver", silver, workspace)
    with service.serving(tmp_path / "house") as api:
        monkeypatch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        runner = Runner({})
        try:
            target = runner.account.use(api.base)
            spec, _ = with_defaults(runner.account, target, SessionSpec(), defaults)
            assert read_named(spec.conf[LAKEHOUSES_CONF]) == NamedLakehouses(in_silver)
            assert asked(runner, defaultLakehouse={"name": "Gold"}) == ["Default lakehouse: Gold"]
            assert runner.account.target == target
            chosen = runner.sessions.default_lakehouse
            spec, _ = with_defaults(runner.account, target, SessionSpec(), defaults, chosen)
            assert read_named(spec.conf[LAKEHOUSES_CONF]) == NamedLakehouses(NamedLakehouse("Gold"), (in_silver,))
            with pytest.raises(SettingsError, match="no name of a lakehouse"):
                asked(runner, defaultLakehouse={"id": "../.."})
            spec, _ = with_defaults(runner.account, read_target(ON_FABRIC), SessionSpec(), defaults, chosen)
            assert LAKEHOUSES_CONF not in spec.conf
        finally:
            runner.close()


def test_the_lakehouse_of_local_has_schemas_unless_the_setting_says_no(tmp_path: Path) -> None:
    runner = Runner({"target": "local", "lakehouse": str(tmp_path / "house")})
    try:
        found = []
        for schemas in (None, False):
            if schemas is not None:
                runner.account.choose("lakehouse_schemas", schemas)
            api = runner.account.api()
            found += [one.default_schema for workspace in api.workspaces() for one in api.lakehouses(workspace.id)]
        assert found == ["dbo", None]
    finally:
        runner.close()
