"""A token goes to whom it is meant for and nowhere else, and is never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.auth import (
    RENEW_BEFORE_S,
    AccessToken,
    AzureCli,
    BearerAuth,
    GivenToken,
    check_host,
    credential_for,
)
from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.settings import read_target

SECRET = "eyJ0eXAi.SECRET.xyz"
FABRIC = "https://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"


class Counting:
    """A credential whose tokens are numbered and last `lasts_s`."""

    def __init__(self, lasts_s: float | None = None) -> None:
        self.asked, self.lasts_s = 0, lasts_s

    def token(self) -> AccessToken:
        import time

        self.asked += 1
        return AccessToken(f"t{self.asked}", None if self.lasts_s is None else time.time() + self.lasts_s)


def header_of(auth: BearerAuth, url: str = FABRIC) -> str:
    return auth(requests.Request("GET", url).prepare()).headers["Authorization"]


@pytest.mark.parametrize(
    "url",
    [
        FABRIC,
        "https://API.Fabric.Microsoft.com:443/x",
        "https://fabric.microsoft.com/",
        "https://x.pbidedicated.windows.net/",
        "https://wabi.analysis.windows.net/",
        "https://onelake.microsoftfabric.com/",
        "https://api.fabric.microsoft.us/",
        "https://api.fabric.microsoft.cn/",
        "http://127.0.0.1:8998/",
        "http://localhost/",
        "http://[::1]:1/",
    ],
)
def test_a_token_goes_to_fabric_and_to_this_machine(url: str) -> None:
    check_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.fabric.microsoft.com/",
        "https://api.fabric.microsoft.com.evil.example/",
        "https://evilfabric.microsoft.com.example/",
        "https://evil-fabric.microsoft.com/",
        "https://microsoft.com/",
        "https://api.fabric.microsoft.com@evil.example/",
        "https://evil.example/?x=.fabric.microsoft.com",
        "https://evil.example#.fabric.microsoft.com",
        "https://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
        "ftp://api.fabric.microsoft.com/",
        "",
    ],
)
def test_a_token_goes_nowhere_else(url: str) -> None:
    with pytest.raises(SignInError, match="A Fabric token is not sent to"):
        check_host(url)


def test_a_token_is_asked_for_once_and_kept() -> None:
    credential = Counting()
    auth = BearerAuth(credential)
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t1"]
    assert credential.asked == 1


def test_a_token_near_its_end_is_renewed_before_it_ends() -> None:
    auth = BearerAuth(Counting(lasts_s=RENEW_BEFORE_S - 10))
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t2"]


def test_a_token_with_time_left_is_kept() -> None:
    auth = BearerAuth(Counting(lasts_s=RENEW_BEFORE_S + 100))
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t1"]


def test_a_renewal_asks_for_a_new_token() -> None:
    auth = BearerAuth(Counting())
    header_of(auth)
    assert auth.renew()
    assert header_of(auth) == "Bearer t2"


def test_a_given_token_cannot_be_renewed() -> None:
    assert not BearerAuth(GivenToken(SECRET)).renew()


def test_no_repr_shows_a_token() -> None:
    given_token = GivenToken(SECRET)
    shown = [given_token, given_token.token(), BearerAuth(given_token), AccessToken(SECRET, 1.0), AzureCli()]
    assert all(SECRET not in f"{one!r} {one!s}" for one in shown)


@pytest.mark.parametrize("secret", [f"{SECRET}\nmore", f"{SECRET} more", f"{SECRET}…", f"\x00{SECRET}", "", "  "])
def test_a_token_that_can_be_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(SignInError) as caught:
        header_of(BearerAuth(GivenToken(secret)))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", [f" {SECRET}\n", f"Bearer {SECRET}"])
def test_what_comes_along_when_a_token_is_copied_does_not_matter(secret: str) -> None:
    assert header_of(BearerAuth(GivenToken(secret))) == f"Bearer {SECRET}"


@given(st.text())
def test_any_given_token_is_sent_as_one_header_or_refused(secret: str) -> None:
    try:
        header = header_of(BearerAuth(GivenToken(secret)))
    except SignInError:
        return
    assert header.isascii()
    assert header.count(" ") == 1


# ------------------------------------------------------------------------------------------------ which credential
def test_the_token_of_the_environment_is_taken_for_fabric() -> None:
    credential = credential_for(read_target(FABRIC), {"FABRIC_LIVY_TOKEN": SECRET})
    assert credential is not None
    assert credential.token().secret == SECRET


def test_without_a_token_the_azure_cli_is_asked() -> None:
    assert isinstance(credential_for(read_target(FABRIC), {}), AzureCli)


def test_a_plain_livy_server_gets_no_token() -> None:
    assert credential_for(read_target("http://livy:8998"), {"FABRIC_LIVY_TOKEN": SECRET}) is None


# ------------------------------------------------------------------------------------------------ az
@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `az` that runs the script which a test writes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "az"


def write(az: Path, script: str) -> None:
    az.write_text(f"#!/bin/sh\n{script}\n")
    az.chmod(az.stat().st_mode | stat.S_IEXEC)


def test_the_azure_cli_gives_a_token_with_its_end(az: Path) -> None:
    write(az, f"""echo "$@" > "$0.args"; echo '{{"accessToken": "{SECRET}", "expires_on": 1800000000}}'""")
    assert AzureCli().token() == AccessToken(SECRET, 1800000000.0)
    args = (az.parent / "az.args").read_text()
    assert args.strip() == "account get-access-token --resource https://api.fabric.microsoft.com --output json"


def test_an_old_azure_cli_without_the_end_is_good_enough(az: Path) -> None:
    write(az, f"""echo '{{"accessToken": "{SECRET}", "expiresOn": "2027-01-01 00:00:00.000000"}}'""")
    assert AzureCli().token() == AccessToken(SECRET, None)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'ERROR: Please run az login' >&2; exit 1", "has no sign-in: ERROR: Please run az login"),
        ("exit 1", "no reason given"),
        ("echo nonsense", "could not be read"),
        ("echo '[]'", "could not be read"),
        ("echo '{}'", "could not be read"),
    ],
)
def test_an_azure_cli_that_fails_says_what_to_do(az: Path, script: str, says: str) -> None:
    write(az, script)
    with pytest.raises(SignInError, match="az login") as caught:
        AzureCli().token()
    assert says in str(caught.value)


def test_without_an_azure_cli_the_other_way_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SignInError, match="FABRIC_LIVY_TOKEN"):
        AzureCli().token()
