"""Which item a name means, and targets of the form workspace/lakehouse."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.fabric.models import Item
from fabric_livy_magic.fabric.names import items_named
from fabric_livy_magic.fabric.targets import ids_in_url, join_target, livy_url, split_target
from fabric_livy_magic.livy.http import LivyHttp
from tests.fabric.conftest import HOUSE, WORKSPACE
from tests.support.lists import ListServer

# ------------------------------------------------------------------------------------------------ which one is meant
AWKWARD = ["Sales / EMEA", "Ünïcödé 数据", "  blanks  ", "a'b\"c", "%2F?&#", "a\\b", "x" * 256, "𝒮ales", "Straße"]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_are_found(lists: ListServer, api: FabricApi, name: str) -> None:
    ids = lists.names("/v1/workspaces", *AWKWARD)
    assert api.find_workspace(name).id == ids[AWKWARD.index(name)]


def test_the_exact_name_goes_before_another_case(lists: ListServer, api: FabricApi) -> None:
    lists.names("/v1/workspaces", "SALES", "Sales", "sales")
    assert api.find_workspace("Sales").id == "id-1"


@pytest.mark.parametrize(
    ("typed", "name"), [("sales", "Sales"), ("STRASSE", "Straße"), ("Cafe\u0301", "Café"), ("blanks", " blanks ")]
)
def test_another_case_or_unicode_form_is_enough_where_one_name_fits(
    lists: ListServer, api: FabricApi, typed: str, name: str
) -> None:
    lists.names("/v1/workspaces", "other", name)
    assert api.find_workspace(typed).name == name


@pytest.mark.parametrize(("typed", "names"), [("twice", ["twice", "twice"]), ("case", ["Case", "CASE"])])
def test_a_name_that_means_several_lists_their_ids(
    lists: ListServer, api: FabricApi, typed: str, names: list[str]
) -> None:
    lists.names("/v1/workspaces", *names)
    with pytest.raises(SettingsError, match="2 workspaces are named") as error:
        api.find_workspace(typed)
    assert "id-0" in str(error.value)
    assert "id-1" in str(error.value)


@pytest.mark.parametrize(
    ("typed", "words"),
    [("Slaes", "Did you mean 'Sales'"), ("EMEA", "Did you mean 'Sales EMEA'"), ("zzz", "It sees 'Sales'")],
)
def test_a_missing_name_lists_similar_names_or_some(lists: ListServer, api: FabricApi, typed: str, words: str) -> None:
    lists.names("/v1/workspaces", "Sales", "Sales EMEA", "Finance")
    with pytest.raises(SettingsError, match="no access") as error:
        api.find_workspace(typed)
    assert words in str(error.value)


def test_many_names_are_not_all_listed(lists: ListServer, api: FabricApi) -> None:
    lists.names("/v1/workspaces", *(f"w{number}" for number in range(30)))
    with pytest.raises(SettingsError, match="and 25 more"):
        api.find_workspace("quite another")


def test_an_account_without_items_gets_a_message_that_says_so(lists: ListServer, api: FabricApi) -> None:
    lists.put("/v1/workspaces", {"value": []})
    with pytest.raises(SettingsError, match="sees no workspace at all"):
        api.find_workspace("Sales")


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_name_is_refused(api: FabricApi, blank: str) -> None:
    with pytest.raises(SettingsError, match="No workspace was named"):
        api.find_workspace(blank)


def test_an_id_costs_one_call_and_no_list(lists: ListServer, api: FabricApi) -> None:
    lists.put(f"/v1/workspaces/{WORKSPACE}/lakehouses/{HOUSE.upper()}", {"id": HOUSE, "displayName": "Bronze"})
    assert api.find_lakehouse(WORKSPACE, HOUSE.upper()).name == "Bronze"
    assert len(lists.seen) == 1


def test_a_name_may_look_like_an_id(lists: ListServer, api: FabricApi) -> None:
    lists.names("/v1/workspaces", HOUSE)
    assert api.find_workspace(HOUSE).id == "id-0"


def test_environments_are_found_by_name(lists: ListServer, api: FabricApi) -> None:
    lists.names(f"/v1/workspaces/{WORKSPACE}/environments", "Libs", "libs", "Other")
    assert api.find_environment(WORKSPACE, "libs").id == "id-1"
    assert api.find_environment(WORKSPACE, "OTHER").id == "id-2"


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=6), st.data())
def test_an_exact_name_always_finds_its_item(names: list[str], data: st.DataObject) -> None:
    items = [Item(id=f"{number:032}", name=name) for number, name in enumerate(names)]
    name = data.draw(st.sampled_from(names))
    assert [one.name for one in items_named(name, items)] == [name]


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
def test_a_text_that_is_no_target_is_refused_with_how_one_is_written(text: str, words: str) -> None:
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
    assert ids_in_url(url) == (WORKSPACE, HOUSE)
    with pytest.raises(SettingsError):
        ids_in_url("http://127.0.0.1:8998")


# ------------------------------------------------------------------------------------------------ the embedded Fabric
@pytest.mark.spark
def test_names_are_resolved_to_a_lakehouse_of_the_embedded_fabric(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from fabric_livy_magic.signin.external_credentials import StaticToken
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
        auth = BearerAuth(StaticToken("secret"))
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
