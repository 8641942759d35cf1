"""A token goes to whom it is meant for and nowhere else, and is never shown."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FabricLivyError, SettingsError, SignInError
from fabric_livy_magic.settings import resolve
from fabric_livy_magic.signin.external_credentials import (
    AzureCli,
    FabricNotebook,
    StaticToken,
    TokenCredential,
    is_inside_fabric,
    program,
)
from fabric_livy_magic.signin.identity import identity_of
from fabric_livy_magic.signin.methods import credential_for
from fabric_livy_magic.signin.request_auth import RENEW_BEFORE_S, BasicAuth, BearerAuth, check_host
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.notebookutils import forget_notebookutils
from tests.support.timing import eventually

SECRET = "eyJ0eXAi.SECRET.xyz"
FABRIC = "https://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"


class Counting:
    """A credential whose tokens are numbered and last `lasts_s`."""

    def __init__(self, lasts_s: float | None = None) -> None:
        self.requests, self.lasts_s = 0, lasts_s

    def token(self, audience: str = "fabric", *, renew: bool = False) -> AccessToken:
        import time

        self.requests += 1
        return AccessToken(f"t{self.requests}", None if self.lasts_s is None else time.time() + self.lasts_s)


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


def test_a_token_is_requested_once_and_kept() -> None:
    credential = Counting()
    auth = BearerAuth(credential)
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t1"]
    assert credential.requests == 1


def test_a_token_near_its_end_is_renewed_before_it_ends() -> None:
    auth = BearerAuth(Counting(lasts_s=RENEW_BEFORE_S - 10))
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t2"]


def test_a_token_with_time_left_is_kept() -> None:
    auth = BearerAuth(Counting(lasts_s=RENEW_BEFORE_S + 100))
    assert [header_of(auth), header_of(auth)] == ["Bearer t1", "Bearer t1"]


def test_a_renewal_requests_a_new_token() -> None:
    auth = BearerAuth(Counting())
    header_of(auth)
    assert auth.renew()
    assert header_of(auth) == "Bearer t2"


def test_a_static_token_cannot_be_renewed() -> None:
    assert not BearerAuth(StaticToken(SECRET)).renew()


def test_no_repr_shows_a_token() -> None:
    given_token = StaticToken(SECRET)
    shown = [given_token, given_token.token(), BearerAuth(given_token), AccessToken(SECRET, 1.0), AzureCli()]
    assert all(SECRET not in f"{one!r} {one!s}" for one in shown)


@pytest.mark.parametrize("secret", [f"{SECRET}\nmore", f"{SECRET} more", f"{SECRET}…", f"\x00{SECRET}", "", "  "])
def test_an_invalid_token_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(SignInError) as caught:
        header_of(BearerAuth(StaticToken(secret)))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", [f" {SECRET}\n", f"Bearer {SECRET}"])
def test_what_comes_along_when_a_token_is_copied_does_not_matter(secret: str) -> None:
    assert header_of(BearerAuth(StaticToken(secret))) == f"Bearer {SECRET}"


@given(st.text())
def test_any_static_token_is_sent_as_one_header_or_refused(secret: str) -> None:
    try:
        header = header_of(BearerAuth(StaticToken(secret)))
    except SignInError:
        return
    assert header.isascii()
    assert header.count(" ") == 1


# ------------------------------------------------------------------------------------------------ which credential
MEMORY = {"sign_in_cache": "memory"}


def chosen(environ: dict[str, str], **settings: object) -> object:
    return credential_for(resolve({**MEMORY, **settings}, environ=environ), environ)


def test_a_static_token_goes_before_every_other_method() -> None:
    environ = {"FABRIC_LIVY_TOKEN": SECRET, "AZURE_CLIENT_ID": "i", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": "s"}
    credential = chosen(environ)
    assert isinstance(credential, StaticToken)
    assert credential.token().secret == SECRET


def test_an_application_of_the_environment_comes_before_az(az: Path) -> None:
    write(az, "exit 1")
    environ = {"AZURE_CLIENT_ID": "i", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": "s"}
    assert type(chosen(environ)).__name__ == "ServicePrincipal"


def test_az_is_taken_where_nothing_else_is(az: Path) -> None:
    write(az, "exit 1")
    assert isinstance(chosen({"PATH": os.environ["PATH"]}), AzureCli)


def test_without_any_sign_in_the_message_names_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SignInError, match="Run `%livy login`"):
        chosen({})


def test_an_unknown_method_is_refused_with_the_near_one() -> None:
    with pytest.raises(SettingsError, match="Did you mean 'browser'"):
        chosen({}, method="browsre")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("secret", "needs tenant"),
        ("certificate", "needs tenant"),
        ("token", "There is no token"),
        ("browser", "nobody is there"),
    ],
)
def test_missing_settings_of_a_method_are_reported(method: str, message: str) -> None:
    with pytest.raises(FabricLivyError, match=message):
        chosen({}, method=method)


class Foreign:
    def get_token(self, *scopes: str) -> object:
        assert scopes == ("https://api.fabric.microsoft.com/.default",)
        return types.SimpleNamespace(token=SECRET, expires_on=1800000000)


def test_a_token_credential_is_taken_by_its_dotted_path() -> None:
    credential = chosen({}, method=f"{Foreign.__module__}:Foreign")
    assert credential.token() == AccessToken(SECRET, 1800000000.0)  # type: ignore[attr-defined]
    assert SECRET not in repr(credential)


def test_a_credential_of_the_working_folder_counts_only_where_a_cell_or_call_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credential_here.py").write_text("class Mine:\n    get_token = None\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    with pytest.raises(SettingsError, match="No module named 'credential_here'"):
        credential_for(resolve(environ={"FABRIC_LIVY_METHOD": "credential_here:Mine"}), {})
    assert "credential_here" not in sys.modules
    assert chosen({}, method="credential_here:Mine")
    monkeypatch.delitem(sys.modules, "credential_here")


def test_an_invalid_path_of_a_credential_is_reported() -> None:
    with pytest.raises(SettingsError, match="no importable TokenCredential"):
        chosen({}, method="no.such.module")


def test_who_is_signed_in_is_read_from_the_token() -> None:
    payload = {
        "upn": "ada@contoso.com",
        "tid": "t-1",
        "scp": "a b",
        "exp": 1800000000,
        "aud": "https://api.fabric.microsoft.com",
    }
    part = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    who = identity_of(StaticToken(f"e30.{part}.c2ln").token())
    assert (who.who, who.tenant, who.scopes, who.expires_at) == ("ada@contoso.com", "t-1", ("a", "b"), 1800000000.0)


def test_a_password_goes_over_https_or_to_this_machine_only() -> None:
    basic = BasicAuth("ada", "geheim")
    assert "geheim" not in repr(basic)
    for url in ("https://livy.example/sessions", "http://127.0.0.1:8998/sessions"):
        assert basic(requests.Request("GET", url).prepare()).headers["Authorization"].startswith("Basic ")
    with pytest.raises(SignInError, match="clear text"):
        basic(requests.Request("GET", "http://livy.example/sessions").prepare())


# ------------------------------------------------------------------------------------------------ this machine
def jwt(**claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


ENTRA_TOKENS = [
    jwt(iss="https://sts.windows.net/t/", aud="whatever"),
    jwt(iss="https://login.microsoftonline.us/t/v2.0"),
    jwt(aud="https://analysis.windows.net/powerbi/api"),
    jwt(aud="https://api.fabric.microsoft.cn/"),
    jwt(aud="https://storage.azure.com"),
]


@pytest.mark.parametrize("secret", ENTRA_TOKENS)
def test_a_token_of_microsoft_goes_to_no_port_of_this_machine_but_the_one_that_was_named(secret: str) -> None:
    for url in ("http://127.0.0.1:8998/", "http://localhost:8998/x", "https://[::1]/"):
        with pytest.raises(SignInError, match="another program could listen there"):
            header_of(BearerAuth(StaticToken(secret)), url)
    for elsewhere in ("127.0.0.1", "127.0.0.1:1", "localhost:8998"):
        with pytest.raises(SignInError):
            header_of(BearerAuth(StaticToken(secret), allow_host=elsewhere), "http://127.0.0.1:8998/")
    for url, named in (("http://127.0.0.1:8998/", "127.0.0.1:8998"), ("http://[::1]:8998/", "[::1]:8998")):
        assert header_of(BearerAuth(StaticToken(secret), allow_host=named), url) == f"Bearer {secret}"


class OfEntra(Counting):
    is_entra = True


def test_a_token_that_cannot_be_read_is_microsofts_if_its_sign_in_is() -> None:
    with pytest.raises(SignInError, match="is not sent to 127"):
        header_of(BearerAuth(OfEntra()), "http://127.0.0.1:8998/")
    assert header_of(BearerAuth(Counting()), "http://127.0.0.1:8998/") == "Bearer t1"


def test_a_token_that_was_sent_can_be_used_again_without_asking_for_another() -> None:
    credential = OfEntra(lasts_s=3600)
    auth = BearerAuth(credential)
    assert auth.as_it_is() is None
    header_of(auth)
    again = auth.as_it_is()
    assert again is not None
    assert header_of(again) == "Bearer t1"
    assert not again.renew()
    with pytest.raises(SignInError):
        header_of(again, "http://127.0.0.1:8998/")
    assert credential.requests == 1


def test_a_token_whose_end_is_near_is_not_used_again() -> None:
    auth = BearerAuth(Counting(lasts_s=RENEW_BEFORE_S - 10))
    header_of(auth)
    assert auth.as_it_is() is None


# ------------------------------------------------------------------------------------------------ inside Fabric
@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `notebookutils` that can be imported, gives None as a token and leaves a mark where it ran."""
    mark = tmp_path / "it-ran"
    (tmp_path / "notebookutils.py").write_text(
        f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass credentials:\n    getToken = staticmethod(lambda audience: None)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_notebookutils()
    yield mark
    forget_notebookutils()


def test_a_module_notebookutils_does_not_make_a_machine_fabric(dummy: Path, az: Path) -> None:
    write(az, "exit 1")
    assert isinstance(chosen({"PATH": os.environ["PATH"]}), AzureCli)
    with pytest.raises(SignInError, match="not a notebook inside Fabric"):
        FabricNotebook().token()
    assert not dummy.exists()


def test_inside_fabric_what_is_no_token_is_refused(
    dummy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSNOTEBOOKUTILS_RUNTIME_TYPE", "jupyter")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".trident-context").touch()
    with pytest.raises(SignInError, match="no token"):
        FabricNotebook().token()


def test_the_runtimes_of_fabric_are_told_by_what_the_service_puts_there(tmp_path: Path) -> None:
    nothing, context = tmp_path / "no" / ".trident-context", tmp_path / ".trident-context"
    python = {"MSNOTEBOOKUTILS_RUNTIME_TYPE": "Jupyter"}
    assert not is_inside_fabric({}, nothing, tmp_path)
    assert not is_inside_fabric(python, nothing, tmp_path)
    context.touch()
    assert is_inside_fabric({}, context, tmp_path / "elsewhere")
    assert is_inside_fabric(python, tmp_path / "no" / ".trident-context", tmp_path)
    assert not is_inside_fabric({}, nothing, tmp_path)


# ------------------------------------------------------------------------------------------------ az
def test_a_program_is_found_on_the_path_and_not_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here", "bin"):
        (tmp_path / folder).mkdir()
        for name in ("az", "az.cmd"):
            write(tmp_path / folder / name, "exit 0")
    monkeypatch.chdir(tmp_path / "here")
    found = tmp_path / "bin"
    assert program("az", f".::bin:{found}", is_windows=False) == found / "az"
    assert program("az", f".;;bin;{found}", is_windows=True, endings=".EXE;.CMD") == found / "az.cmd"
    assert program("az", ".:", is_windows=False) is None
    assert program("az", "", is_windows=True, endings=".CMD") is None


def test_az_does_not_run_in_the_folder_of_a_repository(
    az: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is Python, started with `-m`: it would import the repository's `azure`."""
    write(az, 'pwd > "$0.folder"; echo "$PYTHONSAFEPATH" >> "$0.folder"; exit 1')
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    with pytest.raises(SignInError):
        AzureCli().token()
    assert (az.parent / "az.folder").read_text().split() == [str(az.parent.resolve()), "1"]


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


def test_an_az_that_waits_for_something_is_ended_with_what_it_started(az: Path) -> None:
    """As the real one, a script that starts Python, which holds the output open."""
    write(az, 'sleep 60 & echo $! > "$0.child"; wait')
    began = time.monotonic()
    with pytest.raises(SignInError, match=r"did not answer within 1 s, and was ended.*az account get-access-token"):
        AzureCli(timeout_s=1.0).token()
    assert time.monotonic() - began < 10
    child = int((az.parent / "az.child").read_text())
    assert eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_an_az_that_leaves_a_process_behind_is_not_waited_for(az: Path) -> None:
    """One that reports its use, with the same output."""
    write(az, f"""sleep 30 & echo $! > "$0.child"; echo '{{"accessToken": "{SECRET}", "expires_on": 1800000000}}'""")
    began = time.monotonic()
    assert AzureCli().token().secret == SECRET
    assert time.monotonic() - began < 10
    psutil.Process(int((az.parent / "az.child").read_text())).kill()


def test_a_credential_that_gives_no_token_is_not_waited_for_any_longer() -> None:
    class Waits:
        def get_token(self, *scopes: str) -> None:
            ends.wait(30)

    ends = threading.Event()
    try:
        with pytest.raises(SignInError, match=r"Waits gave no token within 0 s.*`%livy login`"):
            TokenCredential(Waits(), timeout_s=0.2).token()
    finally:
        ends.set()


def test_the_azure_cli_gives_a_token_with_its_end(az: Path) -> None:
    write(az, f"""echo "$@" > "$0.args"; echo '{{"accessToken": "{SECRET}", "expires_on": 1800000000}}'""")
    assert AzureCli().token() == AccessToken(SECRET, 1800000000.0)
    args = (az.parent / "az.args").read_text()
    assert args.strip() == "account get-access-token --scope https://api.fabric.microsoft.com/.default --output json"


def test_an_old_azure_cli_without_the_end_is_good_enough(az: Path) -> None:
    write(az, f"""echo '{{"accessToken": "{SECRET}", "expiresOn": "2027-01-01 00:00:00.000000"}}'""")
    assert AzureCli().token() == AccessToken(SECRET, None)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'ERROR: Please run az login' >&2; exit 1", "has no sign-in: Please run az login"),
        ("exit 1", "no reason given"),
        ("echo nonsense", "could not be read"),
        ("echo '[]'", "could not be read"),
        ("echo '{}'", "could not be read"),
    ],
)
def test_an_azure_cli_that_fails_says_what_to_do(az: Path, script: str, message: str) -> None:
    write(az, script)
    with pytest.raises(SignInError, match="az login") as caught:
        AzureCli().token()
    assert message in str(caught.value)


def test_without_an_azure_cli_the_other_way_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SignInError, match="login --method browser"):
        AzureCli().token()
