"""Look-ups of the embedded Fabric: lists by pages, awkward names, tables, roles. Only the last tests start Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from fabric_livy_magic.local.fabric.lookups import continuation, position_of
from fabric_livy_magic.local.lakehouse.workspaces import BadWorkspaces, Workspaces, one_lakehouse, read_workspaces
from fabric_livy_magic.local.spark.catalog import DefinitionFiles
from tests.support import service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark
NAMES = ["Sales / EMEA", "twice", "twice", "Case", "case", "Ünïcödé 数据", "  blanks  ", "a'b\"c", "%2F?&#", "viewer"]
WORKSPACES = {
    "workspaces": [
        *(
            {"name": name, "lakehouses": [{"name": "Bronze"}], "role": "Viewer" if name == "viewer" else "Member"}
            for name in NAMES
        ),
        {
            "name": "full",
            "id": "AAAAAAAA-0000-4000-8000-000000000001",
            "description": "with all",
            "capacity": {"name": "small", "sku": "F2", "state": "Inactive"},
            "lakehouses": [
                {"name": "plain", "folder": "plain", "description": "no schemas"},
                {"name": "schemas/on", "folder": "with schemas", "schemas": True},
                {"name": "Tables"},
            ],
            "environments": [{"name": "Libs"}, {"name": "libs"}, {"name": "Env é"}],
        },
    ]
}
FULL = "aaaaaaaa-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspaces é")


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    """Three entries to a page."""
    file = folder / "workspaces.json"
    file.write_text(json.dumps(WORKSPACES), encoding="utf-8")
    with service.serving(None, ("--workspaces", str(file), "--page-size", "3", "--token", TOKEN)) as found:
        yield found


def get(api: Api, path: str, **params: Any) -> requests.Response:
    return api.http.get(api.ready["api_url"] + path, params=params, timeout=30)


def pages(api: Api, path: str, key: str = "value", **params: Any) -> list[dict[str, Any]]:
    found = []
    while True:
        answer = get(api, path, **params)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if not (token := found[-1].get("continuationToken")):
            return found
        params["continuationToken"] = token


def everything(api: Api, path: str, key: str = "value", **params: Any) -> list[dict[str, Any]]:
    return [one for page in pages(api, path, key, **params) for one in page[key]]


def refused(answer: requests.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code), answer.text
    message: str = answer.json()["message"]
    return message


def lakehouse(api: Api, name: str) -> dict[str, Any]:
    return next(one for one in everything(api, f"/workspaces/{FULL}/lakehouses") if one["displayName"] == name)


# ------------------------------------------------------------------------------------------------ lists by pages
def test_all_workspaces_come_in_order_over_several_pages(api: Api) -> None:
    found = pages(api, "/workspaces")
    assert [len(page["value"]) for page in found] == [3, 3, 3, 2]
    assert [one["displayName"] for page in found for one in page["value"]] == [*NAMES, "full"]


def test_the_last_page_has_no_continuation(api: Api) -> None:
    assert set(pages(api, "/workspaces")[-1]) == {"value"}


def test_workspaces_of_the_same_name_have_ids_of_their_own(api: Api) -> None:
    found = everything(api, "/workspaces")
    assert len({one["id"] for one in found}) == len(found)


def test_a_continuation_uri_is_absolute_and_leads_to_the_next_page(api: Api) -> None:
    first = get(api, "/workspaces", roles="Member,Admin").json()
    uri = first["continuationUri"]
    assert uri.startswith(api.ready["api_url"] + "/workspaces?")
    assert parse_qs(urlsplit(uri).query) == {
        "roles": ["Member,Admin"], "continuationToken": [first["continuationToken"]],
    }  # fmt: skip
    assert (
        api.http.get(uri, timeout=30).json()["value"]
        == get(api, "/workspaces", roles="Member,Admin", continuationToken=first["continuationToken"]).json()["value"]
    )


@pytest.mark.parametrize("token", ["x", "+RID:~", "+RID:~x==", "5", continuation(99), "+RID:~====", "é"])
def test_an_invalid_continuation_token_is_refused(api: Api, token: str) -> None:
    refused(get(api, "/workspaces", continuationToken=token), 400, "InvalidParameter")


def test_continuation_tokens_have_to_be_quoted_in_a_url() -> None:
    assert position_of(continuation(7)) == 7
    assert set("+~:=") <= set(continuation(7))


def test_workspaces_by_role(api: Api) -> None:
    assert [one["displayName"] for one in everything(api, "/workspaces", roles="Viewer")] == ["viewer"]
    assert "'Boss'" in refused(get(api, "/workspaces", roles="Viewer,Boss"), 400, "InvalidParameter")


# ------------------------------------------------------------------------------------------------ single items
def test_a_workspace_by_its_id_in_any_case(api: Api) -> None:
    found = get(api, f"/workspaces/{FULL.upper()}").json()
    assert {key: found[key] for key in ("id", "displayName", "description", "type")} == {
        "id": FULL, "displayName": "full", "description": "with all", "type": "Workspace",
    }  # fmt: skip


def test_a_lakehouse_has_addresses_of_this_server_and_a_default_schema_only_with_schemas(api: Api) -> None:
    plain = get(api, f"/workspaces/{FULL}/lakehouses/{lakehouse(api, 'plain')['id']}").json()
    onelake = f"{api.ready['api_url'].removesuffix('/v1')}/onelake/{FULL}/{plain['id']}"
    assert plain["properties"] == {
        "oneLakeTablesPath": f"{onelake}/Tables",
        "oneLakeFilesPath": f"{onelake}/Files",
        "sqlEndpointProperties": {"id": None, "connectionString": None, "provisioningStatus": "Success"},
    }
    assert api.http.get(f"{onelake}/Files", timeout=30).status_code != 404
    assert (plain["type"], plain["workspaceId"], plain["description"]) == ("Lakehouse", FULL, "no schemas")
    assert lakehouse(api, "schemas/on")["properties"]["defaultSchema"] == "dbo"


def test_environments_are_listed_and_shown_one_by_one(api: Api) -> None:
    found = everything(api, f"/workspaces/{FULL}/environments")
    assert [one["displayName"] for one in found] == ["Libs", "libs", "Env é"]
    assert get(api, f"/workspaces/{FULL}/environments/{found[2]['id']}").json() == found[2]


def test_a_capacity_shows_whether_it_is_paused(api: Api) -> None:
    (capacity,) = everything(api, "/capacities")
    assert (capacity["displayName"], capacity["sku"], capacity["state"]) == ("small", "F2", "Inactive")
    assert get(api, f"/workspaces/{FULL}").json()["capacityId"] == capacity["id"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/workspaces/nobody", "WorkspaceNotFound"),
        ("/workspaces/nobody/lakehouses", "WorkspaceNotFound"),
        (f"/workspaces/{FULL}/lakehouses/nobody", "ItemNotFound"),
        (f"/workspaces/{FULL}/lakehouses/nobody/tables", "ItemNotFound"),
        (f"/workspaces/{FULL}/environments/nobody", "ItemNotFound"),
    ],
)
def test_what_is_not_there(api: Api, path: str, code: str) -> None:
    assert "nobody" in refused(get(api, path), 404, code)


def test_look_ups_need_the_token_too(api: Api) -> None:
    answer = requests.get(api.ready["api_url"] + "/workspaces", timeout=30)
    refused(answer, 401, "Unauthorized")


def test_a_viewer_may_look_but_not_run(api: Api) -> None:
    (workspace,) = everything(api, "/workspaces", roles="Viewer")
    (house,) = everything(api, f"/workspaces/{workspace['id']}/lakehouses")
    path = f"/workspaces/{workspace['id']}/lakehouses/{house['id']}/livyapi/versions/2023-12-01/sessions"
    answer = api.http.post(api.ready["api_url"] + path, json={}, timeout=30)
    assert "Contributor" in refused(answer, 403, "InsufficientPrivileges")


def test_without_a_workspace_file_there_is_one_workspace_with_one_lakehouse(tmp_path: Path) -> None:
    with service.serving(tmp_path / "my house", ("--token", service.TOKEN, "--no-schemas")) as alone:
        (workspace,) = everything(alone, "/workspaces")
        assert workspace["displayName"] == "local"
        (house,) = everything(alone, f"/workspaces/{workspace['id']}/lakehouses")
        assert house["displayName"] == "my house"
        assert f"/workspaces/{workspace['id']}/lakehouses/{house['id']}/livyapi" in alone.base
        assert get(alone, f"/workspaces/{workspace['id']}/lakehouses/{house['id']}/tables").json() == {"data": []}


# ------------------------------------------------------------------------------------------------ the workspace file
def workspaces(tmp_path: Path, text: str, name: str = "w.toml") -> Workspaces:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return read_workspaces(file)


def test_a_workspace_file_in_toml(tmp_path: Path) -> None:
    found = workspaces(
        tmp_path,
        """
        service_principals = false
        [[workspaces]]
        name = "a"
        [[workspaces.lakehouses]]
        name = "b"
        folder = "deep/er"
        """,
    )
    assert not found.service_principals
    assert found.first_lakehouse.folder == tmp_path / "deep" / "er"


def test_ids_stay_when_the_file_is_read_again_and_an_entry_moves(tmp_path: Path) -> None:
    one, other = '{"name": "a", "lakehouses": [{"name": "x"}]}', '{"name": "b"}'
    first = workspaces(tmp_path, f'{{"workspaces": [{one}, {other}]}}', "w.json")
    second = workspaces(tmp_path, f'{{"workspaces": [{other}, {one}]}}', "w.json")
    assert {w.name: w.id for w in first.all} == {w.name: w.id for w in second.all}
    assert first.first_lakehouse == second.first_lakehouse


def test_lakehouses_without_a_folder_get_one_each(tmp_path: Path) -> None:
    found = workspaces(
        tmp_path, '{"workspaces": [{"name": "a", "lakehouses": [{"name": "../x"}, {"name": "../x"}]}]}', "w.json"
    )
    folders = {one.folder for one in found.all[0].lakehouses}
    assert len(folders) == 2
    assert {one.parent for one in folders} == {tmp_path}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no lakehouse"),
        ("= 5", "cannot be read"),
        ("workspaces = 5", "workspaces is a list"),
        ("workspaces = [5]", "workspaces[0]: a table is needed"),
        ("[[workspaces]]", "name is needed"),
        ("[[workspaces]]\nname = 5", "name is a text"),
        ("[[workspaces]]\nname = 'a'\nid = 'x'", "no GUID"),
        ("[[workspaces]]\nname = 'a'\nrole = 'Boss'", "Contributor"),
        ("[[workspaces]]\nname = 'a'\nlakehouse = []", "'lakehouse' is not known"),
        ("[[workspaces]]\nname = 'a'\n[[workspaces.lakehouses]]\nname = 'b'\nschemas = 'yes'", "true or false"),
        ("service_principals = 1", "true or false"),
    ],
)
def test_a_wrong_workspace_file_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadWorkspaces, match=r"w\.toml") as problem:
        workspaces(tmp_path, text)
    assert words in str(problem.value)


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    one = f'{{"name": "a", "id": "{FULL}", "lakehouses": [{{"name": "x"}}]}}'
    with pytest.raises(BadWorkspaces, match="twice"):
        workspaces(tmp_path, f'{{"workspaces": [{one}, {one}]}}', "w.json")


def test_the_ids_of_a_single_lakehouse_follow_from_its_folder(tmp_path: Path) -> None:
    assert one_lakehouse(tmp_path) == one_lakehouse(tmp_path)
    assert one_lakehouse(tmp_path) != one_lakehouse(tmp_path / "other")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workspaces", "nowhere.toml"], "nowhere.toml"),
        (["--workspaces", "w.toml", "--lakehouse", "x"], "leave --lakehouse out"),
        (["--page-size", "0"], "--page-size"),
        (["--tenant", "x"], "--authority"),
    ],
)
def test_wrong_options_are_reported_at_the_start(options: list[str], words: str, tmp_path: Path) -> None:
    assert words in service.startup_error(tmp_path, *options)


# ------------------------------------------------------------------------------------------------ tables
@pytest.fixture(scope="module")
def many_tables(api: Api, folder: Path) -> dict[str, Any]:
    """A lakehouse whose definitions are there as sessions write them."""
    house = lakehouse(api, "Tables")
    files = DefinitionFiles(folder / house["id"] / ".catalog")
    for number in range(7):
        name = f"t{number}"
        files.write(
            ("default", name), {"name": name, "kind": "managed", "provider": "parquet", "location": f"Tables/{name}"}
        )
    files.write(
        ("default", "Odd é/name"), {"name": "Odd é/name", "kind": "external", "provider": "CSV", "location": "file:/x"}
    )
    files.write(("default", "a_view"), {"name": "a_view", "kind": "view"})
    (folder / house["id"] / ".catalog" / "broken.json").write_text("{", encoding="utf-8")
    return house


def test_tables_come_by_pages_under_their_own_key(api: Api, many_tables: dict[str, Any]) -> None:
    path = f"/workspaces/{FULL}/lakehouses/{many_tables['id']}/tables"
    found = pages(api, path, "data", maxResults=2)
    assert [len(page["data"]) for page in found] == [2, 2, 2, 2]
    tables = [one for page in found for one in page["data"]]
    assert [one["name"] for one in tables] == ["Odd é/name", *(f"t{number}" for number in range(7))]
    assert tables[0] == {"type": "External", "name": "Odd é/name", "location": "file:/x", "format": "csv"}
    assert tables[1]["location"] == f"abfss://{FULL}@onelake.dfs.fabric.microsoft.com/{many_tables['id']}/Tables/t0"


@pytest.mark.parametrize("count", ["0", "101", "x", "-1", "99999999999999999999"])
def test_maxresults_has_the_documented_bounds(api: Api, many_tables: dict[str, Any], count: str) -> None:
    path = f"/workspaces/{FULL}/lakehouses/{many_tables['id']}/tables"
    refused(get(api, path, maxResults=count), 400, "InvalidParameter")


def test_a_lakehouse_with_schemas_refuses_the_plain_list_of_tables(api: Api) -> None:
    path = f"/workspaces/{FULL}/lakehouses/{lakehouse(api, 'schemas/on')['id']}/tables"
    refused(get(api, path), 400, "UnsupportedOperationForSchemasEnabledLakehouse")


def unity(api: Api, house: dict[str, Any], path: str, **params: Any) -> requests.Response:
    root = api.ready["api_url"].removesuffix("/v1")
    url = f"{root}/delta/{FULL}/{house['id']}/api/2.1/unity-catalog/{path}"
    return api.http.get(url, params={"catalog_name": house["id"], **params}, timeout=30)


def test_onelakes_table_api_refuses_a_lakehouse_without_schemas(api: Api) -> None:
    refused(unity(api, lakehouse(api, "plain"), "schemas"), 400, "SchemasNotEnabled")


# ------------------------------------------------------------------------------------------------ with Spark
def session_on(api: Api, house: dict[str, Any]) -> service.Session:
    url = f"{api.ready['api_url']}/workspaces/{FULL}/lakehouses/{house['id']}/livyapi/versions/2023-12-01"
    other = Api({**api.ready, "livy_endpoint": url})
    session = other.start_session()
    session.wait_for("idle")
    return session


def test_each_lakehouse_has_its_sessions_and_tables_and_the_one_with_schemas_starts_in_dbo(
    api: Api, folder: Path
) -> None:
    house = lakehouse(api, "schemas/on")
    session = session_on(api, house)
    session.rows("create table unqualified using parquet as select 1 as a")
    session.rows("create schema sales")
    session.rows("create table sales.orders using parquet as select 2 as b")
    session.rows("create view sales.seen as select * from sales.orders")
    assert session.rows("select a, b from dbo.unqualified, sales.orders") == [[1, 2]]
    session.rows("select 1")  # definitions are written before this runs
    assert (folder / "with schemas" / "Tables" / "dbo" / "unqualified").is_dir()
    assert [one["name"] for one in unity(api, house, "schemas").json()["schemas"]] == ["dbo", "sales"]
    (table,) = unity(api, house, "tables", schema_name="sales").json()["tables"]
    assert (table["name"], table["table_type"], table["data_source_format"]) == ("orders", "MANAGED", "PARQUET")
    assert (folder / "with schemas" / "Tables" / "sales" / "orders").is_dir()
    assert table["storage_location"] == f"{house['properties']['oneLakeTablesPath']}/sales/orders"
    assert api.http.head(table["storage_location"], timeout=30).headers["x-ms-resource-type"] == "directory"
    # What the lakehouse had before it had schemas is in Spark's own database, and stays what it was.
    session.rows("create table default.earlier using parquet as select 7 as n")
    session.rows("insert into earlier values (8)")
    assert session.rows("select count(*), sum(n) from dbo.earlier") == [[2, 15]]
    session.rows("create or replace view default.seen as select max(n) as most from earlier")
    assert session.rows("select most from seen") == [[8]]
    tables = unity(api, house, "tables", schema_name="dbo").json()["tables"]
    assert [one["name"] for one in tables] == ["earlier", "unqualified"]
    assert session.rows("show schemas") == [["dbo"], ["sales"]]
    assert [one["id"] for one in session.api.get("/sessions").json()["items"]] == [session.id]
    # Of another lakehouse it is not a session.
    plain = f"{api.ready['api_url']}/workspaces/{FULL}/lakehouses/{lakehouse(api, 'plain')['id']}/livyapi/versions/2023-12-01"
    assert api.http.get(f"{plain}/sessions", timeout=30).json()["items"] == []
    assert api.http.get(f"{plain}/sessions/{session.id}", timeout=30).status_code == 404
    assert session.api.delete(session.path).status_code == 200
