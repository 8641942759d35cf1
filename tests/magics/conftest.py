"""The notebooks of these tests: a real IPython shell whose target is the scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook, notebook


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Notebook]:
    """A notebook with the extension loaded, and no target."""
    with notebook(capsys, tmp_path) as one:
        one.ok("%load_ext fabric_livy_magic")
        yield one


@pytest.fixture
def nb(bare: Notebook, fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Notebook]:
    """A notebook whose target is the scripted Fabric. In the end no output may hold the token."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    bare.ok(f"%livy use {fabric.url}")
    yield bare
    assert fabric.token not in "\n".join(bare.all_output)
    names = {name: value for name, value in bare.names.items() if not name.startswith("_")}
    assert fabric.token not in repr(names)


@pytest.fixture
def started(nb: Notebook, fabric: FakeFabric) -> Notebook:
    fabric.session_goes("idle")
    nb.ok("%livy start")
    return nb


@pytest.fixture
def nb_with_session(
    capsys: pytest.CaptureFixture[str], fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Notebook]:
    """A notebook with a session on the scripted Fabric, and a state folder of its own."""
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fabric.session_goes("idle")
    with notebook(capsys, tmp_path) as one:
        one.ok("%load_ext fabric_livy_magic")
        one.ok(f"%livy use {fabric.url}")
        one.ok("%livy start")
        yield one


def start_elsewhere(fabric: FakeFabric) -> str:
    """The id of a session that some other client started."""
    return client_of(fabric).create_session(SessionSpec()).id
