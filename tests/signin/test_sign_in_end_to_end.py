"""Each way to sign in gets a token from a local Entra and runs a statement with it on an embedded Fabric that checks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fabric_livy_magic.errors import FabricLivyError, SettingsError, SignInError
from fabric_livy_magic.fabric.targets import join_target
from fabric_livy_magic.sessions.doctor import examine
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.signin.methods import UserPrompts
from tests.support.entra.authority import Authority
from tests.support.entra.certificates import pem_of
from tests.support.entra.model import TENANT
from tests.support.kernels import kernel

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("quick_browser")]
Way = Callable[..., dict[str, Any]]
SECRET = "end~to~end.S3cret"


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with Authority() as one:
        one.add_user("ada@contoso.example")
        yield one


@pytest.fixture(scope="module")
def ready(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An embedded Fabric that takes tokens of the authority and nothing else."""
    folder = tmp_path_factory.mktemp("checked")
    command = [sys.executable, "-m", "fabric_livy_magic", "serve", "--json", "--lakehouse", str(folder / "lakehouse")]
    command += [
        "--authority",
        authority.url,
        "--authority-ca",
        str(authority.ca_file),
        "--tenant",
        TENANT,
        "--clock-skew",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture
def settings(
    authority: Authority, ready: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield {
        "target": ready["livy_endpoint"],
        "api_url": ready["api_url"],
        "allow_host": urlsplit(ready["api_url"]).netloc,
        "authority_host": authority.url,
        "ca_file": str(authority.ca_file),
        "sign_in_cache": "memory",
        "tenant": TENANT,
    }
    for name in ("notebookutils", "mine"):  # what a way to sign in put there must not be found by the next test
        sys.modules.pop(name, None)


def prompts_of(authority: Authority) -> UserPrompts:
    return UserPrompts(
        show_device_prompt=lambda prompt: authority.approve(prompt.user_code),
        ask_secret=lambda question: SECRET,
        open_browser=authority.browser,
    )


def browser(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"method": "browser"}


def device(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"method": "device"}


def secret(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    env.setenv("AZURE_CLIENT_SECRET", SECRET)
    return {"method": "secret", "client_id": authority.add_app(secret=SECRET)}


def prompted_secret(
    authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch
) -> dict[str, Any]:
    return {"method": "secret", "client_id": authority.add_app(secret=SECRET)}


def token(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    env.setenv("FABRIC_LIVY_TOKEN", token_of(authority, settings, folder, env))
    return {"method": "token"}


def certificate(
    authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch
) -> dict[str, Any]:
    key, certificate = authority.certificate("app")
    file = folder / "app.pem"
    file.write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    return {
        "method": "certificate",
        "certificate": str(file),
        "client_id": authority.add_app(certificates=[certificate]),
    }


def managed_identity(
    authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch
) -> dict[str, Any]:
    env.setenv("IDENTITY_ENDPOINT", authority.identity_endpoint)
    env.setenv("IDENTITY_HEADER", authority.identity_header)
    return {"method": "managed-identity"}


def workload(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    (folder / "federated").write_text(authority.federated_token("pod", "https://cluster.example"), "utf-8-sig")
    env.setenv("AZURE_FEDERATED_TOKEN_FILE", str(folder / "federated"))
    client = authority.add_app(federated={"https://cluster.example": "pod"})
    return {"method": "workload-identity", "client_id": client}


def token_of(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> str:
    runner = Runner({**settings, **secret(authority, settings, folder, env)})
    return runner.account._connections._credential(runner.settings).token().secret


def cli(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    az = folder / "az"
    az.write_text(f"#!/bin/sh\necho '{json.dumps({'accessToken': token_of(authority, settings, folder, env)})}'\n")
    az.chmod(0o755)
    env.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return {"method": "cli"}


def notebook(authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch) -> dict[str, Any]:
    """`notebookutils` as a notebook inside Fabric has it, of which this product uses one call."""
    (folder / "notebookutils.py").write_text(
        f"class credentials:\n    @staticmethod\n    def getToken(audience):\n        assert audience == 'pbi'\n"
        f"        return {token_of(authority, settings, folder, env)!r}\n"
    )
    (folder / ".trident-context").touch()  # in the home folder, which is this one
    env.setenv("MSNOTEBOOKUTILS_RUNTIME_TYPE", "jupyter")
    env.syspath_prepend(str(folder))
    env.delitem(sys.modules, "notebookutils", raising=False)
    return {"method": "notebook"}


def token_credential(
    authority: Authority, settings: dict[str, Any], folder: Path, env: pytest.MonkeyPatch
) -> dict[str, Any]:
    (folder / "mine.py").write_text(
        "import types\n\nclass Credential:\n    def get_token(self, *scopes, **more):\n"
        f"        return types.SimpleNamespace(token={token_of(authority, settings, folder, env)!r}, expires_on=2**33)\n"
    )
    env.syspath_prepend(str(folder))
    env.delitem(sys.modules, "mine", raising=False)
    return {"method": "mine:Credential"}


WAYS: list[Way] = [
    browser,
    device,
    secret,
    prompted_secret,
    certificate,
    managed_identity,
    workload,
    token,
    cli,
    notebook,
    token_credential,
]


@pytest.fixture(scope="module")
def session_id(authority: Authority, ready: dict[str, Any]) -> Iterator[str]:
    """One session for all ways to sign in: that each can run a statement is what counts, and a session costs seconds."""
    runner = Runner(
        {"target": ready["livy_endpoint"], "authority_host": authority.url, "ca_file": str(authority.ca_file)}
        | {"allow_host": urlsplit(ready["api_url"]).netloc}
        | {"sign_in_cache": "memory", "tenant": TENANT, "method": "browser"}
    )
    runner.account.login(prompts_of(authority))
    yield runner.sessions.start().id
    runner.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_runs_with_the_token_of_each_method(
    way: Way,
    authority: Authority,
    settings: dict[str, Any],
    session_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choices = way(authority, settings, tmp_path, monkeypatch)
    runner = Runner(settings)
    assert runner.account.login(prompts_of(authority), **choices).tenant == TENANT
    assert runner.sessions.attach(session_id).run("6 * 7").text == "42"


@pytest.mark.parametrize("way", [secret, certificate, workload, managed_identity, token])
def test_a_script_signs_in_by_its_settings_alone(
    way: Way,
    authority: Authority,
    settings: dict[str, Any],
    session_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = Runner({**settings, **way(authority, settings, tmp_path, monkeypatch)})
    assert runner.sessions.attach(session_id).run("6 * 7").text == "42"


def test_auto_finds_the_application_of_the_environment(
    authority: Authority, settings: dict[str, Any], session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    runner = Runner({**settings, "client_id": authority.add_app(secret=SECRET)})
    assert runner.sessions.attach(session_id).run("6 * 7").text == "42"


def test_a_token_is_renewed_in_the_middle_of_a_long_statement(
    ready: dict[str, Any],
    settings: dict[str, Any],
    session_id: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    client = authority.add_app(secret=SECRET)
    monkeypatch.setattr(authority, "token_lifetime_s", 2)
    runner = Runner({**settings, "method": "secret", "client_id": client})
    result = runner.sessions.attach(session_id).run("import time; time.sleep(7); 'done'")
    assert result.text == "'done'"
    assert len([one for one in authority.requests_with("/token") if one.form.get("client_id") == client]) >= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tenant": "no-such-tenant"}, "tenant"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016"),
    ],
)
def test_a_wrong_tenant_or_client_is_reported_and_nothing_runs(
    change: dict[str, str],
    message: str,
    authority: Authority,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    runner = Runner({**settings, "method": "secret", "client_id": authority.add_app(secret=SECRET), **change})
    with pytest.raises(SignInError, match=message):
        runner.sessions.start()


def test_an_expired_token_from_the_environment_says_to_put_in_a_new_one(
    authority: Authority, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", authority.mint(exp=int(time.time()) - 60))
    runner = Runner(settings)
    with pytest.raises(FabricLivyError, match=r"Not signed in: TokenExpired.*FABRIC_LIVY_TOKEN"):
        runner.sessions.start()
    runner.close()


def test_a_sign_in_of_microsoft_is_not_sent_to_a_port_of_this_machine_that_nobody_named(
    authority: Authority, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", authority.mint())
    with pytest.raises(SignInError, match=r"is not sent to 127\.0\.0\.1:\d+: .*allow_host 127"):
        Runner({**settings, "allow_host": ""}).sessions.start()


def test_a_failed_login_keeps_the_choices_as_they_were(authority: Authority, settings: dict[str, Any]) -> None:
    runner = Runner({name: value for name, value in settings.items() if name != "tenant"})
    with pytest.raises(SignInError):
        runner.account.login(prompts_of(authority), method="secret", tenant=TENANT, client_id="nobody")
    assert runner.settings.method == "auto"


def test_names_are_resolved_to_the_lakehouse_and_its_tables(
    authority: Authority, settings: dict[str, Any], session_id: str
) -> None:
    runner = Runner({name: value for name, value in settings.items() if name != "target"})
    runner.account.login(prompts_of(authority), method="browser")
    (workspace,) = runner.account.api().workspaces()
    (lakehouse,) = runner.account.api().lakehouses(workspace.id)
    runner.account.use(join_target(workspace.name, lakehouse.name))
    session = runner.sessions.attach(session_id)
    session.run("spark.range(3).write.mode('overwrite').format('parquet').saveAsTable('by_name')")
    for pattern in ("by_*", "dbo.by_*"):
        assert "dbo.by_name" in [row[0] for row in runner.account.tables(pattern)]
    assert runner.columns("by_name") == [["id", "bigint", ""]]
    before = runner.account.target
    runner.account.use(f"{workspace.name}/nowhere")
    with pytest.raises(SettingsError, match="There is no lakehouse 'nowhere'"):
        runner.account.next_step()
    assert runner.account.target == before


def test_the_doctor_finds_a_healthy_set_up_and_a_missing_sign_in(
    authority: Authority, settings: dict[str, Any]
) -> None:
    runner = Runner(settings)
    runner.account.login(prompts_of(authority), method="browser")
    healthy = examine(runner)
    assert [one for one in healthy if one.verdict == "fail"] == []
    assert {"versions", "target", "network", "authority", "sign-in", "Livy endpoint"} <= {one.what for one in healthy}
    runner.account.logout()
    sick = examine(Runner({**settings, "method": "secret"}))
    assert (sick[-1].verdict, sick[-1].what) == ("fail", "sign-in")
    assert "%livy login" in sick[-1].advice


def test_no_secret_and_no_token_in_anything_that_was_written_or_shown(
    authority: Authority, settings: dict[str, Any], session_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole notebook in a kernel of its own, logging at DEBUG into a file, with a login that asks and one that fails."""
    client = authority.add_app(secret=SECRET)
    with_file = certificate(authority, settings, tmp_path, monkeypatch)
    environ = {f"FABRIC_LIVY_{name.upper()}": str(value) for name, value in settings.items()}
    environ |= {"AZURE_CLIENT_SECRET": SECRET, "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    shown = []
    with kernel(environ, tmp_path) as notebook:
        for cell in (
            f"import logging; logging.basicConfig(filename={str(tmp_path / 'debug.log')!r}, level=logging.DEBUG)",
            "%load_ext fabric_livy_magic",
            f"%livy login --method secret --client-id {client}",
            f"%livy attach {session_id}",
            "%%livy_pyspark\n40 + 2",
            "%livy status",
            "%livy sessions",
            "%livy config",
            "%livy doctor",
            "%livy workspaces",
            f"%livy login --method secret --client-id {client} --secret {SECRET}x",
            "%livy login --method secret --client-id wrong",
            "%livy logout",
            "%livy_pyspark 1",
            f"%livy login --method certificate --tenant {TENANT} --client-id {with_file['client_id']} "
            f"--certificate '{with_file['certificate']}' --send-chain",
        ):
            shown.append(notebook.run(cell).everything)
    assert "42" in shown[4]
    assert "A secret does not belong into a notebook" in shown[10]
    assert "Signed in as" in shown[-1]
    Path(with_file["certificate"]).unlink()  # it is a secret, and where it belongs
    hidden = authority.secrets() | {SECRET}
    texts = ["".join(shown[:10] + shown[11:])]
    texts += [
        file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".sqlite"
    ]
    assert len(texts) > 1
    assert [secret[:12] for secret in hidden for text in texts if secret in text] == []
