"""The sign-in and the quickstart notebook, each run twice in one kernel, with a local Entra and an embedded Fabric in place of the cloud.

The others of `notebooks/` are in tests/test_notebooks.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbclient import NotebookClient

from fabric_livy_magic.notebook_runs.execute import output_text
from fabric_livy_magic.notebook_runs.kernel_managers import OwnKernelManager
from tests.support.entra.authority import Authority
from tests.support.entra.model import TENANT

pytestmark = pytest.mark.spark
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
USE = "%livy use Sales/Bronze"
ENDS = {"%livy stop", "%livy logout"}
WORKSPACES = {"workspaces": [{"name": "Sales", "lakehouses": [{"name": "Bronze"}]}]}


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with Authority() as one:
        one.add_user("ada@contoso.example")
        yield one


def approve_all(authority: Authority, done: threading.Event) -> None:
    """What a person does with the code on another device."""
    while not done.wait(0.2):
        for device in list(authority._devices.values()):
            authority.approve(device["user_code"])


def runs() -> list[tuple[str, set[str]]]:
    """Notebooks of the one kernel, with the cells that are left out: a session that nobody stopped runs on into the next run."""
    sign_in, quickstart = "02_sign_in.ipynb", "01_quickstart.ipynb"
    return [(sign_in, ENDS), (quickstart, ENDS), (quickstart, ENDS), (sign_in, set())]


@pytest.fixture(scope="module")
def executed_twice(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Of each run: source of each code cell → its output as text."""
    folder = tmp_path_factory.mktemp("signin")
    (folder / "workspaces.json").write_text(json.dumps(WORKSPACES))
    command = [sys.executable, "-m", "fabric_livy_magic", "serve", "--json", "--authority", authority.url]
    command += ["--workspaces", str(folder / "workspaces.json")]
    command += ["--authority-ca", str(authority.ca_file), "--tenant", TENANT]
    done = threading.Event()
    threading.Thread(target=approve_all, args=(authority, done), daemon=True).start()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready: dict[str, Any] = json.loads(server.stdout.readline())
        environ = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
        environ |= {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "FABRIC_LIVY_API_URL": ready["api_url"],
            "FABRIC_LIVY_ALLOW_HOST": urlsplit(ready["api_url"]).netloc,
            "FABRIC_LIVY_AUTHORITY_HOST": authority.url,
            "FABRIC_LIVY_CA_FILE": str(authority.ca_file),
        }
        cells = [
            nbformat.v4.new_code_cell(cell.source.replace("%livy use local", USE), metadata={"run": number})
            for number, (name, left_out) in enumerate(runs())
            for cell in nbformat.read(NOTEBOOKS / name, as_version=4).cells
            if cell.cell_type == "code" and cell.source not in left_out
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        client = NotebookClient(
            notebook, timeout=180, kernel_manager_class=OwnKernelManager, resources={"metadata": {"path": str(folder)}}
        )
        try:
            client.execute(env=environ)
        finally:
            done.set()
            server.terminate()
    return [
        {cell.source: "\n".join(map(output_text, cell.outputs)) for cell in cells if cell.metadata.run == number}
        for number in range(len(runs()))
    ]


@pytest.fixture(scope="module")
def executed(executed_twice: list[dict[str, str]]) -> dict[str, str]:
    """The first run of the sign-in notebook."""
    return executed_twice[0]


def test_the_first_message_names_the_login(executed: dict[str, str]) -> None:
    assert "Not signed in. Run `%livy login`" in executed["%livy use Sales/Bronze"]


def test_the_code_is_shown_as_text_to_copy_and_then_who_it_is(executed: dict[str, str]) -> None:
    shown = executed["%livy login"]
    assert "To sign in, open https://" in shown
    assert "Signed in as ada@contoso.example" in shown
    assert "The token lasts until" in shown


def test_names_are_found_and_the_first_cell_runs(executed: dict[str, str]) -> None:
    assert "Sales" in executed["%livy workspaces"]
    assert "Bronze" in executed["%livy lakehouses"]
    first = executed["%%livy_sql\nSELECT 'it works' AS answer"]
    assert "No session yet: starting one on Sales/Bronze" in first
    assert "it works" in first


def test_the_doctor_finds_nothing_wrong(executed: dict[str, str]) -> None:
    assert "fail" not in executed["%livy doctor"]
    assert "Sales / Bronze" in executed["%livy doctor"]


def test_a_second_run_goes_on_in_the_session_that_runs(executed_twice: list[dict[str, str]]) -> None:
    _, quickstart, again, sign_in = executed_twice
    for run in (quickstart, again):
        assert "Session 'main' runs already" in run["%livy start"]
        assert "|       1| 5000|" in run["%%livy_spark\nperVendor.show()"]
    for run in (quickstart, again, sign_in):
        assert "Session 'main' runs there already" in run[USE]
    assert "starting" not in sign_in["%%livy_sql\nSELECT 'it works' AS answer"]
    assert "Session 'main' is stopped." in sign_in["%livy stop"]
    assert "Signed out" in sign_in["%livy logout"]


def test_no_token_is_in_the_notebook(executed_twice: list[dict[str, str]], authority: Authority) -> None:
    everything = json.dumps(executed_twice)
    assert [secret[:12] for secret in authority.secrets() if secret in everything] == []
