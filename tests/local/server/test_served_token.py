"""The credential that programs with azure.core take: the token of this user's server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken, TokenCredential

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.server.discovery import published_token
from fabric_livy_magic.local.server.served_token import ServedToken


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_it_gives_the_token_of_the_running_server_and_shows_it_nowhere() -> None:
    credential = ServedToken("https://127.0.0.1:4567")
    assert isinstance(credential, TokenCredential)
    with published_token(4567, "secret"):
        given = credential.get_token("https://analysis.windows.net/powerbi/api/.default")
    assert isinstance(given, AccessToken)
    assert given.token == "secret"
    assert 600 < given.expires_on - time.time() <= 3600
    assert repr(credential) == "ServedToken('https://127.0.0.1:4567')"


@pytest.mark.parametrize("server", ["https://127.0.0.1:4568", "https://api.fabric.microsoft.com"])
def test_where_this_user_runs_no_server_it_says_what_to_start(server: str) -> None:
    with published_token(4567, "secret"), pytest.raises(LocalFabricError, match=r"fabric-livy serve --tls --port PORT"):
        ServedToken(server).get_token("scope")
