"""The vendor's signature of a line: Ed25519 over the one canonical form, the same where it is made and where it is checked.

Must not be broken: two lines with different signed meaning never share a canonical form, and spelling (blanks, line breaks,
case of keywords and names, order of attributes) never changes it. Values keep their case.
A changed form voids every file in the field.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.license_file import values
from shared.license_file.lines import UNSIGNED, LicenseLine

_SIGNATURE: Final = re.compile(r"[0-9A-Fa-f]{128}")


class Verification(Enum):
    """What a signature is worth: `UNKNOWN_SIGNER` names no key that we hold, `INVALID` does not fit the line."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_SIGNER = "unknown_signer"


def canonical(line: LicenseLine) -> bytes:
    """The bytes that are signed: six words, then every signed attribute by name as NAME=length:value, length in UTF-8 bytes.

    A word holds no blank and a value's length is written before it, so the line can be told from its form: no two share one.
    """
    until = values.written_day(line.expiry) if line.expiry else "permanent"
    count = "uncounted" if line.count is None else str(line.count)
    parts = [part.encode() for part in (line.keyword, line.feature, line.vendor, line.version, until, count)]
    for name in sorted(line.attributes.keys() - UNSIGNED):
        value = line.attributes[name].encode()
        parts.append(b"%s=%d:%s" % (name.encode(), len(value), value))
    return b" ".join(parts)


def key_id_of(public_key: Ed25519PublicKey) -> str:
    """The name of a key in `<KeyId>`: 16 hexadecimal digits of the SHA-256 of its raw bytes."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:16].upper()


def sign(line: LicenseLine, private_key: Ed25519PrivateKey) -> LicenseLine:
    """The line with SIGN, and with `<KeyId>` of this key in VENDOR_STRING. ValueError if it names another key."""
    key_id = key_id_of(private_key.public_key())
    if line.key_id not in (None, key_id):
        raise ValueError(f"the line names key {line.key_id}, but the key at hand is {key_id}; leave <KeyId> out to sign with it")
    attributes = dict(line.attributes)
    if line.key_id is None:
        attributes["VENDOR_STRING"] = attributes.get("VENDOR_STRING", "") + values.element("KeyId", key_id)
    digits = private_key.sign(canonical(replace(line, attributes=attributes))).hex().upper()
    attributes["SIGN"] = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return replace(line, attributes=attributes)


def verify(line: LicenseLine, keys: Mapping[str, Ed25519PublicKey]) -> Verification:
    """Whether one of these keys, by its id, signed exactly this line. Grouping and case of SIGN's digits do not matter."""
    key = keys.get(line.key_id) if line.key_id else None
    if key is None:
        return Verification.UNKNOWN_SIGNER
    digits = line.attributes.get("SIGN", "").replace(" ", "")
    if not _SIGNATURE.fullmatch(digits):
        return Verification.INVALID
    try:
        key.verify(bytes.fromhex(digits), canonical(line))
    except InvalidSignature:
        return Verification.INVALID
    return Verification.VALID
