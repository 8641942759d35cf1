"""Who may call: holders of the server's own token, or of a token that an authority (Microsoft Entra, or a test's) signed.

Only this module knows JSON Web Tokens (PyJWT and cryptography come with msal), and loads them when there is an authority.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import re
import ssl
import stat
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

FABRIC_AUDIENCES = ("https://api.fabric.microsoft.com", "https://analysis.windows.net/powerbi/api")
STORAGE_AUDIENCES = ("https://storage.azure.com",)
CLOCK_SKEW_S = 300.0  # what Entra's own services allow
KEYS_KEPT_S = 3600.0
KEYS_REFRESH_AFTER_S = 5.0  # an unknown key id fetches the keys again, but not with every request
FETCH_TIMEOUT_S = 10.0
CHECK_THREADS = 4
FULL_SCOPE = "user_impersonation"  # what a first-party client's `.default` gives
ANY_TENANT = ("organizations", "common")
MOST_TOKEN_CHARACTERS = 65536
_TOKEN = re.compile(r"[\x21-\x7e]+")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


class TokenRefused(Exception):  # noqa: N818 - what the server does
    """`status` is 401, or 503 where the authority cannot be reached. The message never holds the token."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Caller:
    """`scopes` is None where none apply: an application, or the holder of the server's own token."""

    name: str
    scopes: frozenset[str] | None = None
    is_application: bool = False

    def may(self, *scopes: str) -> bool:
        """Whether the token has one of the scopes."""
        return self.scopes is None or FULL_SCOPE in self.scopes or not self.scopes.isdisjoint(scopes)


class Tokens(Protocol):
    async def check(self, token: str, audiences: tuple[str, ...]) -> Caller:
        """Raises TokenRefused."""
        ...


class OwnToken:
    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def check(self, token: str, _audiences: tuple[str, ...]) -> Caller:
        if not hmac.compare_digest(token.encode(), self._token):
            raise TokenRefused(401, "Unauthorized", "the request carries no valid bearer token of this server")
        return Caller("owner")


class NoToken:
    """Whoever asks is let in."""

    async def check(self, _token: str, _audiences: tuple[str, ...]) -> Caller:
        return Caller("anybody")


class BadToken(ValueError):  # noqa: N818 - says what is wrong
    pass


def read_token(file: str) -> str:
    """Of a file that only its owner may read, or of the first line of standard input. Raises BadToken or OSError."""
    if file == "-":
        text = sys.stdin.readline()
    else:
        with Path(file).expanduser().open(encoding="utf-8", errors="replace") as opened:
            if os.name == "posix" and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise BadToken(f"{file} holds a token, and others may read or change it. `chmod 600 {file}` mends that")
            text = opened.read(MOST_TOKEN_CHARACTERS)
    token = text.removeprefix("\ufeff").strip()
    if not _TOKEN.fullmatch(token):
        where = "standard input" if file == "-" else file
        raise BadToken(f"what {where} holds is no token: it is empty, or has a space or a line break")
    return token


class BadAuthority(ValueError):  # noqa: N818 - says what is wrong
    pass


class AuthorityTokens:
    """Checks signature, audience, issuer, tenant and times. `tenant` None takes every tenant of the authority."""

    def __init__(
        self,
        authority: str,
        ca_file: Path | None = None,
        tenant: str | None = None,
        clock_skew_s: float = CLOCK_SKEW_S,
        keys_refresh_after_s: float = KEYS_REFRESH_AFTER_S,
    ) -> None:
        parts = urlsplit(authority)
        loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or (parts.scheme != "https" and not (loopback and parts.scheme == "http")):
            raise BadAuthority(f"{authority!r} is no https address of an authority")
        if tenant is not None and not _TENANT.fullmatch(tenant):
            raise BadAuthority(f"{tenant!r} is no tenant: its id or one of its domains is needed")
        self._authority = authority.rstrip("/")
        self._tenant = tenant
        self._skew_s = clock_skew_s
        self._refresh_after_s = keys_refresh_after_s
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as problem:  # ssl.SSLError is one
            raise BadAuthority(f"{ca_file} holds no certificates: {problem}") from problem
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
        if loopback:
            handlers.append(urllib.request.ProxyHandler({}))  # loopback is nothing for a proxy
        self._opener = urllib.request.build_opener(*handlers)
        # Own threads: those of the event loop are busy for seconds when sessions end.
        self._threads = ThreadPoolExecutor(CHECK_THREADS, thread_name_prefix="tokens")
        self._lock = threading.Lock()
        self._configurations: dict[str, Mapping[str, Any]] = {}
        self._keys: dict[str, Any] = {}
        self._keys_read_at = float("-inf")

    async def check(self, token: str, audiences: tuple[str, ...]) -> Caller:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.check_now, token, audiences)

    def check_now(self, token: str, audiences: tuple[str, ...]) -> Caller:
        """Raises TokenRefused. May block while the authority's keys are fetched."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            unverified_claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise _invalid("it is no JSON Web Token") from None
        tenant = str(unverified_claims.get("tid", ""))
        configuration = self._configuration(self._tenant or tenant)
        key = self._key(str(header.get("kid", "")), configuration)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],  # never the one that the token itself names
                audience=[*audiences, *(f"{one}/" for one in audiences)],
                issuer=self._issuers(configuration, tenant),
                leeway=self._skew_s,
                options={"require": ["exp", "iss", "aud", "tid"]},
            )
        except jwt.InvalidTokenError as problem:
            raise self._refused(problem, unverified_claims, audiences) from None
        return _caller(claims)

    def _issuers(self, configuration: Mapping[str, Any], tenant: str) -> list[str]:
        """Of the trusted tenant; of the token's own tenant only where every tenant is trusted."""
        trusted_tenant = tenant if self._tenant in {None, *ANY_TENANT} else self._tenant
        issuer = str(configuration.get("issuer", "")).replace("{tenantid}", str(trusted_tenant))
        if urlsplit(self._authority).hostname != "login.microsoftonline.com":
            return [issuer]
        # Fabric still takes tokens of version 1, whose issuer has another host and ends in the same id.
        return [issuer, f"https://sts.windows.net/{urlsplit(issuer).path.strip('/').partition('/')[0]}/"]

    def _refused(
        self, problem: Exception, unverified_claims: Mapping[str, Any], audiences: tuple[str, ...]
    ) -> TokenRefused:
        import jwt

        match problem:
            case jwt.ExpiredSignatureError():
                return TokenRefused(401, "TokenExpired", "the access token has expired; get a new one")
            case jwt.ImmatureSignatureError() | jwt.InvalidIssuedAtError():
                return _invalid("it is not valid yet: the clock of who asked for it, or of this server, is wrong")
            case jwt.InvalidAudienceError():
                return _invalid(f"it is meant for {_shortened(unverified_claims.get('aud'))}, not for {audiences[0]}")
            case jwt.InvalidIssuerError():
                return _invalid(
                    f"{_shortened(unverified_claims.get('iss'))} issued it, which is not the tenant that this server trusts"
                )
            case jwt.MissingRequiredClaimError():
                return _invalid(f"it has no {problem.claim!r}")
            case _:
                return _invalid("its signature is not the authority's")

    # ---- what the authority publishes

    def _configuration(self, tenant: str) -> Mapping[str, Any]:
        if not _TENANT.fullmatch(tenant):
            raise _invalid("it names no tenant")
        with self._lock:
            if tenant not in self._configurations:
                url = f"{self._authority}/{quote(tenant, safe='')}/v2.0/.well-known/openid-configuration"
                self._configurations[tenant] = self._fetch(url)
            return self._configurations[tenant]

    def _key(self, key_id: str, configuration: Mapping[str, Any]) -> Any:
        with self._lock:
            age_s = time.monotonic() - self._keys_read_at
            if age_s > KEYS_KEPT_S or (key_id not in self._keys and age_s > self._refresh_after_s):
                self._keys = _rsa_keys(self._fetch(str(configuration.get("jwks_uri", ""))))
                self._keys_read_at = time.monotonic()
            if key_id not in self._keys:
                raise _invalid("the authority has no such signing key")
            return self._keys[key_id]

    def _fetch(self, url: str) -> Mapping[str, Any]:
        if urlsplit(url).scheme != urlsplit(self._authority).scheme:
            raise _unreachable(self._authority, "it names an address that is not to be asked")
        try:
            with self._opener.open(url, timeout=FETCH_TIMEOUT_S) as response:
                content = json.load(response)
        except urllib.request.HTTPError as problem:
            problem.close()  # it is the response, too
            if problem.code in {400, 404}:
                raise _invalid("its tenant is not known to the authority") from problem
            raise _unreachable(self._authority, f"it answers {problem.code}") from problem
        except (OSError, ValueError, RecursionError) as problem:
            raise _unreachable(self._authority, str(getattr(problem, "reason", problem))) from problem
        if not isinstance(content, dict):
            raise _unreachable(self._authority, "it does not answer as an authority does")
        return content


def _rsa_keys(published: Mapping[str, Any]) -> dict[str, Any]:
    import jwt

    keys = {}
    for one in published.get("keys", []):
        if isinstance(one, dict) and one.get("kty") == "RSA" and one.get("use", "sig") == "sig":
            try:
                keys[str(one.get("kid", ""))] = jwt.PyJWK(one, algorithm="RS256").key
            except jwt.PyJWTError:
                continue  # a key that cannot be read signs nothing that we would accept
    return keys


def _caller(claims: Mapping[str, Any]) -> Caller:
    """A person's token lists its delegated scopes in `scp`; an application's has no such claim."""
    scopes = claims.get("scp")
    name = str(claims.get("upn") or claims.get("preferred_username") or claims.get("appid") or claims.get("azp") or "?")
    if isinstance(scopes, str):
        return Caller(name, frozenset(scopes.split()))
    return Caller(name, is_application=True)


def _invalid(reason: str) -> TokenRefused:
    return TokenRefused(401, "InvalidToken", f"the access token is not accepted: {reason}")


def _unreachable(authority: str, reason: str) -> TokenRefused:
    return TokenRefused(503, "ServiceUnavailable", f"the authority {authority} cannot be asked for its keys: {reason}")


def _shortened(value: Any) -> str:
    return repr(str(value)[:200])
