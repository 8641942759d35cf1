"""`fabric-livy serve --tls`: a real server, asked as other programs ask, and by our own client."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.storage.filedatalake import DataLakeServiceClient

from fabric_livy_magic.local.server.served_token import ServedToken
from fabric_livy_magic.sessions.connections import Connections
from fabric_livy_magic.settings import Settings, read_target
from tests.support import service

pytestmark = pytest.mark.spark  # tornado is in the `local` extra; no session is started


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a state é")


@pytest.fixture(scope="module")
def api(state: Path) -> Iterator[service.Api]:
    with service.serving(state / "house", ("--tls",), {"XDG_STATE_HOME": str(state)}) as running:
        yield running


def url(api: service.Api, host: str = "127.0.0.1") -> str:
    return str(api.ready["api_url"]).replace("127.0.0.1", host) + "/workspaces"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("file", ["certificate", "ca_bundle"])
def test_who_trusts_the_printed_file_gets_answers_by_either_name(api: service.Api, host: str, file: str) -> None:
    assert url(api).startswith("https://")
    answer = api.http.get(url(api, host), verify=api.ready[file], timeout=10)
    assert [one["displayName"] for one in answer.json()["value"]] == ["local"]


def test_a_user_sets_it_by_the_environment(api: service.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", api.ready["ca_bundle"])
    answer = requests.get(url(api), headers={"Authorization": f"Bearer {api.ready['token']}"}, timeout=10)
    assert answer.status_code == 200


def test_who_does_not_trust_it_sends_no_token(api: service.Api) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        api.http.get(url(api), timeout=10)


def test_it_wants_its_token_all_the_same(api: service.Api) -> None:
    assert requests.get(url(api), verify=api.ready["certificate"], timeout=10).status_code == 401


def test_it_answers_nobody_in_clear_text(api: service.Api) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        api.http.get(url(api).replace("https:", "http:"), timeout=10)


def test_our_client_finds_token_and_certificate(api: service.Api, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    client = Connections().client(read_target(api.base), Settings())
    assert client.http.verify == api.ready["ca_bundle"]
    assert client.list_sessions() == []


def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fabric_livy_magic.local", "--tls", "--lakehouse", str(tmp_path / "house")]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "it's state"), "PYTHONPATH": str(service.ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    assert process.stdout is not None
    lines = []
    while not (lines and lines[-1].startswith("Ctrl-C")):
        lines.append(process.stdout.readline())
        assert lines[-1], "the server ended"
    export = next(line for line in lines if line.startswith("export "))
    shown = subprocess.run(["sh", "-c", f'{export}test -s "$REQUESTS_CA_BUNDLE"'], check=False)
    process.terminate()
    process.wait(30)
    process.stdout.close()
    assert shown.returncode == 0, export
    assert any(line.startswith("%livy use https://127.0.0.1:") for line in lines)


def test_microsofts_client_of_onelake_takes_its_token_over_https(
    api: service.Api, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", api.ready["ca_bundle"])
    server = str(api.ready["api_url"]).removesuffix("/v1")
    with DataLakeServiceClient(f"{server}/onelake", credential=ServedToken(server)) as onelake:
        file = onelake.get_file_system_client("local").get_file_client("house/Files/a.txt")
        file.upload_data(b"by https", overwrite=True)
        assert file.download_file().readall() == b"by https"
    assert (state / "house" / "Files" / "a.txt").read_bytes() == b"by https"
