"""What a test gets: a lakehouse of its own, with a session on it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home, home_of
from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from fabric_livy_magic.notebooks.defaults import LAKEHOUSES_CONF, REPOSITORY_CONF
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouses, write_named
from fabric_livy_magic.notebooks.repository import Repository
from fabric_livy_magic.testing.kernels import Kernels
from fabric_livy_magic.testing.snapshots import default_of

if TYPE_CHECKING:
    from fabric_livy_magic.sessions.session import Session


class FreshLakehouse:
    """`folder` has its Tables and Files; `target` is its address for sessions. The session starts with its first use."""

    def __init__(self, folder: Path, target: str, repository: Repository, kernels: Kernels) -> None:
        self.folder = folder
        self.target = target
        self.repository = repository
        self.kernels = kernels

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def own_applications(self) -> int:
        """How many of its sessions asked for a Spark application of their own."""
        return 0

    @property
    def files(self) -> Path:
        return self._made(self.folder / "Files")

    def folder_of(self, name: str) -> Path:
        """That of another lakehouse of the repository. Raises SettingsError where there is none of that name."""
        everywhere = [one for workspace in self._home().workspaces.all for one in workspace.lakehouses]
        for one in everywhere:
            if one.name.casefold() == name.casefold():
                return self._made(one.folder)
        known = ", ".join(sorted({one.name for one in everywhere}))
        raise SettingsError(f"The repository {self.repository.root} names no lakehouse {name!r}. There are: {known}.")

    def place_of(self, named: NamedLakehouses, repository: Path, notebook: Path) -> tuple[Path, str]:
        """The folder of the lakehouse in which a notebook works that names these, and its name for `session`: empty where that
        session works in it, too."""
        lakehouse = self.home_of(named, repository, notebook).lakehouse
        return lakehouse.folder, "" if lakehouse.folder == self.folder.resolve() else lakehouse.name

    def home_of(self, named: NamedLakehouses, repository: Path, notebook: Path) -> Home:
        own = one_lakehouse(self.folder.resolve(), schemas=True)
        return home_of(own, own.first_lakehouse, named, repository, notebook)

    def _home(self) -> Home:
        return self.home_of(self._named(), self.repository.root, self.repository.root / "tests")

    def _named(self) -> NamedLakehouses:
        """The others are found in the repository."""
        return NamedLakehouses(default_of(self.repository))

    @cached_property
    def session(self) -> Session:
        from fabric_livy_magic.sessions.connect import connect

        conf = {REPOSITORY_CONF: str(self.repository.root)}
        named = self._named()
        if named.default:
            conf[LAKEHOUSES_CONF] = write_named(named)
        return connect(self.target, conf=conf)

    def seed(self, folder: str | Path) -> None:
        """Makes tables of samples that `fabric-livy pull` has written; a relative folder is one of the repository. Raises SettingsError
        for a table that is there, FrameError for what is no sample."""
        from fabric_livy_magic.sessions.samples import seed

        seed(self.session, self.repository.root / folder)

    def end_sessions(self) -> None:
        if (session := self.__dict__.pop("session", None)) is not None:
            session.__exit__(None, None, None)

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class EmbeddedLakehouse(FreshLakehouse):
    """One of an embedded Fabric, which is asked at `http`."""

    def __init__(
        self, folder: Path, target: str, repository: Repository, kernels: Kernels, http: LivyHttp, path: str
    ) -> None:
        super().__init__(folder, target, repository, kernels)
        self._http = http
        self._path = path

    def own_applications(self) -> int:
        return int(self._http.get(self._path)["ownApplications"])


class RemoteLakehouse(FreshLakehouse):
    """That of --fabric-target. It has no folder on this machine, and keeps what tests write."""

    @cached_property
    def session(self) -> Session:
        from fabric_livy_magic.sessions.connect import connect

        return connect(self.target)

    def place_of(self, named: NamedLakehouses, repository: Path, notebook: Path) -> tuple[Path, str]:
        """Sessions are requested of the target's lakehouse, whatever the notebook names."""
        return self.folder, ""

    @property
    def files(self) -> Path:
        raise SettingsError(_NO_FOLDER)

    def folder_of(self, name: str) -> Path:
        raise SettingsError(_NO_FOLDER)


_NO_FOLDER = "The lakehouse of --fabric-target has no folder on this machine; the embedded Fabric's has."
