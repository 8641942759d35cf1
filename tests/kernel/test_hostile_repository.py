"""A hostile repository is opened: no code of it runs and no byte reaches its server, whatever a person does but trust it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.settings import Settings
from tests.support.hostile_repository import CountingServer, HostileRepository, hostile_repository
from tests.support.kernels import Kernel, kernel
from tests.support.lists import ListServer

TOKEN = "the-users-own-token"


@dataclass
class User:
    """Their machine: settings file, Azure CLI, and the Fabric that they use."""

    fabric: ListServer
    environ: dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[CountingServer]:
    one = CountingServer()
    yield one
    one.close()


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    home = tmp_path_factory.mktemp("home")
    fabric = ListServer()
    fabric.names("/v1/workspaces", "Sales")
    fabric.names("/v1/workspaces/id-0/lakehouses", "Gold")
    address = fabric.url.partition("//")[2]
    config = home / "config" / "fabric-livy-magic" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'target = "Sales/Gold"\napi_url = "{fabric.url}/v1"\nauthority_host = "{fabric.url}"\nallow_host = "{address}"\n'
        f'request_timeout_s = 5\n[profiles.mine]\ntarget = "Sales/Gold"\n'
    )
    az = home / "bin" / "az"
    az.parent.mkdir()
    az.write_text(f"""#!/bin/sh\necho '{{"accessToken": "{TOKEN}"}}'\n""")
    az.chmod(0o755)
    environ = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "STATE", "DATA", "CACHE")}
    environ |= {"HOME": str(home), "PATH": f"{az.parent}{os.pathsep}{os.environ['PATH']}"}
    environ |= {"FABRIC_LIVY_PASSWORD": "the-users-password", "AZURE_CLIENT_SECRET": "the-users-secret"}
    yield User(fabric, environ)
    fabric.close()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, server: CountingServer) -> HostileRepository:
    folder = tmp_path_factory.mktemp("cloned")
    return hostile_repository(folder / "repository", folder / "mark", server, with_package=True)


@pytest.fixture(scope="module")
def plain_repository(tmp_path_factory: pytest.TempPathFactory, server: CountingServer) -> HostileRepository:
    """Without a package of our name, which `%load_ext` in the plain kernel would load, as `import` in any cell does."""
    folder = tmp_path_factory.mktemp("cloned_plain")
    return hostile_repository(folder / "repository", folder / "mark", server, with_package=False)


KERNELS = ["python3", "fabric-livy", "fabric-livy-sql", "fabric-livy-scala"]
TYPED = [
    "%livy use Sal",
    "livy use Sales/",
    "livy use mi",
    "livy lakehouses S",
    "livy environments S",
    "livy attach a",
    "livy schema g",
    "livy explore g",
    "livy config method its_",
    "livy config target h",
    "livy doctor x",
    "%livy_sql -o x",
    "%livy_sql\nSELECT * FROM g",
    "%livy_pyspark\nnotebookutils.cre",
    "%livy_spark\nval x = sp",
    "%sql\nSELECT g",
]
OF_OUR_KERNELS = [
    "spark.sq",
    "notebookutils.cre",
    "%%local\nimport its_credential.",
    "%%local\nfrom azure.identity import ",
]
CELLS = [
    "%livy config",
    "%livy status",
    "%livy doctor",
    "%livy workspaces",
    "%livy use local",
    "%livy use mine",
    "%livy use Sales/Gold",
    "%livy trust",
    "%%livy_sql\nSELECT 1",
    "%%livy_pyspark\n1 + 1",
]


@pytest.fixture(scope="module", params=KERNELS)
def opened(
    request: pytest.FixtureRequest, user: User, repository: HostileRepository, plain_repository: HostileRepository
) -> Iterator[tuple[str, Kernel, HostileRepository]]:
    of = plain_repository if request.param == "python3" else repository
    path = of.git_notebook if request.param == "fabric-livy-sql" else of.notebook
    environ = {**user.environ, "FABRIC_LIVY_NOTEBOOK": str(path)}
    with ExitStack() as stack:
        running = stack.enter_context(kernel(environ, path.parent, spec=request.param))
        if request.param == "python3":
            assert running.run("%load_ext fabric_livy_magic").status == "ok"
        yield request.param, running, of


def asked(running: Kernel, code: str) -> list[str]:
    """TAB, and inspection, at the end of the code and after each of its words."""
    matches: list[str] = []
    for cursor in {len(code), *(place + 1 for place, character in enumerate(code) if character in " \n./")}:
        reply: dict[str, Any] = running.client.complete(code, cursor, reply=True, timeout=20)["content"]
        matches += reply["matches"]
        running.client.inspect(code, cursor, reply=True, timeout=20)
    return matches


def test_opening_typing_and_cells_run_nothing_of_it_and_send_it_nothing(
    opened: tuple[str, Kernel, HostileRepository], user: User, server: CountingServer
) -> None:
    name, running, of = opened
    requests_before = len(user.fabric.seen)
    typed = [f"%{text}" if number else text for number, text in enumerate(TYPED)]
    for code in [*typed, *(OF_OUR_KERNELS if name != "python3" else [])]:
        asked(running, code)
    assert (of.ran(), server.connections) == ([], 0)
    assert len(user.fabric.seen) == requests_before  # nor did a TAB sign in at the user's own Fabric

    first = running.run("%%livy_sql\nSELECT 1" if name == "python3" else "1 + 1")
    assert first.everything.count("pyproject.toml chooses what does not count") == 1
    assert "`%livy trust`" in first.everything
    shown = {code: running.run(code) for code in CELLS}
    for code in [*typed, *(OF_OUR_KERNELS if name != "python3" else [])]:
        asked(running, code)
    assert (of.ran(), server.connections, server.received) == ([], 0, b"")

    assert "Sales" in shown["%livy workspaces"].text  # the user's own choices count
    assert "Sales/" in asked(running, "%livy use Sal")
    assert "Target: local (an embedded Fabric" in shown["%livy use local"].text
    assert "Nobody can be asked here" in shown["%livy trust"].evalue
    assert str(Settings().rows_shown + 1) in running.run("%livy config rows_shown").text.split()
    for one in (first, *shown.values()):
        assert TOKEN not in one.everything
        assert "the-users-" not in one.everything


COMMANDS = [
    ["config"],
    ["config", "path"],
    ["config", "set", "rows_shown", "20"],
    ["doctor", "--json"],
    ["trust"],
    ["trust", "--list"],
    ["login"],
    ["logout"],
    ["check", "notebooks"],
    ["convert", "notebooks/Report.Notebook", "../converted.ipynb"],
    ["run", "statement.sql"],
    ["run", "notebooks/Report.Notebook", "--output", "../executed.ipynb"],
    ["kernel", "install", "--prefix", "../prefix"],
    ["serve", "--help"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_runs_anything_of_it_or_sends_it_anything(
    arguments: list[str], user: User, repository: HostileRepository, server: CountingServer
) -> None:
    (repository.folder / "statement.sql").write_text("SELECT 1")
    done = subprocess.run(
        [Path(sys.executable).with_name("fabric-livy"), *arguments],
        cwd=repository.folder,
        env={**os.environ, **user.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert (repository.ran(), server.connections) == ([], 0)
    assert TOKEN not in printed
    if arguments in (["config"], ["doctor", "--json"], ["login"], ["run", "statement.sql"]):
        assert "pyproject.toml" in printed
        assert "`%livy trust`" in printed
    if arguments == ["trust"]:
        assert f"`fabric-livy trust {repository.folder / 'pyproject.toml'} --yes`" in printed
        assert "target = " in printed


def test_after_trust_it_gets_what_it_asked_for(
    user: User, repository: HostileRepository, server: CountingServer, tmp_path: Path
) -> None:
    """So that the tests above would see it."""
    trusted = shutil.copytree(repository.folder, tmp_path / "trusted")
    environ = {**os.environ, **user.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    before = server.connections
    for arguments in (["trust", "--yes"], ["doctor"]):
        command = [Path(sys.executable).with_name("fabric-livy"), *arguments]
        subprocess.run(command, cwd=trusted, env=environ, capture_output=True, timeout=120, check=False)
    assert server.connections > before
