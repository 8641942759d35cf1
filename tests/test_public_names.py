"""What users, their scripts and their files rely on by name. A change here is a change for them."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import tomllib
from pathlib import Path

import fabric_livy_magic
from fabric_livy_magic import Result, Session, connect
from fabric_livy_magic.cells.subcommands import SUMMARIES
from fabric_livy_magic.cli.main import _parser
from fabric_livy_magic.kernel.install import kernel_specs
from fabric_livy_magic.magics.magics import FabricLivyMagics
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.sessions.batches import Batch
from fabric_livy_magic.settings import Settings
from tests.support.rooms import ROOT


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_the_package() -> None:
    assert fabric_livy_magic.__all__ == [
        "FabricLivyError",
        "Result",
        "Session",
        "connect",
        "load_ipython_extension",
        "unload_ipython_extension",
    ]


def test_the_python_api() -> None:
    assert [*inspect.signature(connect).parameters] == [
        "target",
        "credential",
        "name",
        "conf",
        "livy",
        "high_concurrency",
        "tag",
        "on_progress",
        "choices",
    ]
    assert public(Session) >= {"run", "submit", "map", "sql", "frame", "table", "put", "info", "logs", "stop", "id"}
    assert public(Session) >= {"batch", "batches", "files"}
    assert public(Batch) >= {
        "id",
        "name",
        "state",
        "reason",
        "exit_code",
        "wait",
        "logs",
        "follow",
        "cancel",
        "run_link",
    }
    assert [*inspect.signature(Session.run).parameters] == [
        "self",
        "code",
        "kind",
        "limit",
        "timeout_s",
        "values",
        "plain",
        "via",
        "on_progress",
    ]
    assert public(Result) >= {"text", "tables", "has_table", "frame", "to", "value"}
    assert {field.name for field in dataclasses.fields(Result)} == {"kind", "session", "elapsed_s", "parts", "output"}
    assert public(Background) >= {"state", "progress", "elapsed_s", "result", "cancel", "done", "error"}


def test_the_magics() -> None:
    assert set(FabricLivyMagics.magics["line"]) == {"livy", "livy_pyspark", "livy_spark", "livy_sparkr", "livy_sql"}
    assert set(FabricLivyMagics.magics["cell"]) == {
        "livy_batch",
        "livy_configure",
        "livy_pyspark",
        "livy_spark",
        "livy_sparkr",
        "livy_sql",
    }
    subcommands = (
        "use login whoami logout workspaces lakehouses environments tables schema files upload explore debug spark runs doctor start status sessions attach cancel "
        "restart switch logs statements wait batch get put log error stop alias trust ui config help"
    )
    assert set(SUMMARIES) == set(subcommands.split())


def commands_of(parser: argparse.ArgumentParser) -> set[str]:
    (actions,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return set(actions.choices)


def test_the_command_line() -> None:
    commands = (
        "use start sessions stop sql spark logs runs demo serve run test batch files upload convert check pull seed login logout trust "
        "doctor kernel config completion"
    )
    assert commands_of(_parser()) == set(commands.split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"fabric-livy": "fabric_livy_magic.cli.main:main"}
    assert set(project["optional-dependencies"]) == {
        "local",
        "runtime",
        "kerberos",
        "debug",
        "docs",
        "release",
        "test",
        "dev",
    }


def test_the_settings() -> None:
    names = (
        "target lakehouse lakehouse_schemas mocks method tenant client_id certificate send_chain authority_host api_url allow_host livy_user livy_auth ca_file "
        "sign_in_cache start_timeout_s capacity_wait_s keep_alive_min stop_idle_min stop_orphan_min request_timeout_s frames_via onelake_above_mib rows_shown rows_fetched progress live_output "
        "rich language alias origins"
    )
    assert {field.name for field in dataclasses.fields(Settings)} == set(names.split())


def test_the_kernels() -> None:
    assert [folder.name for folder in kernel_specs()] == [
        "fabric-livy",
        "fabric-livy-scala",
        "fabric-livy-sql",
        "synapse_pyspark",
    ]
    assert {path.name for folder in kernel_specs() for path in folder.iterdir()} == {
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    }
    assert Path(ROOT / "kernelspec").samefile(kernel_specs()[0].parent)
