"""How a notebook of the same user finds the token and the certificate of a running `fabric-livy serve`, so that nobody has to
paste them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from fabric_livy_magic.own_folders import user_folder, write_private

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def token_file(port: int) -> Path:
    return user_folder("state") / f"serve-{port}.token"


@contextlib.contextmanager
def published_token(port: int, token: str) -> Iterator[bool]:
    """While it lasts, this user's processes can read the token. False where no such file can be written."""
    path = token_file(port)
    try:
        write_private(path, f"{os.getpid()}\n{token}")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)


def remove_token(port: int) -> None:
    """The one that a killed server left for this port, before a server there takes other tokens."""
    with contextlib.suppress(OSError):
        token_file(port).unlink(missing_ok=True)


def find_token(url: str) -> str | None:
    """The token of the server at this loopback address, if this user runs it."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK or not parts.port:
        return None
    try:
        process_id, _, token = token_file(parts.port).read_text(encoding="utf-8").partition("\n")
        os.kill(int(process_id), 0)  # a killed server leaves its file, and another one may have its port by now
    except (OSError, ValueError):
        return None
    return token.strip() or None


def tls_folder() -> Path:
    return user_folder("state") / "tls"


def trusted_file() -> Path:
    """The certificate of this user's servers that speak https, behind those that Python trusts. It need not exist."""
    return tls_folder() / "ca-bundle.pem"


def find_certificates(url: str) -> str | None:
    """The file to trust for a server at this https loopback address; None where this user never started one.

    Only this user has the key that belongs to the certificate, so that nobody else can answer in the place of the server.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname not in LOOPBACK:
        return None
    file = trusted_file()
    return str(file) if file.is_file() else None
