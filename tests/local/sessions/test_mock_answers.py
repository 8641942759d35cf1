"""Mocks without Spark: which answer a call gets, what it says where there is none, and what is written down."""

from __future__ import annotations

import contextlib
import importlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.mocks import folders_of, read_used, session_conf, used_text
from tests.support.json_server import JsonServer
from tests.support.mocked_python import MockedPython
from tests.support.notebookutils import importable

MOCKS = """
[tokens]
pbi = "a made-up token"

[vaults."sales-vault"]
"db-password" = "not the real one"

[[http]]
url = "https://api.example.com/rates?base=EUR&day=*"
json = { USD = 1.07 }

[[http]]
url = "https://api.example.com/flaky"
status = 503
headers = { "Retry-After" = "0" }
times = 1

[[http]]
url = "https://api.example.com/flaky"
body = "at last"

[[http]]
method = "POST"
url = "https://api.example.com/orders"
contains = "trip"
status = 201
headers = { Location = "https://api.example.com/orders/7" }
file = "http/order.json"

[[http]]
url = "https://api.example.com/moved"
status = 302
headers = { Location = "https://api.example.com/rates?day=1&base=EUR" }

[[semantic_link]]
function = "evaluate_dax"
arguments = { dataset = "Sales", dax_string = "EVALUATE 'Date'" }
rows = [{ year = 2024, amount = 1.5 }]

[[semantic_link]]
function = "list_measures"
file = "measures.csv"

[[http]]
url = "https://api.fabric.microsoft.com/v1/workspaces"
json = { value = [{ displayName = "Sales" }] }
"""


@pytest.fixture
def python(tmp_path: Path) -> MockedPython:
    made = MockedPython(tmp_path)
    made.write(MOCKS)
    made.write('{"id": 7}', "http/order.json")
    made.write("Measure Name,Table Name\nTotal,Sales\n", "measures.csv")
    return made


def test_secrets_and_tokens_come_from_the_mocks_alone(python: MockedPython, tmp_path: Path) -> None:
    real = tmp_path / "secrets.json"
    real.write_text(json.dumps({"vaults": {"sales-vault": {"other": "real"}}, "tokens": {"storage": "real"}}))
    real.chmod(0o600)
    code = """
    from notebookutils import credentials
    print(credentials.getSecret("https://Sales-Vault.vault.azure.net/", "db-password"))
    print(credentials.getToken("https://api.fabric.microsoft.com"))
    for ask in (lambda: credentials.getSecret("sales-vault", "other"), lambda: credentials.getToken("storage")):
        try:
            ask()
        except RuntimeError as error:
            print(error)
    """
    shown = python.run(code, FABRIC_LIVY_SECRETS=str(real), FABRIC_LIVY_TOKEN_STORAGE="real")
    file = python.mocks / "mocks.toml"
    assert shown.splitlines() == [
        "not the real one",
        "a made-up token",
        "There is no mock for secret sales-vault/other, and with mocks nothing else is asked. "
        f'Add to {file}, below [vaults."sales-vault"]:',
        "",
        '    "other" = "a secret for tests"',
        "",
        f"There is no mock for token storage, and with mocks nothing else is asked. Add to {file}, below [tokens]:",
        "",
        '    "storage" = "a token for tests"',
        "",
    ]


@pytest.mark.parametrize(
    "code",
    [
        'notebookutils.credentials.getSecret("new vault", "a \\"key\\"")',
        'notebookutils.credentials.getToken("storage")',
        'import requests; requests.post("https://x.example/a?b=1&sig=hidden", data="x")',
        'import urllib.request; urllib.request.urlopen("https://x.example/a b?c=[1]".replace(" ", "%20"))',
        'import sempy.fabric; sempy.fabric.evaluate_dax("Sales", "EVALUATE\\n  ROW(\\"x\\", 1)")',
        "import sempy.fabric; sempy.fabric.list_reports()",
    ],
)
def test_the_lines_that_a_missing_one_names_are_what_it_needs(tmp_path: Path, code: str) -> None:
    """Pasted as they stand into the file that is named: then the same call is answered."""
    python = MockedPython(tmp_path)
    python.write("a,b\n1,2\n", "evaluate_dax.csv")
    python.write("a,b\n1,2\n", "list_reports.csv")
    message = python.run(code)
    assert f"Add to {python.mocks / 'mocks.toml'}:\n" in message, message
    assert "hidden" not in message
    lines = [line[4:] for line in message.splitlines() if line.startswith("    ")]
    python.write("\n".join(lines))
    assert python.run(f"{code}\nprint('answered')") == "answered\n"
    assert [use.is_missing for use in python.used()] == [True, False]


HTTP_CALLS = {
    "requests": """
        import requests
        print(requests.get("https://API.example.com:443/rates", params={"day": "2024-01-02", "base": "EUR"}).json())
    """,
    "requests with a session, redirected": """
        import requests
        with requests.Session() as session:
            answer = session.get("https://api.example.com/moved")
            print(answer.json(), len(answer.history))
    """,
    "urllib": """
        import json, urllib.request
        with urllib.request.urlopen("https://api.example.com/rates?base=EUR&day=x") as answer:
            print(json.load(answer), answer.status)
    """,
    "pandas": """
        import pandas
        print(pandas.read_json("https://api.example.com/rates?base=EUR&day=x", typ="series").to_dict())
    """,
    "httpx": """
        import asyncio, httpx
        url = "https://api.example.com/rates?base=EUR&day=x"
        async def ask():
            async with httpx.AsyncClient() as client:
                return (await client.get(url)).json()
        print(httpx.get(url).json() == asyncio.run(ask()), httpx.get(url).json())
    """,
    "through a proxy": """
        import os, requests
        os.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"
        print(requests.get("https://api.example.com/rates?base=EUR&day=x").json())
    """,
}


@pytest.mark.parametrize("code", HTTP_CALLS.values(), ids=HTTP_CALLS)
def test_each_library_meets_the_recorded_answer(python: MockedPython, code: str) -> None:
    assert "{'USD': 1.07}" in python.run(code)
    assert any(use.what == "HTTP" and "api.example.com/rates" in use.name for use in python.used())


def test_what_is_posted_chooses_the_answer_and_a_status_is_an_error(python: MockedPython) -> None:
    code = """
    import requests
    answer = requests.post("https://api.example.com/orders", json={"what": "trip"})
    print(answer.status_code, answer.reason, answer.json(), answer.headers["Location"], answer.headers["Content-Type"])
    print(requests.post("https://api.example.com/orders", data=iter([b"a ", b"trip"])).json())
    import urllib.request, urllib.error
    try:
        urllib.request.urlopen("https://api.example.com/flaky")
    except urllib.error.HTTPError as error:
        print(error.code)
    print(urllib.request.urlopen("https://api.example.com/flaky").read())
    requests.post("https://api.example.com/orders", json={"what": "other"})
    """
    shown = python.run(f"try:\n{code}\nexcept RuntimeError as error:\n    print(error)")
    assert shown.splitlines()[:4] == [
        "201 Created {'id': 7} https://api.example.com/orders/7 application/json",
        "{'id': 7}",
        "503",
        "b'at last'",
    ]
    assert "There is no mock for HTTP POST https://api.example.com/orders" in shown


def test_a_library_s_own_retries_go_on(python: MockedPython) -> None:
    code = """
    import requests
    from requests.adapters import HTTPAdapter, Retry
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503])))
    print(session.get("https://api.example.com/flaky").text)
    """
    assert python.run(code) == "at last\n"


def test_a_notebook_that_catches_every_exception_of_requests_does_not_go_on(python: MockedPython) -> None:
    code = """
    import requests
    try:
        requests.get("https://unknown.example/")
    except requests.RequestException:
        print("went on")
    """
    assert python.run(code).startswith("There is no mock for HTTP GET https://unknown.example/,")
    assert [use.is_missing for use in python.used()] == [True]


def test_key_vault_answers_by_rest_from_the_same_table(python: MockedPython) -> None:
    code = """
    import requests
    print(requests.get("https://sales-vault.vault.azure.net/secrets/db-password/?api-version=7.4").json()["value"])
    """
    assert python.run(code) == "not the real one\n"
    assert python.names_used() == ["secret sales-vault/db-password"]


class Rates(JsonServer):
    def answer(self, path: str) -> tuple[int, Any]:
        return 200, {"rate": 1.07}


# A name that the system takes for this machine, and the mocks for another one.
NAMED = """
import socket
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: real("127.0.0.1" if host == "rates.example" else host, *more, **named)
import requests
"""


def test_this_machine_is_reached_and_a_host_that_is_let_through(python: MockedPython) -> None:
    with contextlib.closing(Rates()) as server:
        named = server.url.replace("127.0.0.1", "rates.example")
        assert python.run(f"{NAMED}\nprint(requests.get({server.url!r}).json())") == "{'rate': 1.07}\n"
        assert python.run(f"{NAMED}\nrequests.get({named!r})").startswith(
            "There is no mock for HTTP GET http://rates.example"
        )
        python.write(f'let_through = ["*.example"]\n{MOCKS}')
        assert python.run(f"{NAMED}\nprint(requests.get({named!r}).json())") == "{'rate': 1.07}\n"
        assert len(server.seen) == 2


def test_semantic_link_answers_by_its_arguments(python: MockedPython) -> None:
    code = """
    import sempy.fabric as fabric
    print(fabric.evaluate_dax("Sales", "EVALUATE   'Date'\\n").to_dict("records"))
    print(fabric.list_measures(dataset="Sales").columns.tolist())
    print(fabric.list_workspaces()["Name"].tolist(), fabric.resolve_workspace_name())
    print(fabric.FabricRestClient().get("/v1/workspaces").json()["value"][0]["displayName"])
    """
    assert python.run(code).splitlines() == [
        "[{'year': 2024, 'amount': 1.5}]",
        "['Measure Name', 'Table Name']",
        "['Sales', 'Other'] Sales",
        "Sales",
    ]


def test_an_unmocked_call_is_recorded_without_what_signs_in(tmp_path: Path) -> None:
    python = MockedPython(tmp_path)
    with contextlib.closing(Rates()) as server:
        port = server.url.rpartition(":")[2]
        ask = f'requests.get("http://rates.example:{port}/day?token=hidden&d=1", headers={{"Authorization": "Bearer hidden"}})'
        assert python.run(f"{NAMED}\nfor _ in range(2): print({ask}.json())", record=True) == "{'rate': 1.07}\n" * 2
        assert len(server.seen) == 1
    written = (python.mocks / "mocks.toml").read_text()
    (entry,) = tomllib.loads(written)["http"]
    assert entry["url"] == f"http://rates.example:{port}/day?token=*&d=1"
    assert (python.mocks / entry["file"]).read_bytes() == b'{"rate": 1.07}'
    assert not any("hidden" in path.read_text() for path in python.mocks.rglob("*") if path.is_file())
    assert [use.what for use in python.used()] == ["recorded HTTP", "HTTP"]


# ------------------------------------------------------------------------------------------------ files and rules
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[secrets]\na = 'b'", "'secrets' means nothing. It may have: tokens, vaults, http"),
        ("[[http]]\nurl = 'https://a'\nstate = 200", "[[http]] number 1: 'state' means nothing"),
        ("[[warehouse]]\nname = 'a'", "[[warehouse]] number 1 needs table, a text"),
        ("[http]\nurl = 'https://a'", "http is a list of tables, each [[http]]"),
        ("tokens = 'a'", "tokens is a table, [tokens]"),
        ("[[http]\n", "The mocks cannot be read"),
        ("[[http]]\nurl = 'https://a.example/'\nfile = '../private'", "leads out of the folder"),
        ("[[http]]\nurl = 'https://a.example/'\nfile = 'nothing.json'", "there is no file"),
    ],
)
def test_a_mistake_in_the_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    python = MockedPython(tmp_path)
    python.write(text)
    shown = python.run("import requests; requests.get('https://a.example/')")
    assert says in shown
    assert str(python.mocks / "mocks.toml") in shown


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[Any, Any]]:
    with importable():
        yield importlib.import_module("notebookutils._mocks"), importlib.import_module("notebookutils._mock_http")


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        ("https://a.example/x", "https://A.example:443/x?y=1", True),
        ("https://a.example", "https://a.example/", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "https://a.example/x/y", False),
        ("https://a.example/x*", "https://a.example/x/y", True),
        ("https://a.example/x?a=1&b=2", "https://a.example/x?b=2&a=1", True),
        ("https://a.example/x?a=1", "https://a.example/x?a=1&b=2", False),
        ("https://a.example/x?a=1&a=1", "https://a.example/x?a=1", False),
        ("https://a.example/x[1]", "https://a.example/x[1]", True),
        ("https://a.example/a%20b", "https://a.example/a b", True),
        ("https://user:word@a.example/", "https://a.example/", True),
    ],
)
def test_which_urls_a_mock_fits(modules: Any, pattern: str, url: str, fits: bool) -> None:
    assert modules[1].url_fits(pattern, url) is fits


@given(text=st.text())
def test_a_quoted_text_is_the_same_in_toml(modules: Any, text: str) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    assert tomllib.loads(f"a = {modules[0].quoted(clean)}")["a"] == clean


@given(query=st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_the_url_that_a_message_shows_fits_its_own_call(modules: Any, query: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    pairs = [tuple(one.encode("utf-8", "ignore").decode() for one in pair) for pair in query]
    url = f"https://a.example/x?{urlencode([pair for pair in pairs if pair[0]])}"
    assert modules[1].url_fits(modules[1].shown_url(url), url)


def test_the_folder_of_the_setting_is_found_from_the_notebook_upwards(tmp_path: Path) -> None:
    mocks, below = tmp_path / "tests" / "mocks", tmp_path / "notebooks" / "load"
    mocks.mkdir(parents=True)
    below.mkdir(parents=True)
    assert folders_of("tests/mocks", below) == [mocks]
    assert session_conf("tests/mocks", below, {}) == {"spark.fabric_livy.mocks": str(mocks)}
    assert session_conf("", below, {}) == {}
    with pytest.raises(SettingsError, match="there is none called nowhere"):
        folders_of("nowhere", below)


def test_the_report_of_a_run_counts_uses_and_names_what_was_missing(tmp_path: Path) -> None:
    file = tmp_path / "used.jsonl"
    assert used_text(read_used(file)) == "No mock was used."
    use = {"mock": "secret", "name": "v/s", "file": "/m/mocks.toml"}
    missing = {"mock": "HTTP", "name": "GET https://a", "file": "/m/mocks.toml", "missing": True}
    file.write_text("".join(json.dumps(one) + "\n" for one in (use, use, missing)))
    assert used_text(read_used(file)) == (
        "Mocks used:\n  secret v/s (2 times)\nWithout a mock:\n  HTTP GET https://a: add it to /m/mocks.toml"
    )
