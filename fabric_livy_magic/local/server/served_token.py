"""The token of a running `fabric-livy serve`, for programs that take a credential of azure.core, such as dbt-fabricspark."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.server.discovery import find_token

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

ASKED_AGAIN_AFTER_S = 3600  # the token is good for as long as the server runs; the next one there has another


class ServedToken:
    """An azure.core TokenCredential. `server` is the address of a server that this user runs, such as https://127.0.0.1:8443."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __repr__(self) -> str:
        return f"ServedToken({self._server!r})"

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Raises LocalFabricError where no server of this user runs there."""
        from azure.core.credentials import AccessToken

        token = find_token(self._server)
        if token is None:
            raise LocalFabricError(
                f"No `fabric-livy serve` of this user runs at {self._server}. Start it with that port: "
                "`fabric-livy serve --tls --port PORT`. One that was started with --authority gives no token."
            )
        return AccessToken(token, int(time.time()) + ASKED_AGAIN_AFTER_S)
