"""A certificate file of any usual kind is read; what is wrong with one is said, never its key or passphrase."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.certificates import Certificate
from tests.support.entra.authority import Authority, running
from tests.support.entra.certificates import pem_of

PASSPHRASE = "open ✓ sesame"


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with running() as one:
        yield one


@pytest.fixture
def pair(authority: Authority) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    return authority.certificate("client")


def pem(
    path: Path, key: rsa.RSAPrivateKey | None, *certificates: x509.Certificate, passphrase: str | None = None
) -> Path:
    text = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    path.write_bytes((pem_of(key, passphrase) if key else b"") + text)
    return path


def pfx(path: Path, key: rsa.RSAPrivateKey, *certificates: x509.Certificate, passphrase: str | None = None) -> Path:
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    path.write_bytes(serialize_key_and_certificates(b"client", key, certificates[0], list(certificates[1:]), lock))
    return path


@pytest.mark.parametrize("write", [pem, pfx])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_key_and_certificate_are_read(write, passphrase, pair, tmp_path: Path) -> None:
    path = write(tmp_path / "it", *pair, passphrase=passphrase)
    loaded = Certificate(path, passphrase).load()
    assert loaded.key.private_numbers() == pair[0].private_numbers()
    assert loaded.chain[0] == pair[1]


@pytest.mark.parametrize("write", [pem, pfx])
def test_the_chain_begins_with_the_certificate_of_the_key(write, pair, authority: Authority, tmp_path: Path) -> None:
    key, own = pair
    certificates = (authority.ca, own) if write is pem else (own, authority.ca)
    loaded = Certificate(write(tmp_path / "it", key, *certificates), send_chain=True).load()
    assert loaded.chain == (own, authority.ca)
    assert len(loaded.encoded_chain()) == 2


def test_a_passphrase_that_is_not_needed_does_not_matter(pair, tmp_path: Path) -> None:
    assert Certificate(pem(tmp_path / "it", *pair), PASSPHRASE).load().chain == (pair[1],)


def test_text_around_the_blocks_does_not_matter(pair, tmp_path: Path) -> None:
    path = pem(tmp_path / "it", *pair)
    path.write_bytes(b"Bag Attributes\r\n    localKeyID: 01\r\n" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert Certificate(path).load().chain == (pair[1],)


def test_the_thumbprint_is_the_certificates_own(pair, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.hashes import SHA256

    loaded = Certificate(pem(tmp_path / "it", *pair)).load()
    assert loaded.thumbprint == pair[1].fingerprint(SHA256()).hex()


@pytest.mark.parametrize("write", [pem, pfx])
def test_a_wrong_passphrase_is_reported(write, pair, tmp_path: Path) -> None:
    path = write(tmp_path / "it", *pair, passphrase=PASSPHRASE)
    with pytest.raises(SignInError, match="does not open") as caught:
        Certificate(path, "wrong word").load()
    assert "wrong word" not in str(caught.value)


@pytest.mark.parametrize("write", [pem, pfx])
def test_a_missing_passphrase_is_reported(write, pair, tmp_path: Path) -> None:
    with pytest.raises(SignInError, match="AZURE_CLIENT_CERTIFICATE_PASSWORD"):
        Certificate(write(tmp_path / "it", *pair, passphrase=PASSPHRASE)).load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\x00\xff" * 50,
        b"-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\n\xff\n-----END RSA PRIVATE KEY-----\n",
    ],
)
def test_a_file_of_another_kind_is_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(SignInError, match="cannot be read as PEM or PFX"):
        Certificate(tmp_path / "it").load()


def test_a_damaged_pfx_is_reported(pair, tmp_path: Path) -> None:
    path = pfx(tmp_path / "it", *pair, passphrase=PASSPHRASE)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SignInError, match="damaged"):
        Certificate(path, PASSPHRASE).load()


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SignInError, match=r"cannot be read: No such file"):
        Certificate(tmp_path / "none.pem").load()


def test_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SignInError, match="cannot be read"):
        Certificate(tmp_path).load()


def test_a_certificate_without_its_key_is_reported(pair, tmp_path: Path) -> None:
    with pytest.raises(SignInError, match="holds no private key"):
        Certificate(pem(tmp_path / "it", None, pair[1])).load()


def test_a_key_without_its_certificate_is_reported(pair, authority: Authority, tmp_path: Path) -> None:
    _, other = authority.certificate("other", index=4)
    for certificates in ((), (other,)):
        with pytest.raises(SignInError, match="no certificate that belongs to its private key"):
            Certificate(pem(tmp_path / "it", pair[0], *certificates)).load()


def test_an_expired_certificate_is_reported_with_its_date(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(SignInError, match=r"expired on \d{4}-\d\d-\d\d"):
        Certificate(pem(tmp_path / "it", *authority.certificate(days=-2))).load()


def test_a_key_that_entra_does_not_take_is_reported(pair, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "it").write_bytes(data + pair[1].public_bytes(Encoding.PEM))
    with pytest.raises(SignInError, match="no RSA key"):
        Certificate(tmp_path / "it").load()


def test_no_repr_shows_the_passphrase_or_the_key(pair, tmp_path: Path) -> None:
    certificate = Certificate(pem(tmp_path / "it", *pair, passphrase=PASSPHRASE), PASSPHRASE)
    assert PASSPHRASE not in f"{certificate!r} {certificate} {certificate.load()!r}"
