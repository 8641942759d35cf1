"""Federated tokens (client assertions) of issuers that Entra trusts: Kubernetes service accounts, GitHub Actions jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.signin.entra.app import MsalHttp

EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"


def workload_assertion(environ: Mapping[str, str]) -> Callable[[], str]:
    """Returns a function that fetches the token of this workload's issuer; anew for each call, as it is valid for minutes.

    Kubernetes keeps it in the file AZURE_FEDERATED_TOKEN_FILE; a GitHub Actions job with `id-token: write` requests it.
    """
    if path := environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        return lambda: _token_of_file(Path(path))
    if (url := environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")) and (
        bearer := environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    ):
        return lambda: _token_of_github(url, bearer)
    raise SignInError(
        "There is no workload identity here: neither AZURE_FEDERATED_TOKEN_FILE (Kubernetes) nor "
        "ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN (GitHub Actions: give the job `permissions: id-token: write`) is set."
    )


def _token_of_file(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SignInError(
            f"The federated token file {path} (AZURE_FEDERATED_TOKEN_FILE) cannot be read: {reason}."
        ) from error
    if not token:
        raise SignInError(f"The federated token file {path} (AZURE_FEDERATED_TOKEN_FILE) is empty.")
    return token


def _token_of_github(url: str, bearer: str) -> str:
    parts = urlsplit(url)
    is_loopback = parts.hostname in LOOPBACK
    if parts.scheme != "https" and not is_loopback:
        raise SignInError("The job's token is not sent to ACTIONS_ID_TOKEN_REQUEST_URL: it is no https address.")
    http = MsalHttp(is_on_this_machine=is_loopback)
    try:
        answer = http.get(url, params={"audience": EXCHANGE_AUDIENCE}, headers={"Authorization": f"Bearer {bearer}"})
        token = answer.json().get("value") if answer.status_code == 200 else None
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise SignInError(f"GitHub did not give the job its OIDC token ({type(error).__name__}).") from error
    if not token:
        raise SignInError(
            f"GitHub did not give the job its OIDC token (HTTP {answer.status_code}). It needs `permissions: id-token: write`."
        )
    return str(token)
