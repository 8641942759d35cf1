"""An error carries no token, password or secret: not in its text, not in the requests, answers and calls that led to it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.ultratb import VerboseTB

from fabric_livy_magic.errors import ConnectionFailed, FabricLivyError, HttpError, SettingsError, SignInError
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.retries import NO_RETRY
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.connections import Connections
from fabric_livy_magic.signin.external_credentials import AzureCli, StaticToken, TokenCredential
from fabric_livy_magic.signin.methods import UserPrompts
from fabric_livy_magic.signin.request_auth import BasicAuth, BearerAuth
from fabric_livy_magic.signin.tokens import Credential, token_of
from tests.signin.conftest import SECRET, app_at, browser_at, closed_port
from tests.support.entra.authority import Authority
from tests.support.entra.model import TENANT
from tests.support.walking import chain, frames, places_of

TOKEN = "a-token-that-nobody-may-see"
ANSWERS = {
    "refused": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "broken": b"HTTP/1.1 500 Error\r\nContent-Length: 2\r\n\r\n{}",
    "html": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"220 smtp\r\n\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "nothing": b"",
}


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives this answer to whatever comes, and ends the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def error_of(call: Callable[[], object], kind: type[BaseException] = FabricLivyError) -> BaseException:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def is_clean(error: BaseException, *secrets: str) -> bool:
    shown = VerboseTB(theme_name="nocolor")
    for secret in secrets:
        assert places_of(secret, error) == []
        for one in chain(error):
            text = "\n".join(shown.structured_traceback(type(one), one, _without_tests(one)))
            assert secret not in text
    return True


def _without_tests(error: BaseException) -> types.TracebackType | None:
    trace, own = error.__traceback__, {id(frame) for frame in frames(error)}
    while trace is not None and id(trace.tb_frame) not in own:
        trace = trace.tb_next
    return trace


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_error_of_a_call_does_not_hold_the_token_that_was_sent(answer: str, method: str) -> None:
    with answering(ANSWERS[answer]) as url:
        http = LivyHttp(url, BearerAuth(StaticToken(TOKEN)), retry=NO_RETRY)
        assert is_clean(error_of(lambda: http.request(method, "/sessions", body={"a": 1}), HttpError), TOKEN)


def test_nor_does_one_of_a_server_that_is_not_there_or_says_nothing() -> None:
    http = LivyHttp(f"http://127.0.0.1:{closed_port()}", BearerAuth(StaticToken(TOKEN)), retry=NO_RETRY)
    assert is_clean(error_of(lambda: http.get("/x"), ConnectionFailed), TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        http = LivyHttp(url, BearerAuth(StaticToken(TOKEN)), retry=NO_RETRY, timeout_s=0.2)
        assert is_clean(error_of(lambda: http.get("/x"), ConnectionFailed), TOKEN)


def test_nor_does_one_of_a_host_that_must_not_get_it() -> None:
    http = LivyHttp("https://elsewhere.example", BearerAuth(StaticToken(TOKEN)), retry=NO_RETRY)
    assert is_clean(error_of(lambda: http.get("/x"), SignInError), TOKEN)


def test_nor_does_one_hold_a_password() -> None:
    import base64

    encoded = base64.b64encode(f"ada:{TOKEN}".encode()).decode()
    with answering(ANSWERS["broken"]) as url:
        http = LivyHttp(url, BasicAuth("ada", TOKEN), retry=NO_RETRY)
        assert is_clean(error_of(lambda: http.get("/x"), HttpError), TOKEN, encoded)


# ------------------------------------------------------------------------------------------------ sign-in
class Raising:
    def get_token(self, *scopes: str) -> object:
        answer = {"access_token": TOKEN}
        raise ValueError(f"{len(answer)} is not enough")


@pytest.mark.parametrize("credential", [TokenCredential(Raising()), StaticToken(f"{TOKEN} and more")], ids=repr)
def test_an_error_of_a_credential_does_not_hold_its_token(credential: Credential) -> None:
    assert is_clean(error_of(lambda: token_of(credential)), TOKEN)
    http = LivyHttp("https://api.fabric.microsoft.com", BearerAuth(credential), retry=NO_RETRY)
    assert is_clean(error_of(lambda: http.get("/x")), TOKEN)


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_an_answer_of_the_azure_cli_that_cannot_be_read_is_not_in_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "az").write_text(f"#!/bin/sh\necho '{json.dumps({'accessToken': TOKEN})} more'\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert is_clean(error_of(lambda: token_of(AzureCli())), TOKEN)


@pytest.mark.parametrize("reached", ["refused", "not reached", "interrupted"])
def test_a_client_secret_is_not_in_the_error_of_its_sign_in(authority: Authority, reached: str) -> None:
    app = app_at(authority, authority.add_app(secret="another") if reached == "refused" else "an-app")
    host = f"https://127.0.0.1:{closed_port()}" if reached == "not reached" else authority.url
    settings = Account(
        {"method": "secret", "tenant": TENANT, "client_id": app.client_id, "authority_host": host}
        | {"ca_file": str(authority.ca_file), "sign_in_cache": "memory"}
    ).settings

    def ask(question: str) -> str:
        if reached == "interrupted":
            typed = SECRET  # some of it
            raise KeyboardInterrupt(len(typed))
        return SECRET

    prompts = UserPrompts(show_device_prompt=print, ask_secret=ask)
    kind = KeyboardInterrupt if reached == "interrupted" else SignInError
    assert is_clean(error_of(lambda: Connections().login(settings, prompts, {}), kind), SECRET)


def test_a_refresh_token_is_not_in_the_error_of_its_renewal(authority: Authority) -> None:
    authority.add_user("ada@contoso.example")
    person = browser_at(authority)
    token_of(person)
    (entry,) = person._cache.search("RefreshToken")
    authority.revoke()
    error = error_of(lambda: token_of(person, renew=True), SignInError)
    assert is_clean(error, entry["secret"])


def test_the_environment_is_not_in_the_error_of_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("FABRIC_LIVY_ROWS_SHOWN", "many")
    account = Account()
    assert is_clean(error_of(lambda: account.settings, SettingsError), SECRET)
