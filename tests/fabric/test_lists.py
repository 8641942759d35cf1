"""Lists of the Fabric API, page by page, and tables."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fabric_livy_magic.errors import AccessError, AnswerTooLarge, NotFoundError, NotLivyError, SettingsError
from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.fabric.models import Item, Table
from tests.fabric.conftest import HOUSE, WORKSPACE, http, page
from tests.support.hostile_server import MIB, Behaviour, HostileServer, gives
from tests.support.lists import ListServer


# ------------------------------------------------------------------------------------------------ lists
def test_an_item_has_the_fields_of_the_json(lists: ListServer, api: FabricApi) -> None:
    entry = {
        "id": HOUSE, "displayName": "Bronze", "type": "Lakehouse", "workspaceId": WORKSPACE, "description": "raw",
        "properties": {"defaultSchema": "dbo", "oneLakeTablesPath": "https://x"},
    }  # fmt: skip
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}", entry)
    item = api.lakehouse(WORKSPACE, HOUSE)
    assert item == Item(
        id=HOUSE,
        name="Bronze",
        kind="Lakehouse",
        workspace_id=WORKSPACE,
        description="raw",
        properties=entry["properties"],
    )
    assert item.default_schema == "dbo"


def test_all_pages_of_a_list_are_read(lists: ListServer, api: FabricApi) -> None:
    lists.put(
        "/v1/workspaces",
        page("a", continuationToken="+RID:~x/?==", continuationUri="https://elsewhere.example/v1/workspaces?x"),
        page(continuationToken="second"),  # an empty page that is not the last
        page("b"),
    )
    assert [one.name for one in api.workspaces()] == ["a", "b"]
    assert [parse_qs(urlsplit(path).query) for path in lists.seen] == [
        {}, {"continuationToken": ["+RID:~x/?=="]}, {"continuationToken": ["second"]},
    ]  # fmt: skip


def test_query_parameters_are_sent_for_every_page(lists: ListServer, api: FabricApi) -> None:
    lists.put("/v1/workspaces", page("a", continuationToken="t"), page("b"))
    api.workspaces("Admin", "Member")
    assert all(parse_qs(urlsplit(path).query)["roles"] == ["Admin,Member"] for path in lists.seen)


def test_a_continuation_by_uri_alone_is_followed_on_the_same_server(lists: ListServer, api: FabricApi) -> None:
    lists.put(
        "/v1/workspaces", page("a", continuationUri=f"{lists.url}/v1/workspaces?continuationToken=a%2B"), page("b")
    )
    assert [one.name for one in api.workspaces()] == ["a", "b"]
    assert lists.seen[1] == "/v1/workspaces?continuationToken=a%2B"


@pytest.mark.parametrize(
    "uri",
    ["https://elsewhere.example/v1/workspaces?x=1", "{root}/v2/workspaces", "//elsewhere.example/v1/x", "{other}/v1/x"],
)
def test_a_continuation_elsewhere_is_not_followed(lists: ListServer, api: FabricApi, uri: str) -> None:
    uri = uri.replace("{root}", lists.url).replace("{other}", lists.url.replace("http:", "https:"))
    lists.put("/v1/workspaces", page("a", continuationUri=uri))
    with pytest.raises(NotLivyError, match="outside"):
        api.workspaces()
    assert len(lists.seen) == 1


def test_a_list_that_repeats_a_page_is_refused(lists: ListServer, api: FabricApi) -> None:
    lists.put(
        "/v1/workspaces",
        page("a", continuationToken="1"),
        page("b", continuationToken="2"),
        page("c", continuationToken="1"),
    )
    with pytest.raises(NotLivyError, match="repeats"):
        api.workspaces()


@pytest.mark.parametrize("answer", [[], "text", 5, None, {"value": 5}, {"value": {"a": 1}}])
def test_an_answer_that_is_no_list_is_refused(lists: ListServer, api: FabricApi, answer: Any) -> None:
    lists.put("/v1/workspaces", answer)
    with pytest.raises(NotLivyError):
        api.workspaces()


def test_a_list_without_end_is_refused() -> None:
    """Each page has another token, so that none is a repetition."""
    numbers = itertools.count()
    with HostileServer(lambda method, path: gives(page("a", continuationToken=f"t{next(numbers)}"))) as server:
        with pytest.raises(AnswerTooLarge, match="more than 1,000 pages"):
            FabricApi(http(server.url)).workspaces()
        assert len(server.seen) == 1000


def test_the_pages_of_a_list_together_are_bounded() -> None:
    numbers = itertools.count()

    def answer(method: str, path: str) -> Behaviour:
        return gives(page("a", x="x" * 20 * MIB, continuationToken=f"t{next(numbers)}"))

    with HostileServer(answer) as server:
        with pytest.raises(AnswerTooLarge, match="more than 64 MiB"):
            FabricApi(http(server.url)).workspaces()
        assert len(server.seen) == 4


def test_entries_with_missing_or_odd_fields_do_not_break_the_list(lists: ListServer, api: FabricApi) -> None:
    lists.put("/v1/workspaces", {"value": [{}, 5, {"id": 7, "displayName": None, "properties": []}]})
    assert [(one.id, one.name) for one in api.workspaces()] == [("", ""), ("7", "")]


def test_ids_are_quoted_in_the_path(lists: ListServer, api: FabricApi) -> None:
    with pytest.raises(NotFoundError):
        api.lakehouses("a/../b?c#d é")
    assert lists.seen == ["/v1/workspaces/a%2F..%2Fb%3Fc%23d%20%C3%A9/lakehouses"]


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_ids_that_would_lead_to_another_path_are_refused(api: FabricApi, part: str) -> None:
    with pytest.raises(SettingsError, match="no id"):
        api.lakehouse(WORKSPACE, part)


# ------------------------------------------------------------------------------------------------ tables
def test_tables_are_listed_under_their_own_key(lists: ListServer, api: FabricApi) -> None:
    path = f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables"
    one = {"type": "Managed", "name": "t", "location": "abfss://x", "format": "delta"}
    lists.put(
        path, {"data": [one], "continuationToken": "+"}, {"data": [{**one, "name": "u"}], "continuationToken": None}
    )
    assert api.tables(WORKSPACE, HOUSE) == [
        Table(name=name, kind="Managed", format="delta", location="abfss://x") for name in ("t", "u")
    ]


def test_tables_of_a_lakehouse_with_schemas_come_from_onelake(lists: ListServer, api: FabricApi) -> None:
    has_schemas(lists)
    base = f"/delta/{WORKSPACE}/{HOUSE}/api/2.1/unity-catalog"
    lists.put(f"{base}/schemas", {"schemas": [{"name": "dbo"}], "next_page_token": "p"}, {"schemas": [{"name": "s é"}]})
    lists.put(
        f"{base}/tables",
        {"tables": [{"name": "t", "data_source_format": "DELTA", "storage_location": "https://x"}]},
        {"tables": [{"name": "u", "table_type": "EXTERNAL"}]},
    )
    assert api.tables(WORKSPACE, HOUSE) == [
        Table(name="t", schema="dbo", format="delta", location="https://x"),
        Table(name="u", schema="s é", kind="External"),
    ]
    assert parse_qs(urlsplit(lists.seen[-1]).query) == {"catalog_name": [HOUSE], "schema_name": ["s é"]}


def test_without_onelake_the_message_suggests_show_tables(lists: ListServer) -> None:
    has_schemas(lists)
    with pytest.raises(SettingsError, match="SHOW TABLES"):
        FabricApi(http(f"{lists.url}/v1")).tables(WORKSPACE, HOUSE)


def has_schemas(lists: ListServer) -> None:
    error = {"errorCode": "UnsupportedOperationForSchemasEnabledLakehouse", "message": "no"}
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables", error, status=400)


def test_another_error_of_the_tables_endpoint_is_raised_as_it_is(lists: ListServer, api: FabricApi) -> None:
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables", {"errorCode": "InsufficientScopes"}, status=403)
    with pytest.raises(AccessError, match="InsufficientScopes"):
        api.tables(WORKSPACE, HOUSE)
