"""The files of one lakehouse: what `session.files` is, and what `%livy files` works with."""

from __future__ import annotations

from pathlib import Path

from fabric_livy_magic.fabric import transfers
from fabric_livy_magic.fabric.onelake_calls import Entry, OneLakeCalls
from fabric_livy_magic.fabric.transfers import Amount
from fabric_livy_magic.livy.statements import Listener


class OneLake(OneLakeCalls):
    """Whole files, beside the single calls that it inherits. Paths begin with `Files` or `Tables`."""

    def upload(self, local: Path, path: str, *, overwrite: bool = False, on_progress: Listener | None = None) -> Entry:
        """Puts a file of this machine at `path`; it is there as a whole or not at all."""
        amount = Amount("uploading", local.stat().st_size if local.is_file() else 0, on_progress)
        entry = transfers.upload(self, local, path, amount, overwrite=overwrite)
        transfers.sweep(self)
        return entry

    def download(
        self, path: str, local: Path, *, overwrite: bool = False, on_progress: Listener | None = None
    ) -> Entry:
        """Puts the file at `path` onto this machine; it is there as a whole or not at all."""
        entry = self.stat(path)
        amount = Amount("downloading", entry.size_bytes, on_progress)
        transfers.download(self, entry, local, amount, overwrite=overwrite)
        return entry
