"""The certificate of `serve --tls`: what it vouches for, who can read its key, when it is made anew."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fabric_livy_magic.local.server.certificate import SPARE, VALID_FOR, served_certificate
from fabric_livy_magic.local.server.discovery import find_certificates, tls_folder

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def made(now: datetime.datetime = NOW) -> x509.Certificate:
    return x509.load_pem_x509_certificate(served_certificate(now).certificate.read_bytes())


def test_it_vouches_for_this_machine_and_for_nothing_else() -> None:
    certificate = made()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert not usage.crl_sign


def test_only_this_user_can_read_its_files_and_the_one_to_trust_holds_no_key() -> None:
    served = served_certificate(NOW)
    files = [path for path in tls_folder().iterdir() if path.name != ".lock"]
    assert {path.name for path in files} == {"server.pem", "certificate.pem", "ca-bundle.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(tls_folder().stat().st_mode) == 0o700
    assert b"PRIVATE" not in served.certificate.read_bytes() + served.ca_bundle.read_bytes()


def test_the_next_server_has_the_same_one_until_its_time_runs_out() -> None:
    first = made()
    assert made(NOW + VALID_FOR - SPARE - datetime.timedelta(seconds=1)) == first
    later = NOW + VALID_FOR - SPARE + datetime.timedelta(seconds=1)
    second = made(later)
    assert second.public_key() != first.public_key()
    assert second.not_valid_after_utc == later + VALID_FOR


def test_one_of_a_clock_that_was_ahead_is_made_anew() -> None:
    assert made(NOW + datetime.timedelta(days=30)) != made(NOW)


@pytest.mark.parametrize("broken", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\xff\xfe"])
def test_a_broken_file_is_made_anew(broken: bytes) -> None:
    first = made()
    (tls_folder() / "server.pem").write_bytes(broken)
    assert made() != first


def test_a_key_that_belongs_to_another_certificate_is_made_anew() -> None:
    pair = tls_folder() / "server.pem"
    first, key = made(), b""
    key = pair.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0]
    pair.unlink()
    second = made()
    pair.write_bytes(key + pair.read_bytes()[len(key) :])
    assert made() not in {first, second}


def test_servers_that_start_at_once_have_one_certificate_with_its_key() -> None:
    with ThreadPoolExecutor(4) as threads:
        served = list(threads.map(lambda _: served_certificate(NOW), range(4)))
    text = (tls_folder() / "server.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(text)
    assert load_pem_private_key(text, None).public_key() == certificate.public_key()
    assert {x509.load_pem_x509_certificate(one.certificate.read_bytes()) for one in served} == {certificate}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "UNRELATED"])
def test_the_bundle_is_what_python_trusts_and_the_certificate_once(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(made() and tls_folder() / "ca-bundle.pem"))  # as in the shell of an earlier server
    served = served_certificate(NOW)
    bundle, own = served.ca_bundle.read_text(), served.certificate.read_text()
    assert ssl.create_default_context(cadata=bundle).cert_store_stats()["x509"] > 10
    assert bundle.endswith(own)
    assert bundle.count(own) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://10.0.0.1:1", "https://localhost.evil.example"])
def test_our_client_trusts_it_for_https_on_this_machine_alone(url: str) -> None:
    assert find_certificates("https://127.0.0.1:1/v1") is None
    served = served_certificate(NOW)
    assert (
        find_certificates("https://127.0.0.1:1/v1") == find_certificates("https://localhost") == str(served.ca_bundle)
    )
    assert find_certificates(url) is None
