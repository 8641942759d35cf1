"""Tokens of an authority, as the embedded Fabric checks them. The authority here publishes its keys and no more."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from fabric_livy_magic.local.server.tokens import (
    FABRIC_AUDIENCES,
    STORAGE_AUDIENCES,
    AuthorityTokens,
    BadAuthority,
    Caller,
    OwnToken,
    TokenRefused,
)
from tests.support import service
from tests.support.authority import Authority

pytest.importorskip("tornado")
TENANT, OTHER_TENANT = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
FABRIC = FABRIC_AUDIENCES[0]
EVERYTHING = "user_impersonation"


class KeyServer:
    """Discovery and signing keys on loopback, without TLS."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "first"
        self.tenants = {TENANT, OTHER_TENANT}
        self.fetched: list[str] = []
        self.published: dict[str, Any] = {}
        self.status = 200
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetched.append(self.path)
                body = json.dumps(outer.answer(self.path)).encode()
                known = self.path == "/keys" or self.path.split("/")[1] in outer.tenants
                self.send_response(outer.status if known else 400)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.publish()

    def publish(self, **more: Any) -> None:
        self.published = {
            **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())),
            "kid": self.key_id,
            **more,
        }

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {"keys": [{"kty": "EC", "kid": "other"}, {"kty": "RSA", "kid": "broken"}, self.published]}
        return {"issuer": f"{self.url}/{{tenantid}}/v2.0", "jwks_uri": f"{self.url}/keys"}

    def rotate(self, key_id: str) -> None:
        self.key, self.key_id = rsa.generate_private_key(public_exponent=65537, key_size=2048), key_id
        self.publish()

    def claims(self, tenant: str = TENANT, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "aud": FABRIC, "iss": f"{self.url}/{tenant}/v2.0", "tid": tenant, "iat": now, "nbf": now, "exp": now + 600,
            "upn": "ann@example.org", "scp": EVERYTHING, **changed,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: Any = None, key_id: str | None = None, tenant: str = TENANT, **changed: Any) -> str:
        headers = {"kid": self.key_id if key_id is None else key_id}
        return jwt.encode(self.claims(tenant, **changed), key or self.key, algorithm="RS256", headers=headers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def shared_key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def own_key_server() -> Iterator[KeyServer]:
    """For tests that change what is published."""
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def tokens(shared_key_server: KeyServer) -> AuthorityTokens:
    return AuthorityTokens(shared_key_server.url, clock_skew_s=0)


def check(tokens: AuthorityTokens | OwnToken, secret: str, audiences: tuple[str, ...] = FABRIC_AUDIENCES) -> Caller:
    return asyncio.run(tokens.check(secret, audiences))


def refusal(
    tokens: AuthorityTokens | OwnToken, secret: str, audiences: tuple[str, ...] = FABRIC_AUDIENCES
) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        check(tokens, secret, audiences)
    assert secret not in refused.value.message or not secret
    return refused.value


# ------------------------------------------------------------------------------------------------ what is accepted
def test_a_person_s_token_tells_name_and_scopes(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    caller = check(tokens, shared_key_server.token(scp="Lakehouse.Read.All Item.Read.All"))
    assert caller == Caller("ann@example.org", frozenset({"Lakehouse.Read.All", "Item.Read.All"}))
    assert caller.may("Lakehouse.Execute.All", "Item.Read.All")
    assert not caller.may("Lakehouse.Execute.All")


def test_a_first_party_client_s_token_may_do_everything(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    assert check(tokens, shared_key_server.token()).may("Lakehouse.Execute.All")


def test_an_application_s_token_has_no_scopes_to_ask_for(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    caller = check(tokens, shared_key_server.token(scp=None, upn=None, appid="app-1", roles=[]))
    assert caller.is_application
    assert caller.name == "app-1"
    assert caller.may("Lakehouse.Execute.All")


@pytest.mark.parametrize("audience", FABRIC_AUDIENCES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_audiences_of_fabric_count_with_and_without_slash(
    tokens: AuthorityTokens, shared_key_server: KeyServer, audience: str, slash: str
) -> None:
    assert check(tokens, shared_key_server.token(aud=audience + slash))


def test_keys_are_fetched_once_for_many_tokens(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    for _ in range(5):
        check(tokens, own_key_server.token())
    assert len(own_key_server.fetched) == 2


def test_a_new_signing_key_is_found(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url, keys_again_after_s=0)
    check(tokens, own_key_server.token())
    own_key_server.rotate("second")
    assert check(tokens, own_key_server.token())


def test_unknown_key_ids_do_not_make_the_server_ask_again_and_again(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    for number in range(5):
        assert refusal(tokens, own_key_server.token(key_id=f"unknown {number}")).code == "InvalidToken"
    assert own_key_server.fetched.count("/keys") == 1


# ------------------------------------------------------------------------------------------------ what is not
def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_public_key(server: KeyServer) -> str:
    """The old trick: HMAC with the published key as its secret."""

    def encoded(part: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")

    text = encoded({"alg": "HS256", "typ": "JWT", "kid": server.key_id}) + b"." + encoded(server.claims())
    signature = hmac.new(json.dumps(server.published).encode(), text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_an_expired_token(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    refused = refusal(tokens, shared_key_server.token(exp=int(time.time()) - 1))
    assert (refused.status, refused.code) == (401, "TokenExpired")


def test_clocks_may_differ_by_as_much_as_was_allowed(shared_key_server: KeyServer) -> None:
    now = int(time.time())
    tokens = AuthorityTokens(shared_key_server.url, clock_skew_s=60)
    assert check(tokens, shared_key_server.token(exp=now - 30, nbf=now - 100))
    assert check(tokens, shared_key_server.token(iat=now + 30, nbf=now + 30))
    assert refusal(tokens, shared_key_server.token(exp=now - 90)).code == "TokenExpired"


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"nbf": 4_000_000_000}, "clock"),
    ({"aud": "https://storage.azure.com"}, "'https://storage.azure.com'"),
    ({"aud": "https://graph.microsoft.com"}, "https://api.fabric.microsoft.com"),
    ({"aud": f"{FABRIC}.evil.example"}, "meant for"),
    ({"aud": None}, "'aud'"),
    ({"exp": None}, "'exp'"),
    ({"exp": "soon"}, "not accepted"),
    ({"iss": "https://evil.example/v2.0"}, "evil.example"),
    ({"iss": None}, "'iss'"),
    ({"tid": None}, "no tenant"),
    ({"tid": "../x"}, "no tenant"),
    ({"tid": "nobody"}, "not known"),
    ({"tid": OTHER_TENANT}, "issued it"),
]


@pytest.mark.parametrize(("changed", "words"), CHANGES, ids=[str(case[0]) for case in CHANGES])
def test_a_token_with_a_wrong_claim_says_which(
    tokens: AuthorityTokens, shared_key_server: KeyServer, changed: dict[str, Any], words: str
) -> None:
    refused = refusal(tokens, sign(shared_key_server, changed))
    assert (refused.status, refused.code) == (401, "InvalidToken")
    assert words in refused.message


def sign(server: KeyServer, changed: dict[str, Any]) -> str:
    """PyJWT itself refuses to encode some of the claims."""
    claims = server.claims(**changed)
    return jwt.PyJWS().encode(json.dumps(claims).encode(), server.key, "RS256", headers={"kid": server.key_id})


def test_a_signature_of_another_key(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "signature" in refusal(tokens, shared_key_server.token(key=other)).message


def test_a_changed_claim_under_an_old_signature(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    head, _, signature = shared_key_server.token().split(".")
    _, body, _ = shared_key_server.token(upn="eve@example.org").split(".")
    assert "signature" in refusal(tokens, f"{head}.{body}.{signature}").message


def test_a_token_without_or_with_a_forged_signature(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    assert refusal(tokens, unsigned(shared_key_server.claims())).code == "InvalidToken"
    assert refusal(tokens, signed_with_the_public_key(shared_key_server)).code == "InvalidToken"


@pytest.mark.parametrize("secret", ["", "x", "a.b.c", "é.é.é", "....", "eyJhbGciOiJSUzI1NiJ9.e30.x", "[" * 5000])
def test_what_is_no_token_at_all(tokens: AuthorityTokens, secret: str) -> None:
    refused = refusal(tokens, secret)
    assert (refused.status, refused.code) == (401, "InvalidToken")


def test_only_the_wanted_tenant_is_let_in(shared_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(shared_key_server.url, tenant=TENANT, clock_skew_s=0)
    assert check(tokens, shared_key_server.token())
    assert "issued it" in refusal(tokens, shared_key_server.token(tenant=OTHER_TENANT)).message


def test_organizations_lets_in_each_tenant(own_key_server: KeyServer) -> None:
    own_key_server.tenants.add("organizations")
    tokens = AuthorityTokens(own_key_server.url, tenant="organizations")
    assert check(tokens, own_key_server.token(tenant=OTHER_TENANT))


def test_an_authority_that_cannot_be_asked_is_no_fault_of_the_token(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    own_key_server.status = 500
    assert refusal(tokens, own_key_server.token()).status == 503
    own_key_server.status = 200
    assert check(tokens, own_key_server.token())


def test_an_authority_that_does_not_answer(own_key_server: KeyServer) -> None:
    secret = own_key_server.token()
    own_key_server.close()
    refused = refusal(AuthorityTokens(own_key_server.url), secret)
    assert refused.status == 503
    assert own_key_server.url in refused.message


@pytest.mark.parametrize("url", ["", "x", "http://login.example.org", "ftp://127.0.0.1", "https://"])
def test_an_authority_is_asked_over_tls_only(url: str) -> None:
    with pytest.raises(BadAuthority, match="https"):
        AuthorityTokens(url)


def test_an_authority_over_tls_is_believed_by_its_own_ca_alone() -> None:
    with Authority() as authority:
        secret = authority.mint(FABRIC, app="app-1")
        assert check(AuthorityTokens(authority.url, Path(authority.ca_file)), secret).name == "app-1"
        refused = refusal(AuthorityTokens(authority.url), secret)
        assert refused.status == 503
        assert "certificate" in refused.message


def test_a_file_of_certificates_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(BadAuthority, match=name):
            AuthorityTokens("https://127.0.0.1", tmp_path / name)


def test_the_server_s_own_token_and_nothing_else() -> None:
    assert check(OwnToken("secret"), "secret", STORAGE_AUDIENCES).may("Lakehouse.Execute.All")
    assert refusal(OwnToken("secret"), "other").code == "Unauthorized"


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

    def call(self, secret: str, method: str = "GET", url: str = "/sessions", **options: Any) -> requests.Response:
        url = url if url.startswith("http") else self.base + url
        headers = {"Authorization": f"Bearer {secret}"}
        return self.http.request(method, url, headers=headers, timeout=30, **options)

    def close(self) -> str:
        """What it wrote to its standard error."""
        self.http.close()
        self.process.terminate()
        _, complaints = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return complaints


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
@pytest.mark.parametrize("secret", ["", "None", "x", "a.b.c"])
def test_the_server_refuses_what_is_no_token(server: Server, secret: str) -> None:
    answer = server.call(secret)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.status_code == 401


@pytest.mark.spark
def test_the_server_tells_an_expired_token_from_a_wrong_one(server: Server, shared_key_server: KeyServer) -> None:
    assert code_of(server.call(shared_key_server.token(exp=int(time.time()) - 1))) == (401, "TokenExpired")
    assert code_of(server.call(shared_key_server.token(aud="https://x"))) == (401, "InvalidToken")


@pytest.mark.spark
def test_a_session_needs_the_scope_to_execute(server: Server, shared_key_server: KeyServer) -> None:
    secret = shared_key_server.token(scp="Lakehouse.Read.All Code.AccessFabric.All")
    assert server.call(secret).status_code == 200
    answer = server.call(secret, "POST", json={})
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
