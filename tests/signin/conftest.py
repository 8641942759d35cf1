"""Each method of sign-in against the local Entra."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fabric_livy_magic.signin.entra.sign_in import (
    App,
    BrowserSignIn,
    Certificate,
    DeviceCodeSignIn,
    ManagedIdentity,
    ServicePrincipal,
    TokenStore,
    workload_assertion,
)
from fabric_livy_magic.signin.tokens import Credential
from tests.support.entra.authority import Authority, running
from tests.support.entra.certificates import pem_of
from tests.support.entra.model import AZURE_CLI, TENANT

SECRET = "s3cr3t~Value.8Q"


POWER_BI = "https://analysis.windows.net/powerbi/api"


@pytest.fixture
def authority() -> Iterator[Authority]:
    with running() as one:
        yield one


def app_at(authority: Authority, client_id: str = AZURE_CLI, tenant: str = TENANT) -> App:
    return App(client_id=client_id, tenant=tenant, authority_host=authority.url, verify=authority.ca_file)


def browser_at(authority: Authority, app: App | None = None, **options: object) -> BrowserSignIn:
    return BrowserSignIn(app or app_at(authority), TokenStore.memory(), authority.browser, **options)


def device_at(authority: Authority) -> DeviceCodeSignIn:
    return DeviceCodeSignIn(app_at(authority), TokenStore.memory(), lambda prompt: authority.approve(prompt.user_code))


def with_secret(authority: Authority, secret: str = SECRET, **fields: object) -> ServicePrincipal:
    client = authority.add_app(secret=SECRET, **fields)
    return ServicePrincipal(app_at(authority, client), secret=secret)


def with_certificate(authority: Authority, folder: Path) -> ServicePrincipal:
    key, certificate = authority.certificate()
    path = folder / "client.pem"
    path.write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    client = authority.add_app(certificates=[certificate])
    return ServicePrincipal(app_at(authority, client), certificate=Certificate(path))


def with_workload(authority: Authority) -> ServicePrincipal:
    client = authority.add_app(federated={authority.github_issuer: authority.github_subject})
    return ServicePrincipal(app_at(authority, client), assertion=workload_assertion(authority.github_environment))


@pytest.fixture
def managed(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> ManagedIdentity:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority.imds_host)
    return ManagedIdentity()


METHODS: dict[str, Callable[[Authority, Path], Credential]] = {
    "browser": lambda authority, _: browser_at(authority),
    "device": lambda authority, _: device_at(authority),
    "secret": lambda authority, _: with_secret(authority),
    "certificate": with_certificate,
    "managed identity": lambda _, __: ManagedIdentity(),
    "workload identity": lambda authority, _: with_workload(authority),
}


@pytest.fixture(params=METHODS)
def credential(
    request: pytest.FixtureRequest, authority: Authority, tmp_path: Path, managed: ManagedIdentity
) -> Credential:
    return METHODS[request.param](authority, tmp_path)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
