"""Signed license files that these tests make, and the cluster that they are offered to."""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.offer import Offer, SignatureFault, inspect
from shared.license_file.composing import license_line
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import Verification, key_id_of, sign, verify
from shared.license_file.writing import write_file

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
REVOKED = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
RETIRED = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))
FILE_ID, OTHER_ID, OLD_ID, OLDEST_ID = (f"2026031409265358{digit}" for digit in (9, 8, 7, 6))
MAC, OTHER_MAC, FOREIGN_MAC = "0015C5F3A1B2", "0015C5F3A1B3", "0015C5F3A1FF"
HEADQUARTERS = Cluster("headquarters", 3, "5.0", (MAC, OTHER_MAC))


def made_line(
    line_id: int = 1, *, key: Ed25519PrivateKey = KEY, vendor: str = "cisco", keyword: str = "INCREMENT", **changes: Any
) -> LicenseLine:
    """A signed line of 1000 units with 50 of overdraft; ``changes`` go to ``license_line``."""
    values: dict[str, Any] = {
        "feature": "PHONE_UNIT",
        "version": "5.0",
        "units": 1000,
        "mac": MAC,
        "license_file_id": FILE_ID,
        "license_line_id": line_id,
        "pak": "7K2M9QX4TB",
        "overdraft_units": 50,
    }
    plain = license_line(**{**values, **changes})
    return sign(rebuilt(plain, vendor=vendor, keyword=keyword), key)


def rebuilt(line: LicenseLine, **changes: Any) -> LicenseLine:
    """The line with other words or attributes; what was signed before does not hold any more."""
    names = ("keyword", "feature", "vendor", "version", "expiry", "count", "attributes")
    return LicenseLine(**{**{name: getattr(line, name) for name in names}, **changes})


def with_attributes(line: LicenseLine, changes: Mapping[str, str | None], key: Ed25519PrivateKey = KEY) -> LicenseLine:
    """The line with attributes set or (None) taken away, signed anew."""
    kept = {name: value for name, value in {**line.attributes, **changes, "SIGN": None}.items() if value is not None}
    return sign(rebuilt(line, attributes=kept), key)


def made_file(*lines: LicenseLine, comment: str = "order 4711", **changes: Any) -> bytes:
    """A file of these lines, or of a node line and a unit line."""
    return write_file(lines or both_lines(**changes), comment)


def both_lines(**changes: Any) -> Iterable[LicenseLine]:
    return (
        made_line(1, **{"feature": "CCM_NODE", "units": 15, "overdraft_units": 0, **changes}),
        made_line(2, **{"feature": "PHONE_UNIT", **changes}),
    )


def check(line: LicenseLine) -> SignatureFault | None:
    """A ring that trusts KEY, has REVOKED revoked, and knows RETIRED for what it made before any of these files."""
    if line.key_id == key_id_of(REVOKED.public_key()):
        return "key_revoked"
    if line.key_id == key_id_of(RETIRED.public_key()):
        return "key_not_valid"
    worth = verify(line, {key_id_of(KEY.public_key()): KEY.public_key()})
    faults: Mapping[Verification, SignatureFault | None] = {
        Verification.VALID: None,
        Verification.INVALID: "signature_invalid",
        Verification.UNKNOWN_SIGNER: "unknown_signer",
    }
    return faults[worth]


def offered(content: bytes, name: str = "headquarters.lic") -> Offer:
    return inspect(name, content, check)
