"""A team's dbt project on the embedded Fabric: Microsoft's adapter as it is, over https, with docs/dbt.md's profile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest

from tests.support import dbt_project, service

pytestmark = [pytest.mark.spark, pytest.mark.dbt]
PROJECT = dbt_project.ROOT / "tests" / "dbt_project"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(PROJECT, tmp_path_factory.mktemp("team") / "project")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def api(folder: Path, state: Path) -> Iterator[service.Api]:
    process, api = service.start(
        None, "--tls", "--workspaces", str(folder / "fabric.toml"), extra_env={"XDG_STATE_HOME": str(state)}
    )
    api.http.verify = str(api.ready["ca_bundle"])
    try:
        yield api
    finally:
        api.http.close()
        assert service.close(process) == 0


@pytest.fixture(scope="module")
def project(
    api: service.Api, folder: Path, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> dbt_project.Project:
    python = dbt_project.install(tmp_path_factory.mktemp("dbt"))
    server = str(api.ready["api_url"]).removesuffix("/v1")
    return dbt_project.Project(python, folder, server, str(api.ready["ca_bundle"]), state)


@pytest.fixture(scope="module")
def first(project: dbt_project.Project) -> list[dict[str, Any]]:
    return project.run("debug", "build")


@pytest.fixture(scope="module")
def second(project: dbt_project.Project, first: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After a day on which a trip came, and a borough got another name."""
    trips, zones = project.folder / "seeds" / "trips.csv", project.folder / "seeds" / "zones.csv"
    trips.write_text(trips.read_text() + "5,1,99.5,2022-06-01 00:00:00\n")
    zones.write_text(zones.read_text().replace("Newark", "New Ark"))
    return project.run("build", "docs generate")


def rows(project: dbt_project.Project, table: str) -> list[dict[str, Any]]:
    """Read from the lakehouse's folder, without Spark."""
    return polars.read_delta(str(project.folder / "lakehouse" / "Tables" / "dbo" / table)).to_dicts()


SEEDS, MODELS, SNAPSHOTS, TESTS = {"trips", "zones"}, {"expensive", "fares", "fares_by_borough"}, {"zones_history"}, 5


def assert_built(report: dict[str, Any]) -> None:
    outcomes = report["nodes"]
    assert {name for name, outcome in outcomes.items() if outcome == "success"} == SEEDS | MODELS | SNAPSHOTS
    assert list(outcomes.values()).count("pass") == TESTS == len(outcomes) - len(SEEDS | MODELS | SNAPSHOTS)


def test_a_first_day_loads_builds_and_tests_all(first: list[dict[str, Any]]) -> None:
    assert_built(first[1])


def test_four_nodes_run_at_once_in_repls_of_one_session(
    first: list[dict[str, Any]], folder: Path, api: service.Api
) -> None:
    """The adapter keeps them for its next process. It makes one at a time, so that a thread may get one that another has left."""
    assert first[1]["at_once"] == 4
    (kept,) = json.loads((folder / "target" / "livy-session.hc.json").read_text(encoding="utf-8")).values()
    repls = [api.get(f"/highConcurrencySessions/{one}").json() for one in kept]
    assert 3 <= len({one["replId"] for one in repls}) <= 5
    assert len({one["sessionId"] for one in repls}) == 1


def test_a_second_run_adds_what_is_new(project: dbt_project.Project, second: list[dict[str, Any]]) -> None:
    assert_built(second[0])
    assert sorted(one["trip_id"] for one in rows(project, "fares")) == [1, 2, 3, 4, 5]
    by_borough = {one["borough"]: (one["trips"], one["fares"]) for one in rows(project, "fares_by_borough")}
    assert by_borough == {"New Ark": (2, 110.0), "Queens": (2, 19.25), "Bronx, north": (1, 30.0)}


def test_a_snapshot_keeps_what_was(project: dbt_project.Project, second: list[dict[str, Any]]) -> None:
    history = {
        (one["borough"], one["dbt_valid_to"] is None) for one in rows(project, "zones_history") if one["zone_id"] == 1
    }
    assert history == {("Newark", False), ("New Ark", True)}


def test_the_docs_have_each_table_with_spark_s_types(
    project: dbt_project.Project, second: list[dict[str, Any]]
) -> None:
    assert second[1]["success"]
    catalog = json.loads((project.folder / "target" / "catalog.json").read_text(encoding="utf-8"))
    tables = {one["metadata"]["name"]: one for one in catalog["nodes"].values()}
    assert sorted(tables) == ["expensive", "fares", "fares_by_borough", "trips", "zones", "zones_history"]
    types = {name: column["type"] for name, column in tables["zones"]["columns"].items()}
    assert types == {"zone_id": "int", "borough": "string", "surcharge": "decimal(4,2)", "since": "date"}


def test_the_recipe_has_the_profile_and_the_versions_of_this_test() -> None:
    page = (dbt_project.ROOT / "docs" / "dbt.md").read_text(encoding="utf-8")
    assert all(f'"{one}"' in page for one in dbt_project.REQUIREMENTS)
    for line in (PROJECT / "profiles.yml").read_text(encoding="utf-8").splitlines():
        assert line.partition(":")[0].strip() in page, line
    assert (PROJECT / "fabric.toml").read_text(encoding="utf-8").partition("\n")[2] in page
