"""A server that takes the tokens of an authority."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local.server.authority_tokens.conftest import KeyServer
from tests.support import service

# ------------------------------------------------------------------------------------------------ by the server
WORKSPACES = """
service_principals = {allowed}
[[workspaces]]
name = "a"
[[workspaces.lakehouses]]
name = "b"
schemas = true
"""


class Server:
    def __init__(self, folder: Path, keys: KeyServer, allowed: str, *options: str) -> None:
        (folder / "w.toml").write_text(WORKSPACES.format(allowed=allowed))
        command = service.command(None, "--workspaces", str(folder / "w.toml"), "--authority", keys.url, *options)
        self.process = subprocess.Popen(
            command, cwd=service.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.base = self.ready["livy_endpoint"]
        self.http = requests.Session()
        self.http.trust_env = False

    def call(self, token: str, method: str = "GET", url: str = "/sessions", **options: Any) -> requests.Response:
        url = url if url.startswith("http") else self.base + url
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.request(method, url, headers=headers, timeout=30, **options)

    def close(self) -> str:
        """What it wrote to its standard error."""
        self.http.close()
        self.process.terminate()
        _, stderr = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared_key_server: KeyServer) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), shared_key_server, "true", "--clock-skew", "0")
    yield running
    assert running.close() == ""


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errorCode"]


@pytest.mark.spark
def test_the_server_takes_a_token_of_the_authority_and_announces_none_of_its_own(
    server: Server, shared_key_server: KeyServer
) -> None:
    assert server.ready["token"] is None
    assert server.call(shared_key_server.token()).status_code == 200


@pytest.mark.spark
@pytest.mark.parametrize("token", ["", "None", "x", "a.b.c"])
def test_the_server_refuses_what_is_no_token(server: Server, token: str) -> None:
    answer = server.call(token)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.status_code == 401


@pytest.mark.spark
def test_the_server_distinguishes_an_expired_token_from_a_wrong_one(
    server: Server, shared_key_server: KeyServer
) -> None:
    assert code_of(server.call(shared_key_server.token(exp=int(time.time()) - 1))) == (401, "TokenExpired")
    assert code_of(server.call(shared_key_server.token(aud="https://x"))) == (401, "InvalidToken")


@pytest.mark.spark
def test_a_session_needs_the_scope_to_execute(server: Server, shared_key_server: KeyServer) -> None:
    token = shared_key_server.token(scp="Lakehouse.Read.All Code.AccessFabric.All")
    assert server.call(token).status_code == 200
    answer = server.call(token, "POST", json={})
    assert code_of(answer) == (403, "InsufficientScopes")
    assert "Lakehouse.Execute.All" in answer.json()["message"]


@pytest.mark.spark
def test_look_ups_need_their_own_scopes(server: Server, shared_key_server: KeyServer) -> None:
    workspaces = server.ready["api_url"] + "/workspaces"
    assert code_of(server.call(shared_key_server.token(scp="Lakehouse.Execute.All"), url=workspaces)) == (
        403, "InsufficientScopes",
    )  # fmt: skip
    assert server.call(shared_key_server.token(scp="Workspace.Read.All"), url=workspaces).status_code == 200


@pytest.mark.spark
def test_onelake_wants_a_token_for_storage(server: Server, shared_key_server: KeyServer) -> None:
    parts = server.base.split("/")
    url = "/".join([*parts[:3], "delta", parts[5], parts[7], "api/2.1/unity-catalog/schemas?catalog_name=x"])
    assert code_of(server.call(shared_key_server.token(), url=url)) == (401, "InvalidToken")
    answer = server.call(shared_key_server.token(aud="https://storage.azure.com"), url=url)
    assert [one["name"] for one in answer.json()["schemas"]] == ["dbo"]
    files = "/".join([*parts[:3], "onelake", parts[5], parts[7], "Files"])
    answer = server.call(shared_key_server.token(), url=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidToken")
    answer = server.call(shared_key_server.token(aud="https://storage.azure.com"), url=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PathConflict")  # let in: it is a folder


@pytest.mark.spark
def test_many_requests_with_bad_tokens_at_once_leave_the_server_answering(
    server: Server, shared_key_server: KeyServer
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(lambda n: server.call(f"bad.{n}.token").status_code, range(64)))
    assert statuses == {401}
    assert server.call(shared_key_server.token()).status_code == 200


@pytest.mark.spark
def test_an_application_is_refused_where_the_tenant_forbids_it(tmp_path: Path, shared_key_server: KeyServer) -> None:
    running = Server(tmp_path, shared_key_server, "false")
    try:
        answer = running.call(shared_key_server.token(scp=None, appid="app-1"))
        assert code_of(answer) == (403, "ServicePrincipalsNotAllowed")
        assert "tenant setting" in answer.json()["message"]
        assert running.call(shared_key_server.token()).status_code == 200
    finally:
        running.close()
