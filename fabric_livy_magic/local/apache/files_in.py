"""Which files a client may name: Livy's rules for URIs, with the file system of this machine as the default one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fabric_livy_magic.local.asked import BatchRequest, SessionRequest


class NotAllowed(ValueError):  # noqa: N818 - says what is wrong, in Livy's words
    pass


class AllowedFolders:
    """Livy's `livy.file.local-dir-whitelist`: the lakehouse and the system's temporary folder."""

    def __init__(self, lakehouse: Path) -> None:
        self._folders = [lakehouse.resolve(), Path(tempfile.gettempdir()).resolve()]

    def check(self, uri: str) -> None:
        """Raises NotAllowed. A URI of another file system is Spark's to judge."""
        parts = urlsplit(uri)
        if not parts.scheme and not parts.path.startswith("/"):
            raise NotAllowed(f"requirement failed: Path '{parts.path}' is not absolute.")
        if parts.scheme in ("", "file"):
            path = unquote(parts.path)
            if not any(_resolved(path).is_relative_to(folder) for folder in self._folders):
                raise NotAllowed(f"requirement failed: Local path {path} cannot be added to user sessions.")

    def check_all(self, asked: SessionRequest) -> None:
        """All that a session or batch brings along. Raises NotAllowed."""
        for uri in _named(asked):
            self.check(uri)


def _named(asked: SessionRequest) -> Iterable[str]:
    if isinstance(asked, BatchRequest):
        yield asked.file
    yield from (*asked.jars, *asked.py_files, *asked.files, *asked.archives)


def _resolved(path: str) -> Path:
    """Without `..`, and behind all links: Spark would follow them, too."""
    try:
        return Path(path).resolve()
    except (OSError, ValueError):  # a loop of links, a NUL
        return Path("/")
