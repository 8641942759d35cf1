"""In which lakehouse a notebook works that another one runs, and the sessions for those that are not the caller's."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home, home_of
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces, one_lakehouse, read_workspaces
from fabric_livy_magic.local.sessions.child_sessions import ChildSessions
from fabric_livy_magic.local.sessions.notebook_context import home_of_child
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.spark.end_reason import EndReason
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse, NamedLakehouses
from tests.support.repositories import commit_lakehouse

WORKSPACE, BRONZE, SILVER, NEW = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "1234")


def named(name: str, lakehouse_id: str = "") -> NamedLakehouses:
    return NamedLakehouses(NamedLakehouse(name, lakehouse_id, WORKSPACE))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    for name in ("Bronze", "Silver"):
        commit_lakehouse(root, name, defaultSchema="dbo")
    return root


@pytest.fixture
def server(tmp_path: Path) -> Workspaces:
    (tmp_path / "house").mkdir()
    return one_lakehouse(tmp_path / "house", schemas=True)


def test_a_notebook_works_in_the_lakehouse_that_its_caller_knows_by_the_name(
    server: Workspaces, repository: Path
) -> None:
    requested = server.first_lakehouse
    conf = {"spark.fabric_livy.notebooks": str(repository)}
    caller = home_of(server, requested, named("Bronze", BRONZE), repository)
    silver = home_of_child(caller, server, requested, conf, named("silver"))
    assert (silver.lakehouse.name, silver.workspaces) == ("Silver", caller.workspaces)
    assert silver.lakehouse.folder.name == "silver"
    assert home_of_child(caller, server, requested, conf, named("", BRONZE)) == caller
    assert home_of_child(caller, server, requested, conf, NamedLakehouses()) == caller
    other = home_of_child(caller, server, requested, conf, named("Elsewhere", NEW))
    assert (other.lakehouse.name, other.lakehouse.id) == ("Elsewhere", NEW)
    assert other.lakehouse.folder not in {caller.lakehouse.folder, silver.lakehouse.folder}


def test_what_a_file_of_workspaces_does_not_have_stays_the_caller_s(tmp_path: Path) -> None:
    lakehouses = [{"name": "House", "folder": "house"}, {"name": "Silver", "folder": "silver", "id": SILVER}]
    file = tmp_path / "workspaces.json"
    file.write_text(json.dumps({"workspaces": [{"name": "Sales", "lakehouses": lakehouses}]}), encoding="utf-8")
    server = read_workspaces(file)
    caller = Home(server.first_lakehouse, server)
    assert home_of_child(caller, server, caller.lakehouse, {}, named("x", SILVER)).lakehouse.name == "Silver"
    assert home_of_child(caller, server, caller.lakehouse, {}, named("Gold", NEW)) == caller


@dataclass
class Host:
    """A session that was asked for."""

    folder: Path
    ended: bool = False
    stopped: bool = False
    settled: threading.Event = field(default_factory=threading.Event)
    end_reason: EndReason = field(default_factory=EndReason)

    def open_repl(self, repl_id: str, notebook: Mapping[str, Any] | None = None) -> Repl:
        raise NotImplementedError

    def close_repl(self, repl_id: str) -> None: ...

    def stop(self) -> None:
        self.stopped = self.ended = True

    def remove_files(self) -> None: ...


def test_there_is_one_session_for_each_lakehouse_until_the_caller_s_ends(server: Workspaces, repository: Path) -> None:
    requested = server.first_lakehouse
    caller = home_of(server, requested, named("Bronze", BRONZE), repository)
    started: list[Host] = []

    def start(home: Home) -> Host:
        started.append(Host(home.lakehouse.folder))
        started[-1].settled.set()
        return started[-1]

    def place(child: NamedLakehouses) -> Home:
        return home_of_child(caller, server, requested, {"spark.fabric_livy.notebooks": str(repository)}, child)

    children = ChildSessions(caller.lakehouse.folder, place, start)
    assert children.host_of(named("Bronze")) is None
    assert children.host_of(named("Silver")) is children.host_of(named("SILVER")) is started[0]
    started[0].ended = True
    assert children.host_of(named("Silver")) is started[1]
    children.close()
    assert started[1].stopped
    with pytest.raises(JvmGone, match="ended meanwhile"):
        children.host_of(named("Silver"))
    assert len(started) == 2


def test_a_session_that_does_not_start_says_why(server: Workspaces) -> None:
    requested = server.first_lakehouse

    def start(home: Home) -> Host:
        host = Host(home.lakehouse.folder, ended=True, end_reason=EndReason(message="no memory"))
        host.settled.set()
        return host

    def place(child: NamedLakehouses) -> Home:
        return home_of(server, requested, child, None)

    with pytest.raises(JvmGone, match="no memory"):
        ChildSessions(requested.folder / "other", place, start).host_of(named("Silver"))
