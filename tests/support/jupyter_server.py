"""A real Jupyter server with JupyterLab and Notebook 7, for a browser to look at."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support.kernels import install_kernels

LABEXTENSION = Path(__file__).parents[2] / "labextension"
READY_WITHIN_S = 60
# Nothing is fetched from elsewhere, and the page can be asked to do what a menu does.
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)
SHOWN = "() => window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


PROMPT = "(n => document.querySelectorAll('.jp-Notebook .jp-InputPrompt')[n].textContent)"


@dataclass(frozen=True)
class JupyterServer:
    url: str
    token: str = field(repr=False)
    folder: Path

    def open(self, page: Any, name: str, front_end: str = "lab/tree") -> None:
        """A notebook of `folder`, until its kernel is there."""
        page.goto(f"{self.url}/{front_end}/{name}?reset&token={self.token}")
        page.wait_for_function(SHOWN)

    @staticmethod
    def command(page: Any, name: str, **arguments: Any) -> None:
        page.evaluate("([name, args]) => jupyterapp.commands.execute(name, args)", [name, arguments])


def begin(page: Any, number: int) -> None:
    """The cell of the notebook that the page shows."""
    page.evaluate(
        "number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number;"
        "jupyterapp.commands.execute('notebook:run-cell') }",
        number,
    )
    page.wait_for_function(f"() => {PROMPT}({number}) === '[*]:'")


def has_ended(page: Any, number: int) -> None:
    page.wait_for_function(f"() => /\\d/.test({PROMPT}({number}))")


def run(page: Any, number: int) -> None:
    page.evaluate(
        "number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number;"
        "return jupyterapp.commands.execute('notebook:run-cell') }",
        number,
    )
    has_ended(page, number)


def cell(page: Any, number: int) -> Any:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number)


@contextmanager
def jupyter_server(folder: Path, environ: Mapping[str, str]) -> Iterator[JupyterServer]:
    """Its kernels have `environ`; `folder` holds notebooks, settings and signatures."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own, token = folder / ".jupyter", secrets.token_hex()
    install_kernels(own)
    shutil.copytree(LABEXTENSION, own / "labextensions" / "fabric-livy-magic")
    notices = own / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notices.parent.mkdir(parents=True)
    notices.write_text('{"fetchNews": "false"}', encoding="utf-8")  # else a question stands over the page
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                *OPTIONS,
                f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={folder}",
            ],
            env={
                **os.environ,
                **environ,
                **{name: str(own / one) for name, one in folders.items()},
                "JUPYTER_PATH": str(own),
                "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
                "IPYTHONDIR": str(own / "ipython"),
                "JUPYTER_TOKEN": token,
            },
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    server = JupyterServer(f"http://127.0.0.1:{port}", token, folder)
    try:
        _wait_for(process, server)
        yield server
    finally:
        _end(process)


@contextmanager
def jupyter_page(browser: Any) -> Iterator[Any]:
    """One page, whose console is read: nothing in it may be of an output. Hostile texts call `hacked`, which is noted in `done`."""
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error.stack)))
    page.on("console", lambda one: said.append(f"{one.text} {one.location['url']}") if one.type == "error" else None)
    page.add_init_script("window.done = []; window.hacked = () => done.push(1)")
    try:
        yield page
        # JupyterLab's own parts say something, too.
        ours = [one for one in said if "/static/" not in one or "fabric-livy-magic" in one]
        assert not ours, ours
    finally:
        context.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its kernels first, which it would wait for one after the other."""
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    for one in kernels:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], server: JupyterServer) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while True:
        assert process.poll() is None, (server.folder / "server.log").read_text()[-2000:]
        assert time.monotonic() < until
        try:
            return requests.get(f"{server.url}/api", timeout=5).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.1)
