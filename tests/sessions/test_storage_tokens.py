"""Where the files of a target are, and which token goes there."""

from __future__ import annotations

import pytest

from fabric_livy_magic.errors import FabricLivyError, SignInError
from fabric_livy_magic.fabric.targets import livy_url
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, AccessToken
from tests.support.fakes import LAKEHOUSE, WORKSPACE, FakeFabric


class KnownTokens:
    """A credential whose tokens say what they are for."""

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        return AccessToken(f"for-{audience}")


@pytest.mark.parametrize(
    ("api_url", "files_url"),
    [
        ("https://api.fabric.microsoft.com/v1", "https://onelake.dfs.fabric.microsoft.com"),
        ("https://msitapi.fabric.microsoft.com/v1", "https://onelake.dfs.fabric.microsoft.com"),
        ("https://api.fabric.microsoft.us/v1", "https://onelake.dfs.fabric.microsoft.us"),
        ("http://localhost:8998/v1", "http://localhost:8998/onelake"),
    ],
)
def test_the_files_of_a_target_are_in_its_cloud(api_url: str, files_url: str) -> None:
    account = Account({"target": livy_url(api_url, WORKSPACE, LAKEHOUSE)}, KnownTokens())
    assert repr(account.onelake()) == f"OneLake('{files_url}/{WORKSPACE}/{LAKEHOUSE}')"


def test_files_get_the_token_for_storage(fabric: FakeFabric) -> None:
    account = Account({"target": fabric.url}, KnownTokens())
    with pytest.raises(FabricLivyError):
        account.onelake().list("Files")  # it has no OneLake, and takes no such token
    assert {one.headers["authorization"] for one in fabric.requests} == {f"Bearer for-{STORAGE}"}


def test_a_token_that_was_given_for_fabric_opens_no_files_and_says_what_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", "a-secret-for-fabric")
    account = Account({"target": livy_url("https://api.fabric.microsoft.com/v1", WORKSPACE, LAKEHOUSE)})
    with pytest.raises(SignInError, match=r"not for OneLake.*user_impersonation of Azure Storage") as refused:
        account.onelake().list("Files")
    assert "a-secret" not in str(refused.value)


def test_a_token_goes_to_no_other_host() -> None:
    account = Account({"target": livy_url("https://fabric.example/v1", WORKSPACE, LAKEHOUSE)}, KnownTokens())
    with pytest.raises(SignInError, match=r"not sent to https://fabric\.example"):
        account.onelake().list("Files")
