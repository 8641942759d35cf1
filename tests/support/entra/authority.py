"""The local Entra itself: what a test sets up, its tokens, and its server."""

from __future__ import annotations

import contextlib
import html
import html.parser
import json
import secrets
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.entra.certificates import certificate_authority, new_key, pem_of, signed_certificate
from tests.support.entra.endpoints import SignInEndpoints
from tests.support.entra.identity_endpoints import IdentityEndpoints
from tests.support.entra.model import AUDIENCES, AZURE_CLI, TENANT, RegisteredApp, Request, User, _flat


class Authority(SignInEndpoints, IdentityEndpoints):
    """`with` starts and stops it. Attributes may be changed while it runs; `requests` records what was asked."""

    def __init__(self, *, token_lifetime_s: float = 3600, clock_skew_s: float = 0, device_interval_s: int = 1) -> None:
        self.token_lifetime_s = token_lifetime_s
        self.clock_skew_s = clock_skew_s  # how far its clock runs ahead of this machine's
        self.device_interval_s = device_interval_s
        self.device_lifetime_s = 900
        self.tenants = {TENANT: TENANT, "contoso.onmicrosoft.com": TENANT}
        self.apps: dict[str, RegisteredApp] = {}
        self.users: list[User] = [User("ann@contoso.onmicrosoft.com")]
        self.requests: list[Request] = []
        self.issued: list[str] = []  # every token and code that it gave away, for tests that look for them elsewhere
        self.delay_s = 0.0  # before each answer of the token endpoint
        self.problems: list[BaseException] = []  # of its own, none expected
        self.identity_header = secrets.token_urlsafe(16)
        self.github_token = secrets.token_urlsafe(16)
        self.github_subject = "repo:contoso/lake:ref:refs/heads/main"
        self.managed_identities: dict[str, str] = {"": str(uuid.uuid4())}  # client id → object id; "" is the system's
        self._failing: list[tuple[int, str]] = []
        self._codes: dict[str, dict[str, Any]] = {}
        self._devices: dict[str, dict[str, Any]] = {}
        self._refreshes: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._stop = contextlib.ExitStack()
        self.add_app(AZURE_CLI)

    def __enter__(self) -> Authority:
        folder = Path(self._stop.enter_context(tempfile.TemporaryDirectory(prefix="authority-")))
        self.ca_key, self.ca = new_key(0), certificate_authority()
        (folder / "ca.pem").write_bytes(self.ca.public_bytes(serialization.Encoding.PEM))
        self.ca_file = str(folder / "ca.pem")
        server_key = new_key(1)
        server = signed_certificate("127.0.0.1", server_key, self.ca, self.ca_key, addresses=("127.0.0.1",))
        (folder / "server.pem").write_bytes(pem_of(server_key) + server.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.url = f"https://127.0.0.1:{self._serve(context)}"
        self.plain_url = f"http://127.0.0.1:{self._serve(None)}"
        self._signing = new_key(2)
        self.jwks_url = f"{self.url}/discovery/v2.0/keys"
        self.github_issuer = f"{self.url}/github"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()

    def _serve(self, tls: ssl.SSLContext | None) -> int:
        authority = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                import sys

                error = sys.exc_info()[1]
                # A client that does not trust the CA hangs up during the handshake: a test's point, no problem.
                if error is not None and not isinstance(error, ssl.SSLError | ConnectionError | TimeoutError):
                    authority.problems.append(error)

        class BoundHandler(Handler):
            owner = authority

        server = Server(("127.0.0.1", 0), BoundHandler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self._stop.callback(thread.join)
        self._stop.callback(server.server_close)
        self._stop.callback(server.shutdown)
        return int(server.server_address[1])

    # ------------------------------------------------------------------------------------------ what a test sets up
    def add_app(self, client_id: str | None = None, **fields: Any) -> str:
        app = RegisteredApp(client_id or str(uuid.uuid4()), **fields)
        self.apps[app.client_id] = app
        return app.client_id

    def add_user(self, name: str, tenant: str = TENANT) -> User:
        """The last one added is the one who signs in."""
        self.tenants.setdefault(tenant, tenant)
        self.users.append(User(name, tenant))
        return self.users[-1]

    def fail_next(self, code: int | str, detail: str = "", times: int = 1) -> None:
        """The next calls to the token, authorize or device-code endpoint are refused with AADSTS`code`."""
        number = int(str(code).upper().removeprefix("AADSTS"))
        self._failing += [(number, detail)] * times

    def certificate(
        self, subject: str = "client", *, days: int = 30, index: int = 3
    ) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        """A client certificate signed by the authority's CA; `days` below 0: expired that long ago."""
        key = new_key(index)
        return key, signed_certificate(subject, key, self.ca, self.ca_key, days=days)

    def issuer(self, tenant: str = TENANT) -> str:
        return f"{self.url}/{self.tenants.get(tenant, tenant)}/v2.0"

    def browser(self, url: str) -> bool:
        """Does what a browser does with the sign-in page, in a thread of its own."""
        threading.Thread(target=self._follow, args=(url,), daemon=True).start()
        return True

    def _follow(self, url: str) -> None:
        with requests.Session() as session:
            session.verify, session.trust_env = self.ca_file, False
            page = session.get(url, timeout=10)
            form = FormReader()
            form.feed(page.text)
            if form.action:
                session.post(form.action, data=form.fields, timeout=10)

    def approve(self, user_code: str, user: User | None = None) -> None:
        """A person enters the device code and signs in."""
        self._device(user_code).update(user=user or self.users[-1])

    def decline(self, user_code: str) -> None:
        self._device(user_code).update(declined=True)

    def _device(self, user_code: str) -> dict[str, Any]:
        return next(one for one in self._devices.values() if one["user_code"] == user_code)

    def revoke(self) -> None:
        """Nobody's refresh token is good any more, as after a change of password."""
        self._refreshes.clear()

    def requests_with(self, what: str) -> list[Request]:
        """The recorded requests whose path ends with `what`, or whose grant type it is."""
        return [one for one in self.requests if one.path.endswith(what) or one.form.get("grant_type") == what]

    # ------------------------------------------------------------------------------------------------------ tokens
    def now(self) -> float:
        return time.time() + self.clock_skew_s

    def mint(
        self,
        audience: str = "https://api.fabric.microsoft.com",
        *,
        user: User | None = None,
        app: str = AZURE_CLI,
        scopes: tuple[str, ...] | None = None,
        roles: tuple[str, ...] = (),
        tenant: str = TENANT,
        **claims: Any,
    ) -> str:
        """A token without any flow: of `user` with `scopes`, or of the app itself where `user` is None and no scopes."""
        now = int(self.now())
        tenant = self.tenants.get(user.tenant if user else tenant, tenant)
        payload: dict[str, Any] = {
            "aud": AUDIENCES.get(audience.rstrip("/"), audience), "iss": self.issuer(tenant), "tid": tenant,
            "iat": now, "nbf": now, "exp": int(now + self.token_lifetime_s), "appid": app, "ver": "1.0",
            "jti": str(uuid.uuid4()),
        }  # fmt: skip
        if user or scopes is not None:
            user = user or self.users[-1]
            payload |= {"oid": user.oid, "sub": user.oid, "upn": user.name, "name": user.name.partition("@")[0]}
            payload |= {"scp": " ".join(scopes if scopes is not None else ("user_impersonation",)), "idtyp": "user"}
        else:
            payload |= {"oid": str(uuid.uuid5(uuid.NAMESPACE_OID, app)), "idtyp": "app", "roles": list(roles)}
        return self.sign(payload | claims)

    def sign(self, payload: dict[str, Any], **headers: str) -> str:
        token = jwt.encode(payload, pem_of(self._signing), algorithm="RS256", headers={"kid": "authority-1"} | headers)
        return self._issue(token)

    def _issue(self, secret: str) -> str:
        self.issued.append(secret)
        return secret

    def secrets(self) -> set[str]:
        """All that went to it or came from it and that nobody may find anywhere else."""
        names = ("client_secret", "client_assertion", "code", "code_verifier", "device_code", "refresh_token")
        sent = {one.form[name] for one in self.requests for name in names if one.form.get(name)}
        return sent | set(self.issued) | {self.identity_header, self.github_token}

    def jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._signing.public_key()))
        return {"keys": [key | {"kid": "authority-1", "use": "sig", "alg": "RS256"}]}


class Handler(BaseHTTPRequestHandler):
    owner: Authority
    timeout = 20

    def do_GET(self) -> None:
        self._handle({})

    def do_POST(self) -> None:
        self._handle(_flat(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()))

    def _handle(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        query = _flat(parts.query)
        answer = self.owner.answer(self.command, parts.path, query, form, self.headers)
        self.owner.requests.append(
            Request(self.command, parts.path, query | form, dict(self.headers.items()), answer.status)
        )
        is_json = not isinstance(answer.body, str)
        data = (json.dumps(answer.body) if is_json else str(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json" if is_json else "text/html")
        self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """`requests` is the record."""


class FormReader(html.parser.HTMLParser):
    """The hidden fields of a page's form, and where it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields[found["name"]] = found["value"]


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Authority]:
    with Authority(**options) as authority:
        yield authority
        assert not authority.problems
