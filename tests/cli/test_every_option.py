"""Every option of `fabric-livy` is used by a test, here or where this table says: one more without a use fails."""

from __future__ import annotations

import argparse
import json
import os
import re
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fabric_livy_magic.cells.file_options import VERBS
from fabric_livy_magic.cli.main import _parser, main
from tests.support import service
from tests.support.commands import ROOT, fabric_livy
from tests.support.entra.authority import Authority
from tests.support.entra.certificates import pem_of
from tests.support.entra.model import TENANT
from tests.support.options import spellings

HERE = "cli/test_every_option.py"
USES = {
    **{
        f"sql --{option}": "cli/test_sql.py"
        for option in ["file", "parameter", "format", "output", "session", "timeout", "quiet", "target"]
    },
    "sql --limit": "cli/test_sql_on_spark.py",
    **{
        f"start --{option}": "cli/test_sql.py"
        for option in [
            *("name", "conf", "environment", "tag", "driver-memory", "driver-cores", "executor-memory"),
            *("executor-cores", "num-executors", "livy", "fresh", "target", "json"),
        ]
    },
    **{f"sessions --{option}": "cli/test_sql.py" for option in ["mine", "kept", "target", "json"]},
    **{f"stop --{option}": "cli/test_sql.py" for option in ["all", "orphans", "yes", "target", "json"]},
    "use --json": "cli/test_sql.py",
    "demo --output": "cli/test_quickstart.py",
    **{
        f"test --{option}": "testing/test_notebook_tests.py"
        for option in ["target", "mocks", "keyword", "workers", "cell-timeout", "timeout", "junit", "html", "coverage"]
    },
    "serve --port": "local/sessions/test_endings.py",
    "serve --dialect": "agent/conftest.py",
    "serve --token-file": "local/server/test_given_tokens.py",
    "serve --token": "kernel/conftest.py",
    "serve --no-token": "local/apache/test_no_token.py",
    "serve --lakehouse": "support/service.py",
    "serve --workspaces": "cli/test_fabric_notebooks.py",
    "serve --page-size": "local/fabric/test_lookups.py",
    "serve --share-spark": "local/sessions/test_shared_spark.py",
    "serve --capacity": "local/sessions/test_states.py",
    "serve --authority": "signin/test_sign_in_end_to_end.py",
    "serve --authority-ca": "signin/test_sign_in_end_to_end.py",
    "serve --tenant": "signin/test_sign_in_end_to_end.py",
    "serve --clock-skew": "signin/test_sign_in_end_to_end.py",
    "serve --quirks": "agent/conftest.py",
    "serve --faults": "local/faults/test_faults_served.py",
    "serve --tls": "local/server/test_tls.py",
    "serve --json": "signin/test_sign_in_end_to_end.py",
    "serve --no-schemas": HERE,
    "serve --owned": "local/sessions/test_endings.py",
    "serve --while-used": "cli/test_sql_on_spark.py",
    **{
        f"batch {option}": "cli/test_batches.py"
        for option in (
            *(
                f"submit --{one}"
                for one in [
                    "conf",
                    "jar",
                    "py-files",
                    "class",
                    "environment",
                    "name",
                    "wait",
                    "timeout",
                    "json",
                    "target",
                ]
            ),
            *(f"list --{one}" for one in ("json", "target")),
            *(f"show --{one}" for one in ("json", "target")),
            *(f"logs --{one}" for one in ("follow", "lines", "json", "target")),
            *(f"wait --{one}" for one in ("timeout", "json", "target")),
            *(f"cancel --{one}" for one in ("json", "target")),
        )
    },
    **{f"{name} --json": "cli/test_monitoring.py" for name in ("spark", "logs", "runs")},
    **{f"{name} --target": "cli/test_monitoring.py" for name in ("spark", "logs", "runs")},
    **{f"logs --{one}": "cli/test_monitoring.py" for one in ("lines", "follow", "driver", "executor", "livy")},
    "runs --limit": "cli/test_monitoring.py",
    "run --parameter": "cli/test_fabric_notebooks.py",
    "run --json": "cli/test_quickstart.py",
    "run --cell-timeout": "cli/test_cli.py",
    "run --timeout": "cli/test_cli.py",
    "run --target": "cli/test_cli.py",
    "run --output": "cli/test_fabric_notebooks.py",
    "run --share-session": "cli/test_fabric_notebooks.py",
    "convert --force": "cli/test_notebook_commands.py",
    "convert --json": "cli/test_notebook_commands.py",
    "run --mocks": "local/sessions/test_mocks.py",
    "run --record": "local/sessions/test_mocks.py",
    "pull --rows": "cli/test_sample_commands.py",
    "pull --where": "sessions/test_samples.py",
    "pull --mask": "sessions/test_samples.py",
    "pull --mask-shape": "sessions/test_samples.py",
    "pull --hash": "sessions/test_samples.py",
    "pull --to": "sessions/test_samples.py",
    "pull --target": "sessions/test_samples.py",
    "pull --json": "sessions/test_samples.py",
    "seed --json": "sessions/test_samples.py",
    "upload --json": "cli/test_table_uploads.py",
    **{f"files {verb} --json": "cli/test_table_uploads.py" for verb in ("cp", "mv", "rm", "mkdir")},
    "seed --overwrite": "sessions/test_samples.py",
    "seed --target": "sessions/test_samples.py",
    "check --runtime": "cli/test_notebook_commands.py",
    "check --json": "cli/test_notebook_commands.py",
    **{f"files {verb} --target": "magics/test_files.py" for verb in VERBS},
    **{f"files {verb} --recursive": "magics/test_files.py" for verb in ("ls", "cp", "rm")},
    **{f"files {verb} --force": "magics/test_files.py" for verb in ("cp", "mv")},
    **{f"files {verb} --json": "magics/test_files.py" for verb in ("ls", "du")},
    "files head --lines": "magics/test_files.py",
    "upload --target": "cli/test_table_uploads.py",
    "upload --table": "cli/test_table_uploads.py",
    "upload --append": "cli/test_table_uploads.py",
    "upload --overwrite": "cli/test_table_uploads.py",
    "login --method": HERE,
    "login --tenant": HERE,
    "login --client-id": HERE,
    "login --certificate": HERE,
    "login --send-chain": HERE,
    "login --json": HERE,
    "logout --json": "cli/test_cli.py",
    "trust --yes": HERE,
    "trust --forget": HERE,
    "trust --list": HERE,
    "trust --json": HERE,
    "doctor --target": "sessions/test_doctor.py",
    "doctor --json": "sessions/test_doctor.py",
    "config --json": "magics/test_lists.py",
    "kernel install --user": HERE,
    "kernel install --sys-prefix": HERE,
    "kernel install --prefix": "kernel/test_kernel_specs.py",
    "kernel install --json": "kernel/test_kernel_specs.py",
}


def options_of(parser: argparse.ArgumentParser, command: str = "") -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from options_of(below, f"{command} {name}".strip())
    yield from (f"{command} {option}" for option, _ in spellings(parser))


def test_the_table_has_every_option() -> None:
    assert sorted(options_of(_parser())) == sorted(USES)


@pytest.mark.parametrize("option", [option for option, file in USES.items() if file != HERE])
def test_an_option_is_used_where_the_table_says(option: str) -> None:
    text = (ROOT / "tests" / USES[option]).read_text(encoding="utf-8")
    assert re.search(rf"""["' =]{option.rpartition(" ")[2]}["' =]""", text)


def test_an_application_signs_in_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("FABRIC_LIVY_SIGN_IN_CACHE", "memory")
    with Authority() as authority:
        monkeypatch.setenv("FABRIC_LIVY_AUTHORITY_HOST", authority.url)
        monkeypatch.setenv("FABRIC_LIVY_CA_FILE", str(authority.ca_file))
        key, certificate = authority.certificate("app")
        file = tmp_path / "app.pem"
        file.write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
        client = authority.add_app(certificates=[certificate])
        words = ["--method", "certificate", "--tenant", TENANT, "--client-id", client, "--certificate", str(file)]
        assert main(["login", *words, "--send-chain"]) == 0
        hidden = authority.secrets()
        told = capsys.readouterr()
        assert main(["login", *words, "--json"]) == 0
    shown = capsys.readouterr()
    assert "Signed in as" in told.out
    assert json.loads(shown.out)["tenant"] == TENANT
    assert not any(secret in shown.out + shown.err for secret in hidden)


def test_a_projects_file_is_trusted_listed_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.fabric-livy]\nmethod = "its.module:Class"\n')
    monkeypatch.chdir(tmp_path)
    for words, says in (
        (["--list"], "No file is trusted."),
        ([str(project), "--yes"], 'method = "its.module:Class"'),
        (["--list"], str(project)),
        (["--list", "--json"], json.dumps([str(project)], indent=2)),
        (["--forget"], "no longer trusted"),
        (["--list"], "No file is trusted."),
    ):
        assert main(["trust", *words]) == 0
        assert says in capsys.readouterr().out, words


def test_kernels_are_installed_for_a_user_and_for_an_environment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = fabric_livy("kernel", "install", "--user", folder=tmp_path, JUPYTER_DATA_DIR=str(data))
    assert f"Installed {data / 'kernels' / 'fabric-livy'}" in done.stdout, done.stderr
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()])}
    command = [str(python), "-m", "fabric_livy_magic", "kernel", "install", "--sys-prefix"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)
    folder = tmp_path / "venv" / "share" / "jupyter" / "kernels" / "fabric-livy"
    assert f"Installed {folder}" in done.stdout, done.stderr
    assert str(python) in (folder / "kernel.json").read_text(encoding="utf-8").replace("\\\\", "\\")


@pytest.mark.spark
def test_a_lakehouse_is_served_without_schemas(tmp_path: Path) -> None:
    with service.serving(tmp_path / "house", ("--token", service.TOKEN, "--no-schemas")) as api:
        house = api.http.get(api.base.partition("/livyapi")[0], timeout=60).json()
        assert house["displayName"] == "house"
        assert "defaultSchema" not in house["properties"]
