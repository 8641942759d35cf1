"""From a target to a signed-in client of it: the embedded Fabric is started, names are looked up, the token is found."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fabric_livy_magic.clouds import cloud_of, is_fabric_address
from fabric_livy_magic.errors import SignInError, without_calls
from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.fabric.onelake_calls import DFS_HOST
from fabric_livy_magic.fabric.targets import livy_url, split_target
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import Authorization, LivyHttp
from fabric_livy_magic.livy.rate import RateLimiter
from fabric_livy_magic.local.server.discovery import find_certificates, find_token
from fabric_livy_magic.own_folders import stands_in
from fabric_livy_magic.settings import Settings, Target
from fabric_livy_magic.signin.external_credentials import StaticToken, TokenCredential
from fabric_livy_magic.signin.identity import Identity, identity_of
from fabric_livy_magic.signin.methods import UserPrompts, credential_by_method, credential_for, open_token_store
from fabric_livy_magic.signin.request_auth import (
    LIVY_PASSWORD_VARIABLE,
    BasicAuth,
    BearerAuth,
    NothingToSend,
    given_auth,
    named_auth,
)
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, Credential, RequestsAuth, token_of

if TYPE_CHECKING:
    from fabric_livy_magic.local.server.launch import LocalFabric


PUBLIC_API = "https://api.fabric.microsoft.com/"
TEMPORARY_LAKEHOUSE = (
    "Your home folder cannot be written, so the lakehouse is in {folder}, where the system may remove it. "
    "FABRIC_LIVY_LAKEHOUSE=FOLDER, or `%livy config lakehouse FOLDER`, chooses a folder that stays."
)
ONELAKE_TABLES = "https://onelake.table.fabric.microsoft.com/delta"
LONG_CALL_S = 300.0  # a part of a file may take that long on a slow line


def _onelake_url(api_url: str) -> str:
    if api_url.startswith(PUBLIC_API):
        return ONELAKE_TABLES
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc}/delta"


def _onelake_files_url(api_url: str) -> str:
    """Of the cloud of that API; a server that is nobody's has it beside its API, as the embedded Fabric does."""
    if is_fabric_address(api_url):
        return f"https://{DFS_HOST.partition('.fabric.')[0]}{cloud_of(api_url, '').hosts[0]}"
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc}/onelake"


def _served_token(url: str, settings: Settings) -> Credential | None:
    """The token of a `fabric-livy serve --dialect livy` of this user, where no user and password were chosen."""
    token = "" if settings.livy_user else find_token(url)
    return StaticToken(token) if token else None


def trusted(url: str, settings: Settings) -> str | bool:
    """The certificates to trust at `url`, as `requests` takes it: the chosen ones, or a running server's own."""
    return settings.ca_file or find_certificates(url) or True


class Connections:
    """Of one notebook: its sign-in, and the embedded Fabrics that it started, one for each lakehouse folder."""

    def __init__(self, credential: Credential | RequestsAuth | None = None) -> None:
        self._given = given_auth(credential)
        is_azure = credential is not None and hasattr(credential, "get_token")  # an azure.core TokenCredential
        chosen: Any = TokenCredential(credential) if is_azure else credential
        self._signed_in: Credential | None = None if self._given else chosen
        self._embedded: dict[tuple[Path, bool], LocalFabric] = {}
        self._urls: dict[tuple[str, str], str] = {}  # (API, workspace/lakehouse) → Livy URL, while the kernel lives
        self._used: dict[tuple[str, str], list[Authorization]] = {}  # by server and audience
        self._without_sign_in: set[str] = set()  # servers that want none
        self._may_sign_in = True

    # ------------------------------------------------------------------------------------------- sign-in
    def login(self, settings: Settings, prompts: UserPrompts, environ: Mapping[str, str] | None = None) -> Identity:
        """Signs in by the settings' method, asking the person where it has to. Raises SignInError."""
        environ = os.environ if environ is None else environ
        credential = without_calls(lambda: credential_by_method(settings, environ, prompts))
        identity = identity_of(token_of(credential))
        self._signed_in = credential
        return identity

    def whoami(self, settings: Settings, url: str = "") -> Identity:
        """Whom the server at `url` will see."""
        return identity_of(token_of(self._credential(settings, url)))

    def logout(self, settings: Settings) -> None:
        """Forgets the sign-in of this notebook and what was kept of earlier ones."""
        self._signed_in = None
        self._used.clear()
        open_token_store(settings).forget()

    def _credential(self, settings: Settings, url: str = "") -> Credential:
        """A running server of this user gets its own token, whoever is signed in elsewhere."""
        if token := find_token(url):
            return StaticToken(token)
        if self._given:
            raise SignInError(
                "An auth object of `requests` is for an Apache Livy server. Fabric takes a token credential."
            )
        return self._signed_in or without_calls(lambda: credential_for(settings))

    # ------------------------------------------------------------------------------------------- while somebody types
    def without_sign_in(self) -> Connections:
        """The same, for look-ups that nobody asked for: it signs nobody in, starts nothing, and sends a server only the token
        that a cell has sent there. Where there is none, a request raises SignInError."""
        other = copy.copy(self)
        other._may_sign_in = False
        return other

    def _authorization(self, url: str, audience: str, make: Callable[[], Authorization | None]) -> Authorization | None:
        parts = urlsplit(url)
        server = f"{parts.scheme}://{parts.netloc}"
        used = self._used.setdefault((server, audience), [])
        if not self._may_sign_in:
            as_they_are: Iterator[Authorization | None] = (one.as_it_is() for one in reversed(used))
            found = next(filter(None, as_they_are), None)
            return found or (None if server in self._without_sign_in else NothingToSend())
        if made := make():
            used[:] = [*[one for one in used if one.as_it_is()][-1:], made]
        else:
            self._without_sign_in.add(server)
        return made

    # ------------------------------------------------------------------------------------------- clients
    def client(self, target: Target, settings: Settings) -> LivyClient:
        """Raises LocalFabricError where the embedded Fabric cannot be started, SettingsError for names that are none."""
        if target.path:
            target = replace(target, url=self._find_url(target.path, settings))
        url = target.url
        if not url:
            fabric = self._embedded_fabric(settings.lakehouse, schemas=settings.lakehouse_schemas)
            http = self._http(fabric.livy_endpoint, lambda: StaticToken(fabric.token), settings)
            return LivyClient(http, Dialect.FABRIC)
        if target.is_fabric_api:
            return LivyClient(self._http(url, lambda: self._credential(settings, url), settings), Dialect.FABRIC)
        if self._given or settings.livy_auth:
            authorization = self._authorization(url, FABRIC, lambda: self._given or named_auth(settings.livy_auth))
            http = LivyHttp(url, authorization, timeout_s=settings.request_timeout_s, verify=trusted(url, settings))
            return LivyClient(http, Dialect.APACHE_LIVY)
        return LivyClient(self._http(url, lambda: _served_token(url, settings), settings), Dialect.APACHE_LIVY)

    def api(self, settings: Settings) -> FabricApi:
        """The Fabric API, for names of workspaces, lakehouses, tables and environments."""
        http = self._http(settings.api_url, lambda: self._credential(settings, settings.api_url), settings)
        return FabricApi(http, self._onelake(settings.api_url, settings))

    def api_of(self, client: LivyClient, settings: Settings) -> FabricApi:
        """The API on the same server as the client's Livy endpoint, called as the client calls."""
        http = client.http.at(client.http.base_url.partition("/workspaces/")[0])
        if self.owns_server_of(client):
            return FabricApi(http, http.at(_onelake_url(http.base_url)))
        return FabricApi(http, self._onelake(http.base_url, settings))

    def files_of(self, client: LivyClient, settings: Settings) -> LivyHttp:
        """OneLake's files on the same server as the client's Livy endpoint, or of the same cloud."""
        api_url = client.http.base_url.partition("/workspaces/")[0]
        if self.owns_server_of(client):
            return client.http.at(_onelake_files_url(api_url))
        return self.files_at(api_url, settings)

    def files_at(self, api_url: str, settings: Settings) -> LivyHttp:
        url = _onelake_files_url(api_url)
        return LivyHttp(
            url,
            self._storage_authorization(url, api_url, settings),
            timeout_s=max(settings.request_timeout_s, LONG_CALL_S),
            verify=trusted(url, settings),
            rate_limiter=RateLimiter(None),  # no page of OneLake's names a limit of calls; its 429 and 503 are heeded
        )

    def _onelake(self, api_url: str, settings: Settings) -> LivyHttp:
        """OneLake's table API."""
        url = _onelake_url(api_url)
        authorization = self._storage_authorization(url, api_url, settings)
        return LivyHttp(url, authorization, timeout_s=settings.request_timeout_s, verify=trusted(url, settings))

    def _storage_authorization(self, url: str, api_url: str, settings: Settings) -> Authorization | None:
        """With a token for storage; a running server's own token is good for all it serves."""

        def make() -> BearerAuth:
            credential = self._credential(settings, api_url)
            own = isinstance(credential, StaticToken) and not is_fabric_address(url)
            return BearerAuth(credential, FABRIC if own else STORAGE, settings.allow_host)

        return self._authorization(url, STORAGE, make)

    def _find_url(self, path: str, settings: Settings) -> str:
        key = (settings.api_url, path)
        if key not in self._urls:
            api = self.api(settings)
            workspace_name, lakehouse_name = split_target(path)
            workspace = api.find_workspace(workspace_name)
            lakehouse = api.find_lakehouse(workspace.id, lakehouse_name)
            self._urls[key] = livy_url(settings.api_url, workspace.id, lakehouse.id)
        return self._urls[key]

    def _http(self, url: str, credential_of: Callable[[], Credential | None], settings: Settings) -> LivyHttp:
        def make() -> BearerAuth | BasicAuth | None:
            if credential := credential_of():
                return BearerAuth(credential, allow_host=settings.allow_host)
            if settings.livy_user:
                password = os.environ.get(LIVY_PASSWORD_VARIABLE, "")
                return BasicAuth(settings.livy_user, password, settings.allow_host)
            return None

        authorization = self._authorization(url, FABRIC, make)
        return LivyHttp(url, authorization, timeout_s=settings.request_timeout_s, verify=trusted(url, settings))

    def _embedded_fabric(self, lakehouse: str, *, schemas: bool) -> LocalFabric:
        from fabric_livy_magic.local.server.launch import default_lakehouse, start_local_fabric

        folder = Path(lakehouse).expanduser() if lakehouse else default_lakehouse()
        if stands_in(folder):
            warnings.warn(TEMPORARY_LAKEHOUSE.format(folder=folder), stacklevel=2)
        running = self._embedded.get((folder, schemas))
        if running is None or not running.alive:
            if not self._may_sign_in:
                raise SignInError("The embedded Fabric does not run.")
            running = self._embedded[folder, schemas] = start_local_fabric(folder, schemas=schemas)
        return running

    def owns_server_of(self, client: LivyClient) -> bool:
        """Whether an embedded Fabric of this notebook runs behind the client: its sessions end with it."""
        return any(fabric.alive and fabric.livy_endpoint == client.http.base_url for fabric in self._embedded.values())

    def is_local(self, client: LivyClient) -> bool:
        """Whether an embedded Fabric is behind the client, anybody's on this machine: paths mean the same to it."""
        return client.dialect is Dialect.FABRIC and client.http.is_loopback

    def close(self) -> None:
        """Ends the embedded Fabrics, and with them their sessions."""
        while self._embedded:
            self._embedded.popitem()[1].stop()
