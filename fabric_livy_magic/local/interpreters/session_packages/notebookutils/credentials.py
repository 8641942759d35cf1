"""Tokens and secrets: from environment variables of the server, or from a file of secrets on this machine."""

from __future__ import annotations

import sys
from typing import NoReturn

from notebookutils import _help, _secrets
from notebookutils._errors import refuse


def getToken(audience: str, name: str = "") -> str:
    """A token for `storage`, `pbi`, `keyvault`, `kusto`, or a URL. Refused where none was given: nobody signs in here."""
    return _secrets.token(audience)


def getSecret(akvName: str, secret: str, linkedService: str | None = None) -> str:
    """A secret of a key vault, by the vault's name or URL, out of the file of secrets."""
    return _secrets.secret(akvName, secret)


def getSecretWithLS(linkedService: str, secret: str) -> str:
    """The same, by the name of a linked service in the place of the vault."""
    return _secrets.secret(linkedService, secret)


def isValidToken(token: str) -> bool:
    """Whether the token's own time is not over. Nobody's signature is checked."""
    return _secrets.is_valid(token)


def putSecret(akvName: str, secretName: str, secretValue: str = "", linkedService: str = "") -> NoReturn:
    """Not here."""
    refuse("credentials.putSecret", "it writes to a key vault")


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
