"""Where the files of a batch are for the server: addresses as they are, files of this machine uploaded to the lakehouse."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.onelake_paths import is_lakehouse_path, read_lakehouse_path
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.statements import Listener

FOLDER = "Files/batches"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C: is a drive
_MOUNTED = "/lakehouse/default/"
_UNUSUAL = re.compile(r"[^\w.-]", re.ASCII)


class Uploaded(NamedTuple):
    local: Path
    path: str
    """Below the lakehouse."""


class BatchFiles:
    """Of one batch, whose files go into a folder of their own, so that none replaces those of another that runs.

    `onelake` gives the files of a `workspace/lakehouse`, or of the target's where that is empty."""

    def __init__(
        self,
        client: LivyClient,
        onelake: Callable[[str], OneLake],
        folder_name: str,
        on_progress: Listener | None = None,
    ) -> None:
        self._client = client
        self._onelake = onelake
        self._on_progress = on_progress
        self.folder = f"{FOLDER}/{folder_name}"
        self.uploaded: list[Uploaded] = []

    def place(self, path: str) -> str:
        """The address for the server. Raises SettingsError for a file that is not there, or that no server could read."""
        if self._client.dialect is not Dialect.FABRIC:
            return path if _ADDRESS.match(path) else self._on_livy(path)
        if is_lakehouse_path(in_lakehouse := path.removeprefix(_MOUNTED)) and not _ADDRESS.match(path):
            found = read_lakehouse_path(in_lakehouse)
            return self._onelake(found.target).abfss(found.path)
        return path if _ADDRESS.match(path) else self.upload(existing_file(path))

    def upload(self, local: Path) -> str:
        """Raises SettingsError on Apache Livy, which has no place for it."""
        if self._client.dialect is not Dialect.FABRIC:
            raise _no_place(f"{local.name} would be a file of this machine")
        known = next((one for one in self.uploaded if one.local == local), None)
        if known is None:
            known = Uploaded(local, self._free_path(_UNUSUAL.sub("_", local.name)))
            self._onelake("").upload(local, known.path, on_progress=self._on_progress)
            self.uploaded.append(known)
        return self._onelake("").abfss(known.path)

    def _free_path(self, name: str) -> str:
        """A module keeps its name, by which it is imported: a second file of that name gets a folder of its own."""
        taken, path, number = {one.path for one in self.uploaded}, f"{self.folder}/{name}", 2
        while path in taken:
            path, number = f"{self.folder}/{number}/{name}", number + 1
        return path

    def remove(self) -> None:
        """What was uploaded for a batch that was not submitted."""
        if self.uploaded:
            self._onelake("").delete(self.folder, recursive=True)

    def _on_livy(self, path: str) -> str:
        if path.startswith("/"):
            return path
        raise _no_place(f"{path!r} is a file of this machine")


def _no_place(what: str) -> SettingsError:
    return SettingsError(
        f"{what}, which an Apache Livy server cannot read. Copy it to where its Spark can (HDFS, S3, a folder of the server) and give "
        "that address: hdfs:///jobs/job.py, s3a://bucket/job.py, or /srv/jobs/job.py for an absolute path of the server's."
    )


def existing_file(path: str) -> Path:
    """Raises SettingsError, with what is there."""
    local = Path(path).expanduser()
    if local.is_file():
        return local
    siblings = [one.name for one in local.parent.iterdir()] if local.parent.is_dir() else []
    near = difflib.get_close_matches(local.name, siblings, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise SettingsError(
        f"There is no file {path} on this machine ({local.absolute().parent}).{guess} One of the lakehouse is written Files/{local.name}."
    )
