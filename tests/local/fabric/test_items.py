"""Items of a workspace: listed, created, changed and deleted, in a server that was started for a repository. Only the last test starts Spark."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support import service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark
CELLS = "# Fabric notebook source\n\n\n# CELL ********************\n\nprint({!r})\n"
SQL_CELLS = "-- Fabric notebook source\n\n\n-- CELL ********************\n\nSELECT 1\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With one notebook at the top, and one in a folder of a folder."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / ".git").mkdir()
    for path in ("top.Notebook", "jobs/daily/load.Notebook"):
        (folder / path).mkdir(parents=True)
        (folder / path / "notebook-content.py").write_text(CELLS.format(path), encoding="utf-8")
    (folder / "docs").mkdir()
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes") / "house"


def serving(house: Path, repository: Path) -> Any:
    return service.serving(house, ("--token", TOKEN), {"FABRIC_LIVY_NOTEBOOKS": str(repository)})


@pytest.fixture(scope="module")
def api(house: Path, repository: Path) -> Iterator[Api]:
    with serving(house, repository) as found:
        yield found


def call(api: Api, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
    """Below the workspace."""
    workspace = api.base.partition("/lakehouses/")[0]
    return api.http.request(method, f"{workspace}{path}", json=body, params=params, timeout=60)


def refused(answer: requests.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code), answer.text
    assert answer.headers["x-ms-public-api-error-code"] == code
    assert set(answer.json()) == {"errorCode", "message", "requestId", "moreDetails"}
    message: str = answer.json()["message"]
    return message


def names(api: Api, path: str = "/items", **params: Any) -> list[str]:
    return sorted(one["displayName"] for one in call(api, "GET", path, **params).json()["value"])


def part(path: str, content: str) -> dict[str, str]:
    return {
        "path": path, "payload": base64.b64encode(content.encode()).decode(), "payloadType": "InlineBase64",
    }  # fmt: skip


def definition(*parts: dict[str, str]) -> dict[str, Any]:
    return {"definition": {"parts": list(parts)}}


def platform(name: str, description: str = "", **more: str) -> dict[str, str]:
    metadata = {"type": "Notebook", "displayName": name, "description": description, **more}
    return part(".platform", json.dumps({"metadata": metadata, "config": {"version": "2.0", "logicalId": "x"}}))


def result_of(api: Api, answer: requests.Response) -> Any:
    """What a long-running operation gives, polled as clients do; None where it gives nothing."""
    assert answer.status_code == 202, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    polled = [api.http.get(answer.headers["Location"], timeout=60) for _ in range(2)]
    assert [one.json()["status"] for one in polled] == ["Running", "Succeeded"]
    if "Location" not in polled[1].headers:
        refused(api.http.get(f"{answer.headers['Location']}/result", timeout=60), 400, "OperationHasNoResult")
        return None
    return api.http.get(polled[1].headers["Location"], timeout=60).json()


def created(api: Api, name: str, *parts: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"displayName": name, "type": "Notebook", **more, **definition(*parts)}
    made: dict[str, Any] = result_of(api, call(api, "POST", "/items", body))
    return made


# ------------------------------------------------------------------------------------------------ lists
def test_items_are_listed_with_their_type_and_folder(api: Api) -> None:
    items = {one["displayName"]: one for one in call(api, "GET", "/items").json()["value"]}
    assert {items[name]["type"] for name in ("top", "load")} == {"Notebook"}
    assert items["house"]["type"] == "Lakehouse"
    assert "folderId" not in items["top"]
    folder = call(api, "GET", f"/folders/{items['load']['folderId']}").json()
    assert folder["displayName"] == "daily"
    assert call(api, "GET", f"/items/{items['load']['id']}").json() == items["load"]


def test_items_of_one_type_come_by_pages(house: Path, repository: Path) -> None:
    options = ("--token", TOKEN, "--page-size", "1")
    with service.serving(house, options, {"FABRIC_LIVY_NOTEBOOKS": str(repository)}) as one_by_one:
        first = call(one_by_one, "GET", "/items", type="Notebook").json()
        second = one_by_one.http.get(first["continuationUri"], timeout=30).json()
        assert {one["type"] for one in (*first["value"], *second["value"])} == {"Notebook"}
    assert first["value"] != second["value"]


def test_folders_are_those_of_the_repository_that_notebooks_are_in(api: Api) -> None:
    folders = {one["displayName"]: one for one in call(api, "GET", "/folders").json()["value"]}
    assert sorted(folders) == ["daily", "jobs"]
    assert folders["daily"]["parentFolderId"] == folders["jobs"]["id"]
    assert names(api, "/folders", recursive="false") == ["jobs"]
    assert names(api, "/folders", rootFolderId=folders["jobs"]["id"]) == ["daily"]


def test_a_folder_is_created_in_another_and_deleted_while_it_is_empty(api: Api, repository: Path) -> None:
    folders = {one["displayName"]: one["id"] for one in call(api, "GET", "/folders").json()["value"]}
    body = {"displayName": "weekly é", "parentFolderId": folders["jobs"]}
    made = call(api, "POST", "/folders", body).json()
    assert (repository / "jobs" / "weekly é").is_dir()
    refused(call(api, "POST", "/folders", body), 409, "FolderDisplayNameAlreadyInUse")
    notebook = call(api, "POST", "/notebooks", {"displayName": "x", "folderId": made["id"]}).json()
    refused(call(api, "DELETE", f"/folders/{made['id']}"), 400, "FolderNotEmpty")
    call(api, "DELETE", f"/notebooks/{notebook['id']}")
    assert call(api, "DELETE", f"/folders/{made['id']}").status_code == 200
    assert names(api, "/folders") == ["daily", "jobs"]


@pytest.mark.parametrize("name", ["..", ".git", "a/b", "x.Notebook", " a", "node_modules", "", "a\\b"])
def test_a_folder_that_no_file_system_would_have_is_refused(api: Api, name: str) -> None:
    refused(call(api, "POST", "/folders", {"displayName": name}), 400, "InvalidInput")


def test_spark_settings_and_the_one_pool_are_read(api: Api) -> None:
    settings = call(api, "GET", "/spark/settings").json()
    assert settings["environment"]["runtimeVersion"] in ("1.3", "2.0")
    (pool,) = call(api, "GET", "/spark/pools").json()["value"]
    assert pool["name"] == settings["pool"]["defaultPool"]["name"] == "Starter Pool"
    assert call(api, "GET", f"/spark/pools/{pool['id']}").json() == pool


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/items/nobody", 404, "ItemNotFound"),
        ("DELETE", "/items/nobody", 404, "ItemNotFound"),
        ("GET", "/folders/nobody", 404, "FolderNotFound"),
        ("GET", "/folders?rootFolderId=nobody", 404, "FolderNotFound"),
        ("GET", "/spark/pools/nobody", 404, "SparkCoreItemNotFound"),
        ("GET", "/warehouses", 404, "EntityNotFound"),
        ("PUT", "/folders", 405, "MethodNotAllowed"),
    ],
)
def test_what_is_not_there_is_refused_in_fabrics_form(api: Api, method: str, path: str, status: int, code: str) -> None:
    refused(call(api, method, path), status, code)


# ------------------------------------------------------------------------------------------------ lakehouses
def test_a_lakehouse_is_created_listed_described_and_deleted(api: Api, house: Path) -> None:
    answer = call(api, "POST", "/lakehouses", {"displayName": "Gold_1", "description": "first"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["displayName"], made["type"]) == ("Gold_1", "Lakehouse")
    assert "defaultSchema" not in made["properties"]
    assert "Gold_1" in names(api, "/lakehouses")
    path = f"/items/{made['id']}"
    changed = call(api, "PATCH", path, {"displayName": "Gold_1", "description": "second"}).json()
    assert changed["description"] == call(api, "GET", path).json()["description"] == "second"
    refused(call(api, "PATCH", path, {"displayName": "Other"}), 400, "OperationNotSupportedForItem")
    assert list((house / "lakehouses").glob("*/gold_1/Tables"))
    assert call(api, "DELETE", f"/lakehouses/{made['id']}").status_code == 200
    refused(call(api, "GET", path), 404, "ItemNotFound")
    assert not (house / "lakehouses").exists()


def test_blocks_of_a_deleted_lakehouse_are_not_in_one_of_the_same_name(api: Api) -> None:
    def put(query: str, body: str) -> requests.Response:
        house = call(api, "POST", "/lakehouses", {"displayName": "Again"}).json()
        address = f"{house['properties']['oneLakeFilesPath']}/a.txt?{query}"
        answer = api.http.put(address, data=body, timeout=60)
        assert call(api, "DELETE", f"/lakehouses/{house['id']}").status_code == 200
        return answer

    assert put("comp=block&blockid=MQ==", "text").status_code == 201
    answer = put("comp=blocklist", "<BlockList><Latest>MQ==</Latest></BlockList>")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidBlockList")


def test_a_lakehouse_with_schemas_is_asked_for(api: Api) -> None:
    body = {"displayName": "Schemas", "type": "Lakehouse", "creationPayload": {"enableSchemas": True}}
    made = call(api, "POST", "/items", body).json()
    assert call(api, "GET", f"/lakehouses/{made['id']}").json()["properties"]["defaultSchema"] == "dbo"
    assert call(api, "DELETE", f"/items/{made['id']}").status_code == 200


def test_a_created_lakehouse_is_there_after_a_restart(house: Path, repository: Path) -> None:
    with serving(house, repository) as first:
        made = call(first, "POST", "/lakehouses", {"displayName": "Kept", "description": "é"}).json()
    with serving(house, repository) as second:
        again = call(second, "GET", f"/lakehouses/{made['id']}").json()
        assert call(second, "DELETE", f"/lakehouses/{made['id']}").status_code == 200
    assert (again["displayName"], again["description"]) == ("Kept", "é")


@pytest.mark.parametrize("name", ["with-hyphen", "with blank", "a/b", "..", "", "x" * 257, "é", 5, None])
def test_names_that_fabric_refuses_are_refused(api: Api, name: Any) -> None:
    refused(call(api, "POST", "/lakehouses", {"displayName": name}), 400, "InvalidInput")


@pytest.mark.parametrize("body", [{"creationPayload": {"enableSchemas": "yes"}}, {"creationPayload": [1]}])
def test_a_wrong_creation_payload_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert "enableSchemas" in refused(
        call(api, "POST", "/lakehouses", {"displayName": "x", **body}), 400, "InvalidInput"
    )


def test_a_name_that_is_taken_is_refused_in_any_case(api: Api) -> None:
    assert "HOUSE" in refused(
        call(api, "POST", "/lakehouses", {"displayName": "HOUSE"}), 409, "ItemDisplayNameAlreadyInUse"
    )


def test_the_servers_own_lakehouse_is_not_deleted(api: Api, house: Path) -> None:
    (own,) = (one for one in call(api, "GET", "/lakehouses").json()["value"] if one["displayName"] == "house")
    assert "when the server started" in refused(
        call(api, "DELETE", f"/lakehouses/{own['id']}"), 400, "OperationNotSupportedForItem"
    )
    assert house.exists()
    assert (
        call(api, "PATCH", f"/lakehouses/{own['id']}", {"displayName": "house", "description": ""}).status_code == 200
    )
    refused(call(api, "PATCH", f"/lakehouses/{own['id']}", {"description": "x"}), 400, "OperationNotSupportedForItem")


# ------------------------------------------------------------------------------------------------ notebooks
def test_a_notebook_is_created_updated_and_deleted_by_definition(api: Api, repository: Path) -> None:
    made = created(api, "etl", part("notebook-content.py", CELLS.format(1)), platform("other name"), description="does")
    assert (made["displayName"], made["description"]) == ("etl", "does")
    folder = repository / "etl.Notebook"
    assert (folder / "notebook-content.py").read_text(encoding="utf-8") == CELLS.format(1)
    (folder / "builtin").mkdir()
    (folder / "builtin" / "data.csv").write_text("1", encoding="utf-8")
    update = definition(part("notebook-content.py", CELLS.format(2)), platform("etl 2", "more"))
    path = f"/items/{made['id']}"
    assert result_of(api, call(api, "POST", f"{path}/updateDefinition", update)) is None
    assert call(api, "GET", path).json()["displayName"] == "etl"
    assert result_of(api, call(api, "POST", f"{path}/updateDefinition", update, updateMetadata="True")) is None
    assert call(api, "GET", path).json() == {**made, "displayName": "etl 2", "description": "more"}
    parts = call(api, "POST", f"{path}/getDefinition").json()["definition"]["parts"]
    assert base64.b64decode(parts[0]["payload"]).decode() == CELLS.format(2)
    assert (folder / "builtin" / "data.csv").exists()
    assert call(api, "DELETE", path).status_code == 200
    assert not folder.exists()


def test_an_update_by_definition_may_change_the_language(api: Api, repository: Path) -> None:
    made = created(api, "moves", part("notebook-content.py", CELLS.format(1)))
    sql = part("notebook-content.sql", SQL_CELLS)
    path = f"/notebooks/{made['id']}"
    assert result_of(api, call(api, "POST", f"{path}/updateDefinition", definition(sql))) is None
    assert call(api, "GET", path).json() == made
    assert [one.name for one in sorted((repository / "moves.Notebook").glob("notebook-content.*"))] == [
        "notebook-content.sql"
    ]
    parts = call(api, "POST", f"{path}/getDefinition").json()["definition"]["parts"]
    assert (parts[0]["path"], base64.b64decode(parts[0]["payload"]).decode()) == ("notebook-content.sql", SQL_CELLS)
    assert call(api, "DELETE", path).status_code == 200


def test_an_ipynb_is_stored_as_fabric_commits_it(api: Api, repository: Path) -> None:
    cell = {"cell_type": "code", "metadata": {}, "source": "print(7)", "outputs": [], "execution_count": None}
    content = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    made = created(api, "from ipynb", part("artifact.content.ipynb", content))
    assert "print(7)" in (repository / "from ipynb.Notebook" / "notebook-content.py").read_text(encoding="utf-8")
    assert call(api, "DELETE", f"/notebooks/{made['id']}").status_code == 200


def test_a_notebook_without_a_definition_is_empty_and_goes_where_it_is_asked_to(api: Api, repository: Path) -> None:
    folders = {one["displayName"]: one["id"] for one in call(api, "GET", "/folders").json()["value"]}
    answer = call(api, "POST", "/notebooks", {"displayName": "a/b: é", "folderId": folders["jobs"]})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["displayName"], made["folderId"]) == ("a/b: é", folders["jobs"])
    assert [path.parent for path in repository.rglob("*a&#47;b*.Notebook")] == [repository / "jobs"]
    renamed = call(api, "PATCH", f"/notebooks/{made['id']}", {"displayName": "c"}).json()
    assert (renamed["id"], renamed["displayName"]) == (made["id"], "c")
    refused(call(api, "PATCH", f"/notebooks/{made['id']}", {"displayName": "top"}), 409, "ItemDisplayNameAlreadyInUse")
    assert call(api, "DELETE", f"/notebooks/{made['id']}").status_code == 200
    refused(call(api, "POST", "/notebooks", {"displayName": "x", "folderId": "nobody"}), 404, "FolderNotFound")


def test_a_name_that_another_notebook_has_is_refused(api: Api) -> None:
    refused(call(api, "POST", "/notebooks", {"displayName": "top"}), 409, "ItemDisplayNameAlreadyInUse")


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part("notebook-content.py", "no notebook")],
        [part("notebook-content.py", CELLS), part("x.ipynb", "{}")],
        [part("x.ipynb", "{")],
        [part("../out.py", ""), part("notebook-content.py", CELLS)],
        [part("/etc/../out.py", ""), part("notebook-content.py", CELLS)],
        [part(".git/config", ""), part("notebook-content.py", CELLS)],
        [part(".platform", "{}"), part("notebook-content.py", CELLS)],
        [{"path": "notebook-content.py", "payload": "!", "payloadType": "InlineBase64"}],
        [{"path": "notebook-content.py", "payload": "", "payloadType": "Url"}],
        [5],
    ],
)
def test_a_definition_that_is_none_leaves_nothing(api: Api, repository: Path, parts: list[Any]) -> None:
    before = sorted(repository.rglob("*"))
    body = {"displayName": "broken", "type": "Notebook", "definition": {"parts": parts}}
    refused(call(api, "POST", "/items", body), 400, "CorruptedPayload")
    assert sorted(repository.rglob("*")) == before


def test_without_a_repository_notebooks_are_refused_with_the_reason(tmp_path: Path) -> None:
    with service.serving(tmp_path / "alone") as alone:
        answer = call(alone, "POST", "/notebooks", {"displayName": "x"})
        assert "FABRIC_LIVY_NOTEBOOKS" in refused(answer, 400, "OperationNotSupportedForItem")
        refused(
            call(alone, "POST", "/items", {"displayName": "x", "type": "Warehouse"}),
            400,
            "OperationNotSupportedForItem",
        )


# ------------------------------------------------------------------------------------------------ a file of workspaces
def test_lakehouses_of_a_file_of_workspaces_are_created_beside_it(tmp_path: Path) -> None:
    one, two = ({"name": name} for name in ("a", "b"))
    content = {
        "workspaces": [{"name": "w", "lakehouses": [one, two]}, {"name": "v", "role": "Viewer", "lakehouses": [one]}]
    }
    file = tmp_path / "w.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with service.serving(None, ("--workspaces", str(file), "--token", TOKEN)) as found:
        made = call(found, "POST", "/lakehouses", {"displayName": "Gold"}).json()
        assert (tmp_path / made["id"] / "Files").is_dir()
        viewed = found.http.get(f"{found.ready['api_url']}/workspaces", params={"roles": "Viewer"}, timeout=30).json()
        path = f"{found.ready['api_url']}/workspaces/{viewed['value'][0]['id']}/lakehouses"
        refused(found.http.post(path, json={"displayName": "x"}, timeout=30), 403, "InsufficientPrivileges")
    content["workspaces"][0]["lakehouses"] = [one, two, {"name": "Gold"}]
    file.write_text(json.dumps(content), encoding="utf-8")
    with service.serving(None, ("--workspaces", str(file), "--token", TOKEN)) as again:
        ids = {one["displayName"]: one["id"] for one in call(again, "GET", "/lakehouses").json()["value"]}
    assert ids["Gold"] == made["id"]


# ------------------------------------------------------------------------------------------------ with Spark
def test_a_session_works_in_a_created_lakehouse_until_that_is_deleted(api: Api, house: Path) -> None:
    made = call(api, "POST", "/lakehouses", {"displayName": "Silver"}).json()
    (folder,) = (house / "lakehouses").glob("*/silver")
    path = f"{api.base.partition('/lakehouses/')[0]}/lakehouses/{made['id']}"
    session = Api({**api.ready, "livy_endpoint": f"{path}/livyapi/versions/2023-12-01"}).start_session()
    session.wait_for("idle")
    session.rows("CREATE TABLE t AS SELECT 42 AS x")
    assert session.rows("SELECT x FROM Silver.t") == [[42]]
    assert session.rows("SHOW TABLES IN house") == []
    assert (folder / "Tables" / "t").is_dir()
    assert call(api, "DELETE", f"/lakehouses/{made['id']}").status_code == 200
    assert session.api.get(session.path).status_code == 404
    assert not folder.exists()
