"""Sessions whose cells run through the agent: on the embedded Fabric, and on its Livy dialect with Livy's bugs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.sessions.session import Session
from tests.support import service

SERVERS = {"Fabric": (), "Livy with its bugs": ("--dialect", "livy", "--quirks")}
SECRETS = ("FABRIC_LIVY_TOKEN", "FABRIC_LIVY_PASSWORD")


class SharedSession:
    """One session for all files; a new one after a test that has ended the Python of the last one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened = ExitStack()
        self._session: Session | None = None

    def get(self) -> Session:
        if self._session is None:
            with pytest.MonkeyPatch.context() as patch:
                for name in SECRETS:
                    patch.setenv(name, service.TOKEN)
                self._session = self._opened.enter_context(connect(self._url, livy_user="me"))
        return self._session

    def close(self) -> None:
        self._session = None
        self._opened.close()


@pytest.fixture(scope="package", params=SERVERS)
def shared_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSession]:
    options = ("--token", service.TOKEN, *SERVERS[request.param])
    with service.serving(tmp_path_factory.mktemp("house"), options) as api:
        shared = SharedSession(api.base)
        yield shared
        shared.close()


@pytest.fixture(scope="module")
def session(shared_session: SharedSession) -> Session:
    return shared_session.get()
