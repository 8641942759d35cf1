"""Certificates of applications, from PEM or PFX files."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.errors import SignInError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PASSPHRASE_VARIABLE = "AZURE_CLIENT_CERTIFICATE_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Certificate:
    """`send_chain` sends the certificate along with each request (subject-name/issuer sign-in, easy rotation)."""

    path: Path
    passphrase: str | None = field(default=None, repr=False)
    send_chain: bool = False

    def load(self) -> LoadedCertificate:
        """Key and certificates of the file. Raises SignInError where it cannot be read, does not match the key, or is not valid now."""
        path = Path(self.path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SignInError(
                f"The certificate file {path} cannot be read: {error.strerror or type(error).__name__}."
            ) from error
        key, certificates = self._from_pem(data) if b"-----BEGIN" in data else self._from_pfx(data)
        own = [one for one in certificates if one.public_key() == key.public_key()]
        if not own:
            raise SignInError(
                f"{path} holds no certificate that belongs to its private key. It needs both in one file: "
                "`cat key.pem certificate.pem > both.pem`."
            )
        now = dt.datetime.now(dt.UTC)
        if own[0].not_valid_after_utc < now:
            raise SignInError(
                f"The certificate in {path} expired on {own[0].not_valid_after_utc:%Y-%m-%d}. Make a new one, and upload "
                "its public part at the app registration (Certificates & secrets)."
            )
        if own[0].not_valid_before_utc > now:
            raise SignInError(
                f"The certificate in {path} is valid only from {own[0].not_valid_before_utc:%Y-%m-%d %H:%M} UTC. "
                "Check this machine's clock, or wait."
            )
        return LoadedCertificate(key, (own[0], *(one for one in certificates if one != own[0])))

    def _from_pem(self, data: bytes) -> tuple[RSAPrivateKey, list[x509.Certificate]]:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        blocks = _pem_blocks(data)
        keys = [block for label, block in blocks if label.endswith("PRIVATE KEY")]
        if not keys:
            raise SignInError(
                f"{self.path} holds no private key, so nothing can be signed with it. Give the file that has key and "
                "certificate (`cat key.pem certificate.pem > both.pem`)."
            )
        # cryptography refuses a passphrase for a key that is not encrypted.
        locked = b"ENCRYPTED" in keys[0]
        try:
            key = load_pem_private_key(keys[0], self._passphrase() if locked else None)
            certificates = [x509.load_pem_x509_certificate(block) for label, block in blocks if label == "CERTIFICATE"]
        except (ValueError, TypeError) as error:
            raise self._unreadable(locked) from error
        return self._rsa(key), certificates

    def _from_pfx(self, data: bytes) -> tuple[RSAPrivateKey, list[x509.Certificate]]:
        from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

        try:
            key, own, others = load_key_and_certificates(data, self._passphrase())
        except ValueError as error:
            # DER begins with "0" (a sequence): then it is a wrong passphrase, else no PFX at all.
            raise self._unreadable(locked=data[:1] == b"0") from error
        if key is None or own is None:
            raise SignInError(f"{self.path} lacks the private key or its certificate. Export it again with both.")
        return self._rsa(key), [own, *others]

    def _passphrase(self) -> bytes | None:
        return self.passphrase.encode() if self.passphrase else None

    def _unreadable(self, locked: bool) -> SignInError:
        if locked and not self.passphrase:
            return SignInError(
                f"{self.path} is locked with a passphrase. Put it into the environment variable {PASSPHRASE_VARIABLE}."
            )
        if locked:
            return SignInError(
                f"The passphrase in {PASSPHRASE_VARIABLE} does not open {self.path}, or the file is damaged."
            )
        return SignInError(
            f"{self.path} cannot be read as PEM or PFX: it is damaged, or of another kind. Convert it: "
            "`openssl pkcs12 -export -in certificate.pem -inkey key.pem -out certificate.pfx`."
        )

    def _rsa(self, key: object) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        if not isinstance(key, RSAPrivateKey):
            raise SignInError(f"The key in {self.path} is no RSA key, and Entra takes RSA only. Make one of that kind.")
        return key


class LoadedCertificate:
    """`chain` begins with the certificate of `key`. Its repr shows neither."""

    def __init__(self, key: RSAPrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        self.key, self.chain = key, chain

    @property
    def thumbprint(self) -> str:
        """SHA-256, in hexadecimal. The portal shows SHA-1 of the same certificate."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.chain[0].fingerprint(SHA256()).hex()

    def encoded_chain(self) -> list[str]:
        """As RFC 7515 wants it in `x5c`: base64 of the DER form, the signing certificate first."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in self.chain]


def _pem_blocks(data: bytes) -> list[tuple[str, bytes]]:
    """(label, block) of each PEM block; text between them, as `openssl pkcs12` writes it, is left out."""
    blocks: list[tuple[str, bytes]] = []
    lines: list[bytes] = []
    label = ""
    for line in data.splitlines():
        stripped = line.strip()
        if stripped.startswith(b"-----BEGIN ") and stripped.endswith(b"-----"):
            label, lines = stripped[11:-5].decode("ascii", "replace"), []
        if label:
            lines.append(stripped)
        if label and stripped == b"-----END " + label.encode() + b"-----":
            blocks.append((label, b"\n".join(lines) + b"\n"))
            label = ""
    return blocks
