"""The endpoints of Entra that sign-in uses."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import html
import html.parser
import json
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.entra.certificates import _name
from tests.support.entra.model import (
    AZURE_CLI,
    DEVICE_GRANT,
    ERRORS,
    TENANT,
    Answer,
    Refused,
    RegisteredApp,
    User,
    _audience,
    _unchecked,
)


class SignInEndpoints:
    """A part of `Authority`, whose state it uses."""

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
        description = f"AADSTS{refused.code}: {refused.detail or words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
        body = {
            "error": error, "error_description": description, "error_codes": [refused.code], "timestamp": when,
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
