"""The file of secrets, and tokens by environment variable.

    [tokens]                                    # by Fabric's short name of the audience, or its URL
    storage = "eyJ0…"

    [vaults."my-vault"]                         # by the vault's name; notebooks may write its URL
    db-password = "…"

TOML or JSON of that shape. `FABRIC_LIVY_SECRETS` names it, where the server is started. Only its owner may read it, as for
a private key. A token may be in `FABRIC_LIVY_TOKEN_STORAGE`, `FABRIC_LIVY_TOKEN_PBI` and so on instead.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import time
from typing import Any, Dict
from urllib.parse import urlsplit

from notebookutils import _mocks
from notebookutils._errors import NotebookUtilsError

FILE, TOKEN = "FABRIC_LIVY_SECRETS", "FABRIC_LIVY_TOKEN_"
# learn.microsoft.com: the audiences that getToken takes by a short name, with the hosts that mean the same.
AUDIENCES = {
    "storage": ("storage.azure.com", "onelake.fabric.microsoft.com", "datalake.azure.net"),
    "pbi": ("analysis.windows.net", "api.fabric.microsoft.com", "api.powerbi.com"),
    "keyvault": ("vault.azure.net",),
    "kusto": ("kusto.windows.net", "kusto.fabric.microsoft.com", "api.kusto.windows.net"),
    "sql": ("database.windows.net",),
    "graph": ("graph.microsoft.com",),
    "management": ("management.azure.com", "management.core.windows.net"),
}
VAULT_HOST = ".vault.azure.net"


def token(audience: str) -> str:
    short = short_name(audience)
    if _mocks.is_active():
        return _mocks.token(audience, short)
    variable = TOKEN + short.upper() if short in AUDIENCES else ""
    if variable and os.environ.get(variable):
        return os.environ[variable]
    tokens = section("tokens")
    for key in (audience, short):
        if isinstance(tokens.get(key), str):
            value: str = tokens[key]
            return value
    by_variable = f"set {variable}, or " if variable else ""
    raise NotebookUtilsError(
        f"There is no token for {audience!r}: the embedded Fabric is signed in nowhere. Where the server is started, "
        f"{by_variable}put it under [tokens] as {short!r} into the file that {FILE} names. "
        "With the Azure CLI: az account get-access-token --resource …"
    )


def short_name(audience: str) -> str:
    """`https://storage.azure.com/.default` is storage; an audience without a short name stays."""
    if "://" not in audience:
        return audience.lower()
    host = (urlsplit(audience).hostname or "").lower()
    for short, hosts in AUDIENCES.items():
        if any(host == one or host.endswith("." + one) for one in hosts):
            return short
    return audience


def secret(vault: str, name: str) -> str:
    if _mocks.is_active():
        return _mocks.secret(vault, name, vault_name)
    wanted = vault_name(vault)
    vaults = {vault_name(key): value for key, value in section("vaults").items() if isinstance(value, dict)}
    value = vaults.get(wanted, {}).get(name)
    if isinstance(value, str):
        return value
    if wanted in vaults:
        missing = f"The vault {wanted!r} in the file of secrets has no {name!r}."
    elif file_name():
        missing = f"The file of secrets has no vault {wanted!r}."
    else:
        missing = f"There is no secret {name!r} of {vault!r}: the embedded Fabric reaches no key vault."
    raise NotebookUtilsError(
        f'{missing} Where the server is started, put it under [vaults."{wanted}"] into the file that {FILE} names. '
        "For a test, a mock answers: `%livy config mocks FOLDER`."
    )


def vault_name(text: str) -> str:
    """`https://x.vault.azure.net/` is x."""
    host = urlsplit(text).hostname if "://" in text else text
    host = (host or text).lower().rstrip("/")
    return host[: -len(VAULT_HOST)] if host.endswith(VAULT_HOST) else host


def section(name: str) -> Dict[str, Any]:
    found = content().get(name, {})
    if not isinstance(found, dict):
        raise NotebookUtilsError(f"{file_name()}: {name} is a table.")
    return found


def file_name() -> str:
    return os.path.expanduser(os.environ.get(FILE, ""))


def content() -> Dict[str, Any]:
    """Read at each call: the file is small, and may be edited while a session runs."""
    file = file_name()
    if not file:
        return {}
    try:
        with open(file, "rb") as opened:
            check_private(file, os.fstat(opened.fileno()))
            data = opened.read()
    except OSError as problem:
        raise NotebookUtilsError(f"The file of secrets that {FILE} names cannot be read: {problem}") from problem
    try:
        text = data.decode("utf-8-sig")
        found = json.loads(text) if file.lower().endswith(".json") else toml(text)
    except ValueError as problem:
        raise NotebookUtilsError(f"{file} cannot be read: {problem}") from None
    if not isinstance(found, dict):
        raise NotebookUtilsError(f"{file} is no table of secrets.")
    return found


def check_private(file: str, status: os.stat_result) -> None:
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        raise NotebookUtilsError(
            f"{file} holds secrets, and others may read or change it. `chmod 600 {file}` mends that."
        )


def toml(text: str) -> Dict[str, Any]:
    try:
        import tomllib
    except ImportError:
        raise NotebookUtilsError(
            "TOML needs Python 3.11. Write the file of secrets as JSON, with the ending .json."
        ) from None
    return tomllib.loads(text)


def is_valid(text: str) -> bool:
    """By the `exp` of a JSON Web Token."""
    try:
        claims = text.split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return False
    return isinstance(ends, (int, float)) and ends > time.time()
