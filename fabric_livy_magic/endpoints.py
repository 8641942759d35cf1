"""From a target to a client that may call it: the embedded Fabric is started, the token is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.auth import BearerAuth, Credential, GivenToken, credential_for
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.local.offered import offered_token
from fabric_livy_magic.settings import Settings, Target

if TYPE_CHECKING:
    from fabric_livy_magic.local.launch import LocalFabric


class Endpoints:
    """Owns the embedded Fabrics that it started, one for each lakehouse folder. `credential` is for all other targets."""

    def __init__(self, credential: Credential | None = None) -> None:
        self._credential = credential
        self._embedded: dict[Path, LocalFabric] = {}

    def client(self, target: Target, settings: Settings) -> LivyClient:
        """Raises LocalFabricError where the embedded Fabric cannot be started. A token is fetched with the first call."""
        if target.url:
            url, credential = target.url, self._credential_for(target)
        else:
            fabric = self._started(settings.lakehouse)
            url, credential = fabric.livy_endpoint, GivenToken(fabric.token)
        http = LivyHttp(url, BearerAuth(credential) if credential else None, timeout_s=settings.request_timeout_s)
        return LivyClient(http, Dialect.FABRIC if target.is_fabric_api else Dialect.APACHE_LIVY)

    def _credential_for(self, target: Target) -> Credential | None:
        if self._credential:
            return self._credential
        if token := offered_token(target.url):
            return GivenToken(token)
        return credential_for(target)

    def _started(self, lakehouse: str) -> LocalFabric:
        from fabric_livy_magic.local.launch import default_lakehouse, start_local_fabric

        folder = Path(lakehouse).expanduser() if lakehouse else default_lakehouse()
        running = self._embedded.get(folder)
        if running is None or not running.alive:
            running = self._embedded[folder] = start_local_fabric(folder)
        return running

    def is_ours(self, client: LivyClient) -> bool:
        """Whether an embedded Fabric of this notebook runs behind the client: its sessions end with it."""
        return any(fabric.alive and fabric.livy_endpoint == client.http.base_url for fabric in self._embedded.values())

    def close(self) -> None:
        """Ends the embedded Fabrics, and with them their sessions."""
        while self._embedded:
            self._embedded.popitem()[1].stop()
