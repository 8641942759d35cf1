"""What `fabric-livy serve` prints when it is ready."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.local.lakehouse.workspaces import Places

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - a name
PASSWORD_VARIABLE = "FABRIC_LIVY_PASSWORD"  # noqa: S105 - a name
FABRIC, LIVY = DIALECTS = ("fabric", "livy")


@dataclass(frozen=True)
class Told:
    """What the start announces, and to whom. `token` is None where an authority's tokens are wanted."""

    token: str | None
    authority: str | None
    as_json: bool
    owned: bool
    dialect: str = FABRIC
    faults_seed: int | None = None
    log: Path | None = None


def announce(port: int, places: Places, told: Told, found: bool) -> None:
    """`found`: notebooks of the same user find the token by themselves."""
    root = f"http://127.0.0.1:{port}"
    api_url = f"{root}/v1" if told.dialect == FABRIC else None
    endpoint = f"{api_url}/{places.first_lakehouse.livy_path()}" if api_url else root
    if told.as_json:
        ready = {"api_url": api_url, "livy_endpoint": endpoint, "token": told.token, "pid": os.getpid()}
        ready |= {} if told.faults_seed is None else {"faults_seed": told.faults_seed}
        text = json.dumps(ready)
    elif told.dialect == LIVY:
        text = _livy_text(endpoint, told, found)
    else:
        text = _fabric_text(endpoint, told, found)
    print(text, flush=True)  # noqa: T201 - a command line


def _fabric_text(endpoint: str, told: Told, found: bool) -> str:
    if told.authority:
        how = "Before that, sign in with `%livy login`."
    elif found:
        how = f"A notebook of this user finds the token by itself; for others, set {TOKEN_VARIABLE} to it."
    else:
        how = f"Before that, set the environment variable {TOKEN_VARIABLE} to the token."
    return (
        f"Livy endpoint: {endpoint}\nToken:         {told.token or f'one that {told.authority} gives'}\n\n"
        f"In a notebook, paste:\n\n%livy use {endpoint}\n\n{how}\n{_more(told)}Ctrl-C ends it."
    )


def _livy_text(endpoint: str, told: Told, found: bool) -> str:
    set_up = f"`%livy config livy_user livy`, and the environment variable {PASSWORD_VARIABLE} set to the token"
    how = f"A notebook of this user finds the token by itself; others need {set_up}."
    if not found:
        how = f"Before that: {set_up}."
    with_password = endpoint.replace("://", f"://livy:{told.token}@")
    return (
        f"Livy endpoint: {endpoint}\nToken:         {told.token}\n\n"
        f"A client of Apache Livy takes any user, and the token as password:\n\n{with_password}\n\n"
        f"In a notebook, paste:\n\n%livy use {endpoint}\n\n{how}\n{_more(told)}Ctrl-C ends it."
    )


def _more(told: Told) -> str:
    faults = "" if told.faults_seed is None else f"Faults strike, by the lots of seed {told.faults_seed}.\n"
    log = f"What it refuses and what fails is in {told.log}.\n" if told.log else ""
    return f"{faults}{log}"
