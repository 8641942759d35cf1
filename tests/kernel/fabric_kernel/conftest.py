"""One Fabric Livy kernel with one session for all files, driven as front ends drive it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.support import service
from tests.support.browser import chromium_path
from tests.support.jupyter_server import JupyterServer, jupyter_server
from tests.support.kernels import Kernel, kernel


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN)) as served:
        yield served


@pytest.fixture(scope="package")
def started(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose session has started."""
    with new_kernel(api, tmp_path_factory.mktemp("notebook")) as running:
        assert running.run("1 + 1").text.endswith("2")
        yield running


@pytest.fixture(scope="package")
def jupyter(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One for all files that look at pages. Its kernels attach to the session of `started`."""
    pytest.importorskip("jupyterlab")
    if not chromium_path():
        pytest.skip("Chromium is not installed; `.ci/run` takes it from apt")
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    with jupyter_server(tmp_path_factory.mktemp("lab"), environ) as server:
        yield server


def write_notebook(
    server: JupyterServer, name: str, api: service.Api, cells: Sequence[str], *, is_plain: bool = False
) -> None:
    """One of the Fabric Livy kernel, or of the plain Python kernel, whose first cell attaches to the session."""
    (session,) = sessions(api)
    spec = {"name": "fabric-livy", "display_name": "Fabric Livy", "language": "python"}
    if is_plain:
        spec |= {"name": "python3", "display_name": "Python 3"}
    load = "%load_ext fabric_livy_magic\n" if is_plain else ""
    codes = [f"{load}%livy attach {session['id']}", *cells]
    notebook = new_notebook(cells=[new_code_cell(one) for one in codes], metadata={"kernelspec": spec})
    nbformat.write(notebook, server.folder / name)


def end_kernel(page: Any) -> None:
    """The kernel of the notebook that the page shows."""
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")


def new_kernel(api: service.Api, folder: Path) -> AbstractContextManager[Kernel]:
    environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN}
    return kernel(environ, folder, with_person=True, spec="fabric-livy")


def sessions(api: service.Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/sessions").json()["items"]
    return found


def codes(api: service.Api) -> list[str]:
    """The code of all statements of all sessions."""
    return [
        statement["code"]
        for session in sessions(api)
        for statement in api.get(f"/sessions/{session['id']}/statements").json()["statements"]
    ]


def statements_sent(api: service.Api) -> int:
    """To all sessions, ever: a session keeps the latest hundred, their numbers go on."""
    lists = [api.get(f"/sessions/{session['id']}/statements").json()["statements"] for session in sessions(api)]
    return sum(max((one["id"] for one in statements), default=-1) + 1 for statements in lists)
