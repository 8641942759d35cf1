"""The Fabric of a test run: an embedded one with one Spark application for all tests, or a target that somebody named."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.local.server.discovery import published_token
from fabric_livy_magic.local.server.launch import LocalFabric, start_local_fabric
from fabric_livy_magic.notebooks.repository import Repository, repository_root
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from fabric_livy_magic.testing.fresh_lakehouse import EmbeddedLakehouse, FreshLakehouse, RemoteLakehouse
from fabric_livy_magic.testing.kernels import Kernels
from fabric_livy_magic.testing.snapshots import copy_snapshot, give_root

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.session import Session

LOCAL = "local"


class FabricOfTests:
    """`target` is what tests named; `repository` has the notebooks."""

    def __init__(self, target: str, folder: Path, root: Path) -> None:
        self.target = target
        self.root = root
        self._folder = folder
        self.kernels = Kernels()
        self._numbers = count(1)

    @cached_property
    def repository(self) -> Repository:
        return Repository(repository_root(self.root))

    @contextlib.contextmanager
    def fresh_lakehouse(self, snapshot: Path | None = None) -> Iterator[FreshLakehouse]:
        """One that is there for as long as the block. It begins as a copy of the folder `snapshot`."""
        raise NotImplementedError

    def snapshot(self, seed: Callable[[Session], Any]) -> Path:
        """A folder for `lakehouse_snapshot`: what a lakehouse holds after `seed` has worked there with a session."""
        with self.fresh_lakehouse() as lakehouse:
            seed(lakehouse.session)
            lakehouse.end_sessions()
            folder = self._folder / f"snapshot-{next(self._numbers)}"
            copy_snapshot(lakehouse.folder, folder)
        return folder


class EmbeddedFabric(FabricOfTests):
    def __init__(self, server: LocalFabric, http: LivyHttp, folder: Path, root: Path) -> None:
        super().__init__(LOCAL, folder, root)
        self._server = server
        self._http = http
        self.spark_starts = 0

    def __repr__(self) -> str:
        return f"EmbeddedFabric({self._server.api_url!r}, spark_starts={self.spark_starts})"

    @contextlib.contextmanager
    def fresh_lakehouse(self, snapshot: Path | None = None) -> Iterator[FreshLakehouse]:
        folder = self._folder / f"lakehouse-{next(self._numbers)}"
        folder.mkdir()
        if snapshot is not None:
            copy_snapshot(snapshot, folder)
        give_root(folder, self.repository)
        made = self._http.post("/embedded/freshLakehouses", {"folder": str(folder)})
        self.spark_starts = int(made["sparkStarts"])
        address, path = f"{self._server.api_url}/{made['livyPath']}", f"/embedded/freshLakehouses/{made['id']}"
        lakehouse = EmbeddedLakehouse(folder, address, self.repository, self.kernels, self._http, path)
        try:
            yield lakehouse
        finally:
            lakehouse.end_sessions()
            self._http.delete(path)
            shutil.rmtree(folder, ignore_errors=True)  # what a process of the test still writes there stays


class RemoteFabric(FabricOfTests):
    """Any other target. Its lakehouse is not fresh: tests that write there see each other's tables."""

    @contextlib.contextmanager
    def fresh_lakehouse(self, snapshot: Path | None = None) -> Iterator[FreshLakehouse]:
        if snapshot is not None:
            raise SettingsError(
                "A snapshot is for the embedded Fabric: the lakehouse of --fabric-target stays as it is."
            )
        lakehouse = RemoteLakehouse(self._folder, self.target, self.repository, self.kernels)
        try:
            yield lakehouse
        finally:
            lakehouse.end_sessions()


@contextlib.contextmanager
def open_target(target: str, folder: Path, root: Path) -> Iterator[FabricOfTests]:
    """`folder` is for what the tests make, `root` the root folder of the tests. Raises LocalFabricError."""
    if target != LOCAL:
        remote = RemoteFabric(target, folder, root)
        try:
            yield remote
        finally:
            remote.kernels.close()
        return
    base = folder / "base"
    base.mkdir()
    server = start_local_fabric(base, shares_spark=True)
    try:
        address = urlsplit(server.api_url)
        http = LivyHttp(f"{address.scheme}://{address.netloc}", BearerAuth(StaticToken(server.token)))
        with published_token(address.port or 0, server.token):  # kernels of notebooks find it
            fabric = EmbeddedFabric(server, http, folder, root)
            try:
                yield fabric
            finally:
                fabric.kernels.close()
    finally:
        server.stop()
