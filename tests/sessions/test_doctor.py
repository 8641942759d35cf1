"""The doctor finds what is wrong, in the order in which it has to be mended, and says what to do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.local.server.launch import start_local_fabric
from fabric_livy_magic.sessions.doctor import Finding, examine
from fabric_livy_magic.sessions.runner import Runner
from tests.support.fabrics_words import words_of_fabric
from tests.support.fakes import FakeFabric
from tests.support.hostile_server import STALLING, HostileServer, always


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))


def found(**settings: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(Runner({"sign_in_cache": "memory", **settings}))}


def test_without_a_target_it_stops_there() -> None:
    findings = found()
    assert list(findings) == ["versions", "target"]
    assert (findings["target"].verdict, findings["target"].advice) == ("fail", "`%livy use workspace/lakehouse`")


def test_a_server_that_is_not_there_is_a_matter_of_network() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    findings = found(target=f"http://127.0.0.1:{port}")
    assert findings["network"].verdict == "fail"
    assert "proxy" in findings["network"].advice
    assert list(findings)[-1] == "network"


def test_a_step_that_does_not_end_is_a_finding_with_advice() -> None:
    with HostileServer(always(STALLING["stalls before the head"])) as server:
        runner = Runner({"sign_in_cache": "memory", "target": server.url})
        last = examine(runner, step_within_s=1.0)[-1]
    assert (last.verdict, last.what, last.detail) == ("fail", "network", "no end within 1 s")
    assert "VPN" in last.advice


def test_an_apache_livy_server_needs_no_sign_in(apache_livy: FakeFabric) -> None:
    findings = found(target=apache_livy.url)
    assert list(findings) == ["versions", "target", "network", "Livy endpoint"]  # no capacity, no environment
    assert findings["Livy endpoint"].verdict == "ok"


def test_a_refusal_of_apache_livy_is_told_in_its_words(apache_livy: FakeFabric) -> None:
    apache_livy.fault("GET", "/sessions", status=401, body="")
    last = found(target=apache_livy.url)["Livy endpoint"]
    assert "livy_user" in last.advice
    assert not words_of_fabric(f"{last.detail} {last.advice}")


def test_fabrics_items_are_not_looked_for_on_apache_livy(apache_livy: FakeFabric) -> None:
    account = Runner({"target": apache_livy.url}).account
    with pytest.raises(SettingsError, match=r"Environments are Fabric's, and .* is an Apache Livy server"):
        account.environment_id("Libraries")
    with pytest.raises(SettingsError, match=r"Lakehouses are Fabric's, .* `SHOW TABLES` in a SQL cell"):
        account.tables()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    fabric = start_local_fabric(tmp_path_factory.mktemp("doctor") / "lakehouse")
    yield fabric
    fabric.stop()


@pytest.mark.spark
def test_a_token_for_another_service_is_named(embedded: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    payload = (
        base64.urlsafe_b64encode(json.dumps({"aud": "https://graph.microsoft.com", "upn": "ada"}).encode())
        .decode()
        .rstrip("=")
    )
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", f"e30.{payload}.c2ln")
    url = embedded.livy_endpoint  # type: ignore[attr-defined]
    findings = found(target=url, authority_host=embedded.api_url, api_url=embedded.api_url)  # type: ignore[attr-defined]
    assert findings["token audience"].verdict == "fail"
    assert "graph.microsoft.com" in findings["token audience"].detail


@pytest.mark.spark
def test_a_healthy_set_up_has_no_failure_and_exit_code_0(
    embedded: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", embedded.token)  # type: ignore[attr-defined]
    monkeypatch.setenv("FABRIC_LIVY_AUTHORITY_HOST", embedded.api_url)  # type: ignore[attr-defined]
    assert main(["doctor", "--json", "--target", embedded.livy_endpoint]) == 0  # type: ignore[attr-defined]
    findings = json.loads(capsys.readouterr().out)
    assert {one["what"] for one in findings} >= {
        "versions",
        "target",
        "network",
        "sign-in",
        "role",
        "Livy endpoint",
        "capacity",
        "environment",
    }
    assert {one["verdict"] for one in findings} <= {"ok", "warn"}


def test_a_failure_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    assert "fail" in capsys.readouterr().out
