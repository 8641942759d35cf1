"""The sign-in notebook, run as it stands in a kernel, with a local Entra and an embedded Fabric in place of the cloud."""

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

from fabric_livy_magic.cli.execute import OwnKernelManager, output_text
from tests.support.entra.authority import Authority
from tests.support.entra.model import TENANT

pytestmark = pytest.mark.spark
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_sign_in.ipynb"
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


@pytest.fixture(scope="module")
def executed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Source of each code cell → its output as text."""
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
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(
            notebook, timeout=180, kernel_manager_class=OwnKernelManager, resources={"metadata": {"path": str(folder)}}
        )
        try:
            client.execute(env=environ)
        finally:
            done.set()
            server.terminate()
    return {
        cell.source: "\n".join(map(output_text, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"
    }


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


def test_no_token_is_in_the_notebook(executed: dict[str, str], authority: Authority) -> None:
    everything = json.dumps(executed)
    assert [secret[:12] for secret in authority.secrets() if secret in everything] == []
