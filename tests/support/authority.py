"""A local Entra: the endpoints that sign-in uses, over TLS with a CA of its own, so that real MSAL can talk to it.

It checks what Entra checks (PKCE, redirect address, secrets, signed assertions, scopes' audience) and answers in Entra's
shapes, errors included. Beside it, over plain http as in Azure: managed-identity endpoints and one like GitHub's OIDC.

    with Authority() as authority:
        app = authority.add_app(secret="…")          # returns the client id
        BrowserSignIn(App(client_id=app, authority_host=authority.url, verify=authority.ca_file), store,
                      open_browser=authority.browser).token()
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import hashlib
import html
import html.parser
import ipaddress
import json
import secrets
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

TENANT = "11111111-2222-3333-4444-555555555555"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
FABRIC_SCOPES = ("Lakehouse.Execute.All", "Lakehouse.Read.All", "Code.AccessFabric.All", "Code.AccessStorage.All")
# A token for the Fabric API carries Power BI's audience: it is the same resource under an older name.
AUDIENCES = {
    "https://api.fabric.microsoft.com": "https://analysis.windows.net/powerbi/api",
    "https://analysis.windows.net/powerbi/api": "https://analysis.windows.net/powerbi/api",
    "https://storage.azure.com": "https://storage.azure.com",
}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# AADSTS number → OAuth error and Entra's words. What to do about them is the business of whoever reads them.
ERRORS = {
    50011: ("invalid_request", "The redirect URI specified in the request does not match the redirect URIs configured."),
    50076: ("interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access."),
    50173: ("invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed."),
    53003: ("access_denied", "Access has been blocked by Conditional Access policies."),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application."),
    65004: ("access_denied", "User declined to consent to access the app."),
    70008: ("invalid_grant", "The provided authorization code or refresh token has expired due to inactivity."),
    70011: ("invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    70016: ("authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    70018: ("authorization_declined", "Authorization was declined by the user."),
    70020: ("expired_token", "The provided value for the input parameter 'device_code' is not valid. This device code has expired."),
    70021: ("invalid_client", "No matching federated identity record found for presented assertion."),
    90002: ("invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
    500011: ("invalid_resource", "The resource principal named in the request was not found in the tenant."),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    700016: ("unauthorized_client", "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant."),
    700024: ("invalid_client", "Client assertion is not within its valid time range."),
    700027: ("invalid_client", "The certificate with identifier used to sign the client assertion is not registered on application, or the signature does not match."),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity."),
    7000112: ("unauthorized_client", "Application is disabled."),
    7000215: ("invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."),
    7000218: ("invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "The provided client secret keys for app are expired."),
}  # fmt: skip


@dataclass(frozen=True)
class User:
    name: str
    tenant: str = TENANT
    oid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class RegisteredApp:
    client_id: str
    tenant: str = TENANT
    secret: str = ""
    secret_expired: bool = False
    certificates: list[x509.Certificate] = field(default_factory=list)
    trusts_subject: str = ""  # subject-name/issuer: any certificate of this subject that the authority's CA signed
    federated: dict[str, str] = field(default_factory=dict)  # issuer → subject
    consented: bool = True
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    form: dict[str, str]
    headers: dict[str, str]
    answer: int


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"AADSTS{code}")
        self.code, self.detail = code, detail


class Authority:
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

    def asked(self, what: str) -> list[Request]:
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

    # --------------------------------------------------------------------------------------------------- endpoints
    def answer(self, method: str, path: str, query: dict[str, str], form: dict[str, str], headers: Any) -> Answer:
        tenant, _, rest = path.lstrip("/").partition("/")
        if rest == "v2.0/.well-known/openid-configuration":
            return self._discovery(tenant)
        if path.endswith("/discovery/v2.0/keys"):
            return Answer(200, self.jwks())
        if path == "/common/discovery/instance":
            return Answer(
                200, {"tenant_discovery_endpoint": f"{self.url}/{TENANT}/v2.0/.well-known/openid-configuration"}
            )
        flows: dict[str, Callable[..., Answer]] = {
            "oauth2/v2.0/authorize": lambda: self._authorize(query),
            "oauth2/v2.0/devicecode": lambda: self._device_code(tenant, form),
            "oauth2/v2.0/token": lambda: self._token(tenant, form),
        }
        if rest in flows:
            try:
                return flows[rest]()
            except Refused as refused:
                return self._refusal(refused)
        return self._beside(path, query, headers)

    def _discovery(self, tenant: str) -> Answer:
        if tenant not in {"organizations", "common"} and tenant not in self.tenants:
            return self._refusal(Refused(90002, f"Tenant '{tenant}' not found."))
        base = f"{self.url}/{tenant}/oauth2/v2.0"
        return Answer(
            200,
            {
                "issuer": f"{self.url}/{self.tenants.get(tenant, '{tenantid}')}/v2.0",
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
                "jwks_uri": self.jwks_url,
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )

    def _refusal(self, refused: Refused) -> Answer:
        error, words = ERRORS.get(refused.code, ("invalid_request", "Something else."))
        trace, correlation = uuid.uuid4(), uuid.uuid4()
        when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        said = f"AADSTS{refused.code}: {refused.detail or words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
        body = {
            "error": error, "error_description": said, "error_codes": [refused.code], "timestamp": when,
            "trace_id": str(trace), "correlation_id": str(correlation),
            "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
        }  # fmt: skip
        return Answer(401 if error == "invalid_client" else 400, body)

    def _fail_if_asked(self) -> None:
        with self._lock:
            if self._failing:
                raise Refused(*self._failing.pop(0))

    def _app(self, form: dict[str, str]) -> RegisteredApp:
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            raise Refused(
                700016, f"Application with identifier '{form.get('client_id')}' was not found in the directory."
            )
        return app

    def _authorize(self, query: dict[str, str]) -> Answer:
        redirect = urlsplit(query.get("redirect_uri", ""))
        if redirect.scheme != "http" or redirect.hostname not in {"localhost", "127.0.0.1"}:
            return self._refusal(Refused(50011))
        answer = {"state": query.get("state", "")}
        try:
            self._fail_if_asked()
            self._app(query)
            if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
                raise Refused(501481, "PKCE with S256 is required.")
            user = next((one for one in self.users if one.name == query.get("login_hint")), self.users[-1])
            code = self._issue("0.code." + secrets.token_urlsafe(24))
            self._codes[code] = {"query": query, "user": user}
            answer["code"] = code
        except Refused as refused:
            body = self._refusal(refused).body
            assert isinstance(body, dict)
            answer |= {"error": body["error"], "error_description": body["error_description"]}
        if query.get("response_mode") != "form_post":
            return Answer(302, "", {"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in answer.items()
        )
        action = html.escape(query["redirect_uri"])
        return Answer(
            200,
            f'<html><body onload="document.forms[0].submit()"><form method="post" action="{action}">{fields}</form></body></html>',
        )

    def _device_code(self, tenant: str, form: dict[str, str]) -> Answer:
        self._fail_if_asked()
        self._app(form)
        device_code, user_code = self._issue("dev." + secrets.token_urlsafe(24)), secrets.token_hex(4).upper()
        self._devices[device_code] = {
            "user_code": user_code, "ends": self.now() + self.device_lifetime_s, "scope": form["scope"],
            "client_id": form["client_id"],
        }  # fmt: skip
        return Answer(
            200,
            {
                "user_code": user_code,
                "device_code": device_code,
                "verification_uri": f"{self.url}/devicelogin",
                "expires_in": self.device_lifetime_s,
                "interval": self.device_interval_s,
                "message": f"To sign in, use a web browser to open the page {self.url}/devicelogin and enter the code {user_code} to authenticate.",
            },
        )

    def _token(self, tenant: str, form: dict[str, str]) -> Answer:
        time.sleep(self.delay_s)
        self._fail_if_asked()
        app = self._app(form)
        grants: dict[str, Callable[[], Answer]] = {
            "authorization_code": lambda: self._by_code(app, form),
            DEVICE_GRANT: lambda: self._by_device(app, form),
            "refresh_token": lambda: self._by_refresh(app, form),
            "client_credentials": lambda: self._by_app(app, tenant, form),
        }
        if form.get("grant_type") not in grants:
            raise Refused(70011, f"Unknown grant type {form.get('grant_type')}.")
        return grants[form["grant_type"]]()

    def _by_code(self, app: RegisteredApp, form: dict[str, str]) -> Answer:
        known = self._codes.pop(form.get("code", ""), None)  # a code is good once
        if known is None:
            raise Refused(70008)
        query = known["query"]
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != query["code_challenge"]:
            raise Refused(501481)
        if form.get("redirect_uri") != query["redirect_uri"] or app.client_id != query["client_id"]:
            raise Refused(50011)
        return self._to_user(app, known["user"], query["scope"], query.get("nonce"))

    def _by_device(self, app: RegisteredApp, form: dict[str, str]) -> Answer:
        device = self._devices.get(form.get("device_code", ""))
        if device is None or device["ends"] < self.now():
            raise Refused(70020)
        if device.get("declined"):
            raise Refused(70018)
        if "user" not in device:
            raise Refused(70016)
        del self._devices[form["device_code"]]
        return self._to_user(app, device["user"], device["scope"])

    def _by_refresh(self, app: RegisteredApp, form: dict[str, str]) -> Answer:
        known = self._refreshes.get(form.get("refresh_token", ""))
        if known is None or known["client_id"] != app.client_id:
            raise Refused(50173)
        return self._to_user(app, known["user"], form["scope"])

    def _by_app(self, app: RegisteredApp, tenant: str, form: dict[str, str]) -> Answer:
        if self.tenants.get(tenant) != app.tenant:
            raise Refused(
                700016, f"Application with identifier '{app.client_id}' was not found in the directory '{tenant}'."
            )
        if "client_assertion" in form:
            self._check_assertion(app, form["client_assertion"], f"{self.url}/{tenant}/oauth2/v2.0/token")
        elif "client_secret" not in form:
            raise Refused(7000218)
        elif app.secret_expired and form["client_secret"] == app.secret:
            raise Refused(7000222)
        elif not app.secret or form["client_secret"] != app.secret:
            raise Refused(7000215)
        audience = _audience(form.get("scope", ""))
        if not form["scope"].endswith("/.default"):
            raise Refused(70011)
        token = self.mint(audience, app=app.client_id, roles=app.roles, tenant=app.tenant)
        return Answer(200, {"token_type": "Bearer", "expires_in": int(self.token_lifetime_s), "access_token": token})

    def _check_assertion(self, app: RegisteredApp, assertion: str, endpoint: str) -> None:
        header, payload = jwt.get_unverified_header(assertion), _unchecked(assertion)
        if payload.get("iss") in app.federated:
            self._check_federated(app, assertion, payload)
            return
        key = self._certificate_of(app, header).public_key()
        try:
            jwt.decode(
                assertion, key, algorithms=["PS256", "RS256"], options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
                audience=endpoint, issuer=app.client_id,
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise Refused(700027, f"Client assertion failed signature validation: {error}.") from error
        if not payload["iat"] - 300 <= self.now() <= payload["exp"] + 300:
            raise Refused(700024)

    def _certificate_of(self, app: RegisteredApp, header: dict[str, Any]) -> x509.Certificate:
        named = header.get("x5t#S256") or header.get("x5t") or ""
        for certificate in app.certificates:
            prints = [certificate.fingerprint(hashes.SHA256()), certificate.fingerprint(hashes.SHA1())]
            if named.rstrip("=") in [base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in prints]:
                return self._in_time(certificate)
        if app.trusts_subject and header.get("x5c"):
            leaf = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
            with contextlib.suppress(InvalidSignature):
                signer = self.ca.public_key()
                assert isinstance(signer, rsa.RSAPublicKey)
                signer.verify(leaf.signature, leaf.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256())
                if leaf.subject == _name(app.trusts_subject):
                    return self._in_time(leaf)
        raise Refused(700027)

    def _in_time(self, certificate: x509.Certificate) -> x509.Certificate:
        if certificate.not_valid_after_utc.timestamp() < self.now():
            raise Refused(700027, "The certificate used to sign the client assertion is expired on application.")
        return certificate

    def _check_federated(self, app: RegisteredApp, assertion: str, payload: dict[str, Any]) -> None:
        try:
            jwt.decode(
                assertion, self._signing.public_key(), algorithms=["RS256"], audience="api://AzureADTokenExchange"
            )
        except jwt.ExpiredSignatureError as error:
            raise Refused(700024) from error
        except jwt.PyJWTError as error:
            raise Refused(70021) from error
        if payload.get("sub") != app.federated[payload["iss"]]:
            raise Refused(70021)

    def _to_user(self, app: RegisteredApp, user: User, scope: str, nonce: str | None = None) -> Answer:
        if not app.consented:
            raise Refused(
                65001, f"The user or administrator has not consented to use the application with ID '{app.client_id}'."
            )
        wanted = [one for one in scope.split() if one not in {"openid", "profile", "offline_access"}]
        audience = _audience(wanted[0])
        short = tuple(one.rpartition("/")[2] for one in wanted)
        if app.client_id == AZURE_CLI and short != (".default",):
            raise Refused(70011, "A first-party application may ask for .default only.")
        granted = ("user_impersonation",) if short == (".default",) else short
        now = int(self.now())
        refresh = self._issue("1.refresh." + secrets.token_urlsafe(32))
        self._refreshes[refresh] = {"client_id": app.client_id, "user": user}
        tenant = self.tenants[user.tenant]
        profile = {
            "aud": app.client_id, "iss": self.issuer(tenant), "iat": now, "nbf": now, "exp": now + 3600, "name": user.name,
            "oid": user.oid, "preferred_username": user.name, "sub": user.oid, "tid": tenant, "ver": "2.0",
        }  # fmt: skip
        client_info = json.dumps({"uid": user.oid, "utid": tenant}).encode()
        return Answer(
            200,
            {
                "token_type": "Bearer",
                "scope": " ".join(wanted),
                "expires_in": int(self.token_lifetime_s),
                "access_token": self.mint(audience, user=user, app=app.client_id, scopes=granted),
                "refresh_token": refresh,
                "id_token": self.sign(profile | ({"nonce": nonce} if nonce else {})),
                "client_info": base64.urlsafe_b64encode(client_info).rstrip(b"=").decode(),
            },
        )

    # ------------------------------------------------------------------------- beside: managed identities and GitHub
    @property
    def imds_host(self) -> str:
        """For AZURE_POD_IDENTITY_AUTHORITY_HOST, which is what MSAL takes instead of 169.254.169.254."""
        return self.plain_url

    @property
    def identity_endpoint(self) -> str:
        """For IDENTITY_ENDPOINT, together with `identity_header` for IDENTITY_HEADER: App Service's way."""
        return f"{self.plain_url}/msi/token"

    @property
    def github_environment(self) -> dict[str, str]:
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.plain_url}/github/oidc?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.github_token,
        }

    def federated_token(self, subject: str, issuer: str = "", **claims: Any) -> str:
        """What Kubernetes puts into the file of AZURE_FEDERATED_TOKEN_FILE, and GitHub into its answer."""
        now = int(time.time())
        return self.sign(
            {"iss": issuer or self.github_issuer, "sub": subject, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 600}
            | claims
        )  # fmt: skip

    def _beside(self, path: str, query: dict[str, str], headers: Any) -> Answer:
        if path == "/metadata/identity/oauth2/token":
            if headers.get("Metadata") != "true":
                return Answer(
                    400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}
                )
            return self._managed(query, {"error": "invalid_request", "error_description": "Identity not found"})
        if path == "/msi/token":
            if headers.get("X-IDENTITY-HEADER") != self.identity_header:
                return Answer(401, {"statusCode": 401, "message": "Unauthorized"})
            missing = (
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            )
            return self._managed(query, {"statusCode": 400, "message": missing})
        if path == "/github/oidc":
            if headers.get("Authorization") != f"Bearer {self.github_token}":
                return Answer(401, {"message": "Unauthorized"})
            audience = query.get("audience", "https://github.com/contoso")
            return Answer(200, {"value": self.federated_token(self.github_subject, aud=audience)})
        return Answer(404, {"error": "not_found", "path": path})

    def _managed(self, query: dict[str, str], missing: dict[str, Any]) -> Answer:
        client_id = query.get("client_id", "")
        if client_id not in self.managed_identities:
            return Answer(400, missing)
        token = self.mint(query["resource"], app=client_id or "system-assigned", oid=self.managed_identities[client_id])
        ends = str(int(self.now() + self.token_lifetime_s))
        return Answer(
            200,
            {
                "access_token": token, "expires_in": str(int(self.token_lifetime_s)), "expires_on": ends,
                "resource": query["resource"], "token_type": "Bearer",
            },
        )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


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


# ----------------------------------------------------------------------------------------------- keys and certificates
@functools.cache
def new_key(index: int) -> rsa.RSAPrivateKey:
    """One key for each index in a test run: making one takes longer than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: rsa.RSAPrivateKey, passphrase: str | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@functools.cache
def certificate_authority() -> x509.Certificate:
    key = new_key(0)
    return _certificate("Test authority", key, "Test authority", key, ca=True)


def signed_certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    ca: x509.Certificate,
    ca_key: rsa.RSAPrivateKey,
    *,
    days: int = 30,
    addresses: tuple[str, ...] = (),
    host: str = "localhost",
) -> x509.Certificate:
    issuer = ca.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return _certificate(subject, key, str(issuer), ca_key, days=days, addresses=addresses, host=host)


def _certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    *,
    days: int = 30,
    ca: bool = False,
    addresses: tuple[str, ...] = (),
    host: str = "localhost",
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    signer = issuer_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=ca, crl_sign=ca, content_commitment=False, key_encipherment=not ca,
                data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if addresses:
        names = [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName([*names, x509.DNSName(host)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _audience(scope: str) -> str:
    """`https://api.fabric.microsoft.com/Lakehouse.Read.All` → `https://api.fabric.microsoft.com`."""
    resource = scope.partition(" ")[0].rpartition("/")[0].rstrip("/")
    if resource not in AUDIENCES:
        raise Refused(500011, f"The resource principal named {resource} was not found in the tenant.")
    return resource


def _unchecked(token: str) -> dict[str, Any]:
    payload = jwt.decode(token, options={"verify_signature": False})
    return dict(payload)


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Authority]:
    with Authority(**options) as authority:
        yield authority
        assert not authority.problems
