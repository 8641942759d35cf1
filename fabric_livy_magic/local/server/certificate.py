"""The certificate of `fabric-livy serve --tls`: one for all servers of a user, made here and trusted by who is told to.

It is no authority: it vouches for 127.0.0.1 and localhost, and whoever trusts it trusts nothing else by that. Its key is in a
folder that only the user can open. The addresses of the files stay the same when it is renewed.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.local.server.discovery import tls_folder, trusted_file
from fabric_livy_magic.local.spark.trust import trusted_by_python
from fabric_livy_magic.own_folders import own_folder, write_private

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NAME = "fabric-livy serve"
VALID_FOR = datetime.timedelta(days=365)
SPARE = datetime.timedelta(days=90)  # a server that starts with less than that makes a new one: it may run for as long
BEFORE = datetime.timedelta(days=1)  # the clock of a virtual machine may be late


@dataclass(frozen=True)
class ServedCertificate:
    """`context` is the server's side. `certificate` is the file to trust; `ca_bundle` has what Python trusts, too."""

    context: ssl.SSLContext
    certificate: Path
    ca_bundle: Path


def served_certificate(now: datetime.datetime | None = None) -> ServedCertificate:
    """That of the last server, or a new one. Raises OSError where it cannot be written."""
    folder = own_folder(tls_folder())
    with _one_at_a_time(folder):
        pair = folder / "server.pem"  # key and certificate in one file, so that they always belong together
        public = _public_part(pair, now or datetime.datetime.now(datetime.UTC))
        certificate, bundle = folder / "certificate.pem", trusted_file()
        write_private(certificate, public)
        others = {name: value for name, value in os.environ.items() if value != str(bundle)}
        write_private(bundle, f"{trusted_by_python(others).decode('ascii')}\n{public}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
    return ServedCertificate(context, certificate, bundle)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    import fcntl  # Windows has none, and loads this module for the help of `fabric-livy serve`

    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _public_part(pair: Path, now: datetime.datetime) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = _kept(pair, now) or _made(pair, now)
    return certificate.public_bytes(Encoding.PEM).decode()


def _kept(pair: Path, now: datetime.datetime) -> Certificate | None:
    """None where there is none, or it is of no use: half a file, the key of another one, little time left."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    try:
        text = pair.read_bytes()
        certificate, key = load_pem_x509_certificate(text), load_pem_private_key(text, None)
    except (OSError, ValueError):
        return None
    if certificate.public_key() != key.public_key():
        return None
    in_time = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - SPARE
    return certificate if in_time else None


def _made(pair: Path, now: datetime.datetime) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
        False,
    )
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, encipher_only=False, decipher_only=False, **usage), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(pair, (private + certificate.public_bytes(Encoding.PEM)).decode())
    return certificate
