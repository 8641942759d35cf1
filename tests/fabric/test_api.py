"""Names to ids and lists by pages: on a scripted server for what a real one rarely does, and on the embedded Fabric."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import AccessError, NotFoundError, NotLivyError, SettingsError
from fabric_livy_magic.fabric.api import FabricApi, Item, Table, ids_in, join_target, livy_url, named, split_target
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.retries import RetryPolicy

WORKSPACE = "aaaaaaaa-0000-4000-8000-000000000001"
HOUSE = "bbbbbbbb-0000-4000-8000-000000000002"


class Lists:
    """Answers what a test put down for a path, in order; the last answer stays. `seen` has the paths with their queries."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.seen: list[str] = []
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(self.path)
                script = outer.answers.get(unquote(urlsplit(self.path).path), [(404, {"errorCode": "ItemNotFound"})])
                status, content = script.pop(0) if len(script) > 1 else script[0]
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, path: str, *pages: Any, status: int = 200) -> None:
        self.answers[path] = [(status, page) for page in pages]

    def names(self, path: str, *names: str) -> list[str]:
        """A list of items with these names; their ids."""
        ids = [f"id-{number}" for number, _ in enumerate(names)]
        self.put(path, {"value": [{"id": i, "displayName": name} for i, name in zip(ids, names, strict=True)]})
        return ids

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def lists() -> Iterator[Lists]:
    server = Lists()
    yield server
    server.close()


@pytest.fixture
def api(lists: Lists) -> FabricApi:
    return FabricApi(http(f"{lists.root}/v1"), http(f"{lists.root}/delta"))


def http(url: str) -> LivyHttp:
    return LivyHttp(url, retry=RetryPolicy(budget_s=0))


def page(*names: str, **more: Any) -> dict[str, Any]:
    return {"value": [{"id": f"id-{name}", "displayName": name} for name in names], **more}


# ------------------------------------------------------------------------------------------------ lists
def test_an_item_has_what_the_server_told_of_it(lists: Lists, api: FabricApi) -> None:
    told = {
        "id": HOUSE, "displayName": "Bronze", "type": "Lakehouse", "workspaceId": WORKSPACE, "description": "raw",
        "properties": {"defaultSchema": "dbo", "oneLakeTablesPath": "https://x"},
    }  # fmt: skip
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}", told)
    item = api.lakehouse(WORKSPACE, HOUSE)
    assert item == Item(
        id=HOUSE,
        name="Bronze",
        kind="Lakehouse",
        workspace_id=WORKSPACE,
        description="raw",
        properties=told["properties"],
    )
    assert item.default_schema == "dbo"


def test_all_pages_of_a_list_are_read(lists: Lists, api: FabricApi) -> None:
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


def test_what_was_asked_is_asked_on_every_page(lists: Lists, api: FabricApi) -> None:
    lists.put("/v1/workspaces", page("a", continuationToken="t"), page("b"))
    api.workspaces("Admin", "Member")
    assert all(parse_qs(urlsplit(path).query)["roles"] == ["Admin,Member"] for path in lists.seen)


def test_a_continuation_by_uri_alone_is_followed_on_the_same_server(lists: Lists, api: FabricApi) -> None:
    lists.put(
        "/v1/workspaces", page("a", continuationUri=f"{lists.root}/v1/workspaces?continuationToken=a%2B"), page("b")
    )
    assert [one.name for one in api.workspaces()] == ["a", "b"]
    assert lists.seen[1] == "/v1/workspaces?continuationToken=a%2B"


@pytest.mark.parametrize(
    "uri",
    ["https://elsewhere.example/v1/workspaces?x=1", "{root}/v2/workspaces", "//elsewhere.example/v1/x", "{other}/v1/x"],
)
def test_a_continuation_elsewhere_is_not_followed(lists: Lists, api: FabricApi, uri: str) -> None:
    uri = uri.replace("{root}", lists.root).replace("{other}", lists.root.replace("http:", "https:"))
    lists.put("/v1/workspaces", page("a", continuationUri=uri))
    with pytest.raises(NotLivyError, match="outside"):
        api.workspaces()
    assert len(lists.seen) == 1


def test_a_list_that_turns_in_circles_ends(lists: Lists, api: FabricApi) -> None:
    lists.put(
        "/v1/workspaces",
        page("a", continuationToken="1"),
        page("b", continuationToken="2"),
        page("c", continuationToken="1"),
    )
    with pytest.raises(NotLivyError, match="repeats"):
        api.workspaces()


@pytest.mark.parametrize("answer", [[], "text", 5, None, {"value": 5}, {"value": {"a": 1}}])
def test_what_is_no_list(lists: Lists, api: FabricApi, answer: Any) -> None:
    lists.put("/v1/workspaces", answer)
    with pytest.raises(NotLivyError):
        api.workspaces()


def test_entries_with_missing_or_odd_fields_do_not_break_the_list(lists: Lists, api: FabricApi) -> None:
    lists.put("/v1/workspaces", {"value": [{}, 5, {"id": 7, "displayName": None, "properties": []}]})
    assert [(one.id, one.name) for one in api.workspaces()] == [("", ""), ("7", "")]


def test_ids_are_quoted_in_the_path(lists: Lists, api: FabricApi) -> None:
    with pytest.raises(NotFoundError):
        api.lakehouses("a/../b?c#d é")
    assert lists.seen == ["/v1/workspaces/a%2F..%2Fb%3Fc%23d%20%C3%A9/lakehouses"]


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_ids_that_would_lead_to_another_path_are_refused(api: FabricApi, part: str) -> None:
    with pytest.raises(SettingsError, match="no id"):
        api.lakehouse(WORKSPACE, part)


# ------------------------------------------------------------------------------------------------ tables
def test_tables_are_listed_under_their_own_key(lists: Lists, api: FabricApi) -> None:
    path = f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables"
    one = {"type": "Managed", "name": "t", "location": "abfss://x", "format": "delta"}
    lists.put(
        path, {"data": [one], "continuationToken": "+"}, {"data": [{**one, "name": "u"}], "continuationToken": None}
    )
    assert api.tables(WORKSPACE, HOUSE) == [
        Table(name=name, kind="Managed", format="delta", location="abfss://x") for name in ("t", "u")
    ]


def test_tables_of_a_lakehouse_with_schemas_come_from_onelake(lists: Lists, api: FabricApi) -> None:
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


def test_without_a_way_to_onelake_the_message_tells_another_way(lists: Lists) -> None:
    has_schemas(lists)
    with pytest.raises(SettingsError, match="SHOW TABLES"):
        FabricApi(http(f"{lists.root}/v1")).tables(WORKSPACE, HOUSE)


def has_schemas(lists: Lists) -> None:
    error = {"errorCode": "UnsupportedOperationForSchemasEnabledLakehouse", "message": "no"}
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables", error, status=400)


def test_another_refusal_of_the_tables_is_told_as_it_is(lists: Lists, api: FabricApi) -> None:
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/tables", {"errorCode": "InsufficientScopes"}, status=403)
    with pytest.raises(AccessError, match="InsufficientScopes"):
        api.tables(WORKSPACE, HOUSE)


# ------------------------------------------------------------------------------------------------ which one is meant
AWKWARD = ["Sales / EMEA", "Ünïcödé 数据", "  blanks  ", "a'b\"c", "%2F?&#", "a\\b", "x" * 256, "𝒮ales", "Straße"]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_are_found(lists: Lists, api: FabricApi, name: str) -> None:
    ids = lists.names("/v1/workspaces", *AWKWARD)
    assert api.find_workspace(name).id == ids[AWKWARD.index(name)]


def test_the_exact_name_goes_before_another_case(lists: Lists, api: FabricApi) -> None:
    lists.names("/v1/workspaces", "SALES", "Sales", "sales")
    assert api.find_workspace("Sales").id == "id-1"


@pytest.mark.parametrize(
    ("typed", "name"), [("sales", "Sales"), ("STRASSE", "Straße"), ("Cafe\u0301", "Café"), ("blanks", " blanks ")]
)
def test_another_case_or_unicode_form_will_do_where_one_name_fits(
    lists: Lists, api: FabricApi, typed: str, name: str
) -> None:
    lists.names("/v1/workspaces", "other", name)
    assert api.find_workspace(typed).name == name


@pytest.mark.parametrize(("typed", "names"), [("twice", ["twice", "twice"]), ("case", ["Case", "CASE"])])
def test_a_name_that_means_several_lists_their_ids(lists: Lists, api: FabricApi, typed: str, names: list[str]) -> None:
    lists.names("/v1/workspaces", *names)
    with pytest.raises(SettingsError, match="2 workspaces are named") as error:
        api.find_workspace(typed)
    assert "id-0" in str(error.value)
    assert "id-1" in str(error.value)


@pytest.mark.parametrize(
    ("typed", "words"),
    [("Slaes", "Did you mean 'Sales'"), ("EMEA", "Did you mean 'Sales EMEA'"), ("zzz", "It sees 'Sales'")],
)
def test_a_missing_name_lists_the_near_ones_or_some(lists: Lists, api: FabricApi, typed: str, words: str) -> None:
    lists.names("/v1/workspaces", "Sales", "Sales EMEA", "Finance")
    with pytest.raises(SettingsError, match="no access") as error:
        api.find_workspace(typed)
    assert words in str(error.value)


def test_many_names_are_not_all_listed(lists: Lists, api: FabricApi) -> None:
    lists.names("/v1/workspaces", *(f"w{number}" for number in range(30)))
    with pytest.raises(SettingsError, match="and 25 more"):
        api.find_workspace("quite another")


def test_an_account_that_sees_nothing_is_told_so(lists: Lists, api: FabricApi) -> None:
    lists.put("/v1/workspaces", {"value": []})
    with pytest.raises(SettingsError, match="sees no workspace at all"):
        api.find_workspace("Sales")


@pytest.mark.parametrize("blank", ["", "  "])
def test_no_name_at_all(api: FabricApi, blank: str) -> None:
    with pytest.raises(SettingsError, match="No workspace was named"):
        api.find_workspace(blank)


def test_an_id_costs_one_call_and_no_list(lists: Lists, api: FabricApi) -> None:
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE.upper()}", {"id": HOUSE, "displayName": "Bronze"})
    assert api.find_lakehouse(WORKSPACE, HOUSE.upper()).name == "Bronze"
    assert len(lists.seen) == 1


def test_a_name_may_look_like_an_id(lists: Lists, api: FabricApi) -> None:
    lists.names("/v1/workspaces", HOUSE)
    assert api.find_workspace(HOUSE).id == "id-0"


def test_environments_are_found_by_name(lists: Lists, api: FabricApi) -> None:
    lists.names(f"/v1/workspaces/{WORKSPACE}/environments", "Libs", "libs", "Other")
    assert api.find_environment(WORKSPACE, "libs").id == "id-1"
    assert api.find_environment(WORKSPACE, "OTHER").id == "id-2"


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=6), st.data())
def test_an_exact_name_always_finds_its_item(names: list[str], data: st.DataObject) -> None:
    items = [Item(id=f"{number:032}", name=name) for number, name in enumerate(names)]
    name = data.draw(st.sampled_from(names))
    assert [one.name for one in named(name, items)] == [name]


# ------------------------------------------------------------------------------------------------ workspace/lakehouse
TARGETS = [
    ("Sales/Bronze", ("Sales", "Bronze")),
    (" Sales team / Bronze ", ("Sales team", "Bronze")),
    ("'a/b'/c", ("a/b", "c")),
    ('"a/b" / "c/d"', ("a/b", "c/d")),
    (r"a\/b/c", ("a/b", "c")),
    ("O'Brien/it's", ("O'Brien", "it's")),
    (r"'O\'Brien'/x", ("O'Brien", "x")),
    ('"Sales/Bronze"', ("Sales", "Bronze")),
    (r"DOMAIN\x/y", (r"DOMAIN\x", "y")),
    ("' x '/y", (" x ", "y")),
    ("数据/Ünïcödé", ("数据", "Ünïcödé")),
    (f"{WORKSPACE}/{HOUSE}", (WORKSPACE, HOUSE)),
]


@pytest.mark.parametrize(("text", "names"), TARGETS)
def test_a_target_is_split_at_its_slash(text: str, names: tuple[str, str]) -> None:
    assert split_target(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no workspace"),
        ("Sales", "names no workspace"),
        ("'Sales'", "names no workspace"),
        ("a/b/c", "2 slashes"),
        ("a//b", "2 slashes"),
        ("/b", "empty"),
        ("a/", "empty"),
        ("' '/b", "empty"),
        ("'a/b", "does not end"),
        ("'a'b/c", "goes on"),
    ],
)
def test_a_text_that_is_no_target_says_how_one_is_written(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match="workspace/lakehouse") as error:
        split_target(text)
    assert words in str(error.value)


NAME = st.text(min_size=1, max_size=12).filter(str.strip) | st.text("a/\\'\" é", min_size=1, max_size=8).filter(
    str.strip
)


@given(NAME, NAME)
def test_any_two_names_are_read_back_from_what_join_target_writes(workspace: str, lakehouse: str) -> None:
    assert split_target(join_target(workspace, lakehouse)) == (workspace, lakehouse)


@given(st.text() | st.text("a/\\'\" "))
def test_any_text_is_a_target_or_a_settings_error(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert all(name.strip() for name in split_target(text))


def test_a_livy_url_is_built_and_read_back() -> None:
    url = livy_url("https://api.fabric.microsoft.com/v1/", WORKSPACE, HOUSE)
    assert url == (
        f"https://api.fabric.microsoft.com/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE}/livyapi/versions/2023-12-01"
    )
    assert ids_in(url) == (WORKSPACE, HOUSE)
    with pytest.raises(SettingsError):
        ids_in("http://127.0.0.1:8998")


# ------------------------------------------------------------------------------------------------ the embedded Fabric
@pytest.mark.spark
def test_names_lead_to_a_lakehouse_of_the_embedded_fabric(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from fabric_livy_magic.signin.external_credentials import GivenToken
    from fabric_livy_magic.signin.request_auth import BearerAuth
    from tests.support import service

    names = [{"name": f"w{number}"} for number in range(7)]
    house = {"name": "Bröntz / 1", "schemas": True}
    content = {"workspaces": [*names, {"name": "Sales / EMEA", "lakehouses": [{"name": "other"}, house]}]}
    (tmp_path / "w.json").write_text(json.dumps(content), encoding="utf-8")
    process, server = service.start(
        None, "--workspaces", str(tmp_path / "w.json"), "--page-size", "2", "--token", "secret"
    )
    try:
        auth = BearerAuth(GivenToken("secret"))
        root = server.ready["api_url"]
        api = FabricApi(LivyHttp(root, auth), LivyHttp(root.replace("/v1", "/delta"), auth))
        assert len(api.workspaces()) == 8
        workspace_name, lakehouse_name = split_target("'sales / emea'/'BRÖNTZ / 1'")
        workspace = api.find_workspace(workspace_name)
        lakehouse = api.find_lakehouse(workspace.id, lakehouse_name)
        assert lakehouse.default_schema == "dbo"
        assert LivyHttp(livy_url(root, workspace.id, lakehouse.id), auth).get("/sessions")["items"] == []
        assert api.tables(workspace.id, lakehouse.id) == []
        assert api.environments(workspace.id) == []
        assert api.capacities() == []
    finally:
        server.http.close()
        assert service.close(process) == 0
