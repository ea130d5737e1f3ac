"""A certificate authority for the length of a test, and what it signs."""

import secrets
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority:
    """``pem`` and ``file``: the certificate that receivers' are checked against."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {secrets.token_hex(4)} of a test")])
        self._issued = 0
        certificate = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0), None, days=2)
        self.pem = certificate.public_bytes(Encoding.PEM).decode()
        self.file = folder / "authority.pem"
        self.file.write_text(self.pem, "ascii")

    def issue(self, *names: str, days: int = 1) -> tuple[Path, Path]:
        """Files of a certificate for these names and addresses, and of its key. ``days`` below zero: it has expired."""
        self._issued += 1
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        certificate = self._sign(subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None), alternatives, days)
        paths = self._folder / f"{self._issued}.pem", self._folder / f"{self._issued}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    def serving(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """What a server of these names shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names, days=days))
        return context

    def trusting(self) -> ssl.SSLContext:
        """What a client that trusts this authority alone checks with."""
        return ssl.create_default_context(cadata=self.pem)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        constraints: x509.BasicConstraints,
        alternatives: x509.SubjectAlternativeName | None,
        days: int,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        dated = begun.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=9))
        built = dated.not_valid_after(now + timedelta(days=days)).add_extension(constraints, critical=True)
        if alternatives is not None:
            built = built.add_extension(alternatives, critical=False)
        return built.sign(self._key, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
