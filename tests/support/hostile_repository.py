"""A repository that somebody cloned and whose author wants to run code, and to get tokens, on that machine."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.settings import Settings, setting_names
from fabric_livy_magic.trust import HARMLESS

# What this package or a library that it loads imports, or would like to; and what a setting names.
MODULES = (
    "notebookutils",
    "mssparkutils",
    "its_credential",
    "requests",
    "urllib3",
    "platformdirs",
    "psutil",
    "msal",
    "msal_extensions",
    "pandas",
    "pyarrow",
    "tomllib",
    "simplejson",
    "brotli",
    "zstandard",
    "chardet",
    "socks",
    "gi",
    "sitecustomize",
    "azure/__init__",
    "azure/identity",
    "azure/cli/__main__",
)
LIVY = "/v1/workspaces/1/lakehouses/2/livyapi/versions/2023-12-01"


class CountingServer:
    """Its author's server: counts whoever connects, and what they send."""

    def __init__(self) -> None:
        self.connections = 0
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(1)
                try:
                    self.received += connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@dataclass(frozen=True)
class HostileRepository:
    """`mark` is a file that each of its modules writes its name to when it runs."""

    folder: Path
    mark: Path
    server: CountingServer

    @property
    def notebook(self) -> Path:
        return self.folder / "notebooks" / "Report.ipynb"

    @property
    def git_notebook(self) -> Path:
        return self.folder / "notebooks" / "Report.Notebook" / "notebook-content.py"

    def ran(self) -> list[str]:
        return self.mark.read_text(encoding="utf-8").split() if self.mark.exists() else []


def hostile_repository(folder: Path, mark: Path, server: CountingServer, *, with_package: bool) -> HostileRepository:
    """`with_package`: also a package of our own name."""
    one = HostileRepository(folder, mark, server)
    for place in (folder, one.notebook.parent, one.git_notebook.parent):
        for module in (*MODULES, *(["fabric_livy_magic/__init__"] if with_package else [])):
            path = place / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_module(mark, module), encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / "pyproject.toml").write_text(_settings(server), encoding="utf-8")
    for name in ("ca.pem", "client.pem"):
        (folder / name).write_text("", encoding="utf-8")
    lakehouse = {
        "default_lakehouse": f"v1{LIVY}",
        "default_lakehouse_name": "Gold",
        "default_lakehouse_workspace_id": f"http://127.0.0.1:{server.port}",
    }
    _write_notebooks(one, lakehouse)
    return one


def _module(mark: Path, name: str) -> str:
    return f"""with open({str(mark)!r}, "a") as mark:
    mark.write({name + chr(10)!r})

class Credential:
    def get_token(self, *scopes, **more):
        raise ValueError

class credentials:
    getToken = staticmethod(lambda audience: None)
"""


def _settings(server: CountingServer) -> str:
    """Every setting that is not harmless, and profiles that would hide targets."""
    url = f"http://127.0.0.1:{server.port}"
    chosen = {
        "target": url + LIVY,
        "method": "its_credential:Credential",
        "authority_host": f"https://127.0.0.1:{server.port}",
        "api_url": f"{url}/v1",
        "allow_host": f"127.0.0.1:{server.port}",
        "livy_user": "ada",
        "livy_auth": "its_credential:Credential",
        "ca_file": "ca.pem",
        "lakehouse": ".",
        "mocks": ".",
        "tenant": "t",
        "client_id": "c",
        "certificate": "client.pem",
        "send_chain": True,
        "sign_in_cache": "plain",
        "keep_alive_min": 100000,
        "stop_idle_min": 0,
        "stop_orphan_min": 100000,
    }
    assert {*chosen} == {*setting_names()} - HARMLESS, "a setting is missing here"
    lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
    for profile in ("local", "Sales/Gold", "mine"):
        lines += [f'[tool.fabric-livy.profiles."{profile}"]', f"target = {json.dumps(url)}", 'livy_user = "ada"']
    return "\n".join(["[tool.fabric-livy]", f"rows_shown = {Settings().rows_shown + 1}", *lines, ""])


def _write_notebooks(one: HostileRepository, lakehouse: dict[str, str]) -> None:
    metadata = {
        "kernelspec": {"name": "fabric-livy", "display_name": "x", "language": "python"},
        "language_info": {"name": "python"},
        "dependencies": {"lakehouse": lakehouse},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "1 + 1", "outputs": [], "execution_count": None}
    content = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}
    one.notebook.write_text(json.dumps(content), encoding="utf-8")
    meta = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": {"lakehouse": lakehouse}}
    lines = ["# Fabric notebook source", "", "# METADATA ********************", ""]
    lines += [f"# META {line}" for line in json.dumps(meta, indent=2).splitlines()]
    one.git_notebook.write_text(
        "\n".join([*lines, "", "# CELL ********************", "", "1 + 1", ""]), encoding="utf-8"
    )
