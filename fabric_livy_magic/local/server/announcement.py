"""What `fabric-livy serve` prints when it is ready."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.local.lakehouse.workspaces import Workspaces
from fabric_livy_magic.local.server.certificate import ServedCertificate

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - a name
PASSWORD_VARIABLE = "FABRIC_LIVY_PASSWORD"  # noqa: S105 - a name
OPEN_TO_ALL = (
    "requests need no token: every user and every program of this machine can run code as you, until this ends"
)
FABRIC, LIVY = DIALECTS = ("fabric", "livy")


@dataclass(frozen=True)
class Announcement:
    """What is printed, and how. `token` is None where requests carry an authority's tokens, or none."""

    token: str | None
    authority: str | None
    as_json: bool
    owned: bool
    dialect: str = FABRIC
    faults_seed: int | None = None
    log: Path | None = None
    tls: ServedCertificate | None = None


def announce(port: int, workspaces: Workspaces, announcement: Announcement, token_is_published: bool) -> None:
    """`token_is_published`: notebooks of the same user find the token by themselves."""
    root = f"{'https' if announcement.tls else 'http'}://127.0.0.1:{port}"
    api_url = f"{root}/v1" if announcement.dialect == FABRIC else None
    endpoint = f"{api_url}/{workspaces.first_lakehouse.livy_path()}" if api_url else root
    if announcement.as_json:
        ready = {"api_url": api_url, "livy_endpoint": endpoint, "token": announcement.token, "pid": os.getpid()}
        ready |= {} if announcement.faults_seed is None else {"faults_seed": announcement.faults_seed}
        if tls := announcement.tls:
            ready |= {"certificate": str(tls.certificate), "ca_bundle": str(tls.ca_bundle)}
        text = json.dumps(ready)
    elif announcement.dialect == LIVY:
        text = _livy_text(endpoint, announcement, token_is_published)
    else:
        text = _fabric_text(endpoint, announcement, token_is_published)
    print(text, flush=True)  # noqa: T201 - a command line


def _fabric_text(endpoint: str, announcement: Announcement, token_is_published: bool) -> str:
    if announcement.authority:
        how = "Before that, sign in with `%livy login`."
    elif token_is_published:
        how = f"A notebook of this user finds the token by itself; for others, set {TOKEN_VARIABLE} to it."
    else:
        how = f"Before that, set the environment variable {TOKEN_VARIABLE} to the token."
    return (
        f"Livy endpoint: {endpoint}\nToken:         {announcement.token or f'one that {announcement.authority} gives'}\n\n"
        f"In a notebook, paste:\n\n%livy use {endpoint}\n\n{how}\n{_notes(announcement)}Ctrl-C ends it."
    )


def _livy_text(endpoint: str, announcement: Announcement, token_is_published: bool) -> str:
    if announcement.token is None:
        head = f"Livy endpoint: {endpoint}\nWarning:       {OPEN_TO_ALL}.\n\nIn a notebook, paste:\n\n%livy use {endpoint}\n\n"
        return f"{head}{_notes(announcement)}Ctrl-C ends it."
    set_up = f"`%livy config livy_user livy`, and the environment variable {PASSWORD_VARIABLE} set to the token"
    how = f"A notebook of this user finds the token by itself; others need {set_up}."
    if not token_is_published:
        how = f"Before that: {set_up}."
    with_password = endpoint.replace("://", f"://livy:{announcement.token}@")
    return (
        f"Livy endpoint: {endpoint}\nToken:         {announcement.token}\n\n"
        f"A client of Apache Livy takes any user, and the token as password:\n\n{with_password}\n\n"
        f"In a notebook, paste:\n\n%livy use {endpoint}\n\n{how}\n{_notes(announcement)}Ctrl-C ends it."
    )


def _notes(announcement: Announcement) -> str:
    faults = (
        "" if announcement.faults_seed is None else f"Faults strike, by the lots of seed {announcement.faults_seed}.\n"
    )
    log = f"What it refuses and what fails is in {announcement.log}.\n" if announcement.log else ""
    return f"{_trust(announcement.tls)}{faults}{log}"


def _trust(tls: ServedCertificate | None) -> str:
    if tls is None:
        return ""
    return (
        "Notebooks of this user trust its certificate. For other programs, it is\n"
        f"{tls.certificate}\nFor those in Python, this has what they trust already, too:\n\n"
        f"export REQUESTS_CA_BUNDLE={shlex.quote(str(tls.ca_bundle))}\n\n"
    )
