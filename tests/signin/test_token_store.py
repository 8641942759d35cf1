"""Sign-ins are kept where nobody else reads them, and forgotten as a whole."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.sign_in import App, BrowserSignIn
from fabric_livy_magic.signin.entra.token_store import Account, TokenStore
from tests.support.entra.authority import Authority, running
from tests.support.entra.model import AZURE_CLI, TENANT

pytestmark = pytest.mark.usefixtures("quick_browser")


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with running() as one:
        yield one


@pytest.fixture
def app(authority: Authority) -> App:
    return App(client_id=AZURE_CLI, authority_host=authority.url, verify=authority.ca_file)


def plain(tmp_path: Path) -> TokenStore:
    return TokenStore.persistent("it", allow_plain=True, folder=tmp_path / "kept")


def test_without_a_keyring_the_choices_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(SignInError) as caught:
        TokenStore.persistent("it", allow_plain=False, folder=tmp_path)
    assert "config sign_in_cache memory" in str(caught.value)
    assert "config sign_in_cache plain" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_plain_store_is_readable_by_its_user_only(tmp_path: Path, app: App, authority: Authority) -> None:
    store = plain(tmp_path)
    BrowserSignIn(app, store, authority.browser).token()
    assert store.location is not None
    assert stat.S_IMODE(store.location.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.location.parent.stat().st_mode) == 0o700
    assert not store.is_encrypted


def test_a_saved_sign_in_is_renewed_without_a_prompt(tmp_path: Path, app: App, authority: Authority) -> None:
    first = BrowserSignIn(app, plain(tmp_path), authority.browser).token()
    store = plain(tmp_path)  # another kernel
    assert store.accounts() == [Account(authority.users[-1].name, TENANT)]
    kept = BrowserSignIn(app, store, interactive=False)
    assert kept.token().secret == first.secret
    assert kept.token(renew=True).secret != first.secret


def test_a_renewal_by_one_kernel_is_there_for_the_next(tmp_path: Path, app: App, authority: Authority) -> None:
    BrowserSignIn(app, plain(tmp_path), authority.browser).token()
    one, other = (BrowserSignIn(app, plain(tmp_path), interactive=False) for _ in range(2))
    renewed = one.token(renew=True)
    assert other.token().secret == renewed.secret


def test_forgetting_forgets_in_every_kernel(tmp_path: Path, app: App, authority: Authority) -> None:
    one = plain(tmp_path)
    other = plain(tmp_path)
    BrowserSignIn(app, one, authority.browser).token()
    elsewhere = BrowserSignIn(app, other, interactive=False)
    elsewhere.token()
    one.forget()
    assert one.accounts() == other.accounts() == plain(tmp_path).accounts() == []
    with pytest.raises(SignInError, match="Nobody is signed in"):
        elsewhere.token()


def test_after_forgetting_no_file_holds_a_token(tmp_path: Path, app: App, authority: Authority) -> None:
    store = plain(tmp_path)
    secret = BrowserSignIn(app, store, authority.browser).token().secret
    held = [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_text()]
    assert held == [store.location]
    store.forget()
    left = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert secret not in left
    assert "1.refresh." not in left


def test_a_store_in_memory_writes_nothing(tmp_path: Path, app: App, authority: Authority) -> None:
    store = TokenStore.memory()
    BrowserSignIn(app, store, authority.browser).token()
    assert len(store.accounts()) == 1
    store.forget()
    assert store.accounts() == []
    assert list(tmp_path.rglob("*")) == []


def test_a_broken_file_is_reported_and_can_be_cleared(tmp_path: Path) -> None:
    store = plain(tmp_path)
    assert store.location is not None
    store.location.write_text("{ nonsense")
    with pytest.raises(SignInError, match="cannot be read or written"):
        store.accounts()
    store.forget()
    assert store.accounts() == []


def test_a_sign_in_reports_a_broken_file(tmp_path: Path, app: App, authority: Authority) -> None:
    store = plain(tmp_path)
    assert store.location is not None
    store.location.write_text("[1, 2")
    with pytest.raises(SignInError, match=r"sign-in\.json cannot be read or written"):
        BrowserSignIn(app, store, authority.browser).token()


def test_the_lock_of_a_kernel_that_was_killed_does_not_matter(tmp_path: Path, app: App, authority: Authority) -> None:
    location = plain(tmp_path).location
    assert location is not None
    lock = location.with_name(location.name + ".lockfile")
    lock.write_text("12345 gone")
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    assert BrowserSignIn(app, plain(tmp_path), authority.browser).token().secret


def test_a_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    with pytest.raises(SignInError, match="cannot be read or written"):
        plain(tmp_path)


def test_the_repr_has_the_location_and_whether_it_is_encrypted(tmp_path: Path) -> None:
    assert repr(TokenStore.memory()) == "TokenStore(memory)"
    assert repr(plain(tmp_path)).endswith("sign-in.json, not encrypted)")
