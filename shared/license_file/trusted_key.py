"""A vendor's public key as people keep it: PEM, or 64 hexadecimal digits, and before it what they say of it.

    # not-before: 2026-01-01
    # not-after: 2027-12-31
    # comment: by courier, from the vendor's own hand

A line that begins with # is one of these statements, or in the file of a revoked key `revoked-on` or `reason`. Everything else
there is an error, so that a misspelt end of validity is never taken for a remark.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

LARGEST_KEY_FILE_BYTES: Final = 4096
LONGEST_REASON: Final = 200
_STATEMENTS: Final = ("not-before", "not-after", "comment")
_OF_REVOKED: Final = ("revoked-on", "reason")


@dataclass(frozen=True, slots=True)
class Validity:
    """The days (UTC, both included) on which a key made license files; None is open."""

    not_before: date | None = None
    not_after: date | None = None

    def __post_init__(self) -> None:
        if self.not_before and self.not_after and self.not_after < self.not_before:
            raise ValueError(f"not-after {self.not_after} is before not-before {self.not_before}")

    @property
    def is_open(self) -> bool:
        return self.not_before is None and self.not_after is None

    def covers(self, day: date) -> bool:
        return (self.not_before or date.min) <= day <= (self.not_after or date.max)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key and what its file says of it. ``revoked_on`` and ``reason`` stand in the file of a revoked key only."""

    key: Ed25519PublicKey
    validity: Validity = Validity()
    revoked_on: date | None = None
    reason: str | None = None


def key_in(text: bytes) -> Ed25519PublicKey:
    """The one Ed25519 key of a key file, whatever is said of it. ValueError says why there is none."""
    return key_file_in(text, revoked=True).key


def key_file_in(text: bytes, *, revoked: bool) -> KeyFile:
    """A whole key file; ``revoked``: that of a revoked key. ValueError says what is wrong with it."""
    said, key = _divided(text)
    allowed = (*_STATEMENTS, *_OF_REVOKED) if revoked else _STATEMENTS
    if strange := [name for name in said if name not in allowed]:
        ways = "; only a file named *.revoked revokes a key" if strange[0] in _OF_REVOKED else ""
        raise ValueError(f"a line that begins with # must be one of {', '.join(allowed)}, and {ascii(strange[0])[:60]} is not{ways}")
    reason = said.get("reason")
    if reason is not None and not (0 < len(reason) <= LONGEST_REASON and reason.isprintable()):
        raise ValueError(f"the reason must have 1 to {LONGEST_REASON} printable characters")
    validity = Validity(_day(said, "not-before"), _day(said, "not-after"))
    return KeyFile(_key_in(key), validity, _day(said, "revoked-on"), reason)


def made_at(license_file_id: str) -> datetime | None:
    """When a license file was made (UTC, to the millisecond): a LicFileID is that instant. None for digits that are none."""
    try:
        whole = datetime.strptime(license_file_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return whole.replace(microsecond=int(license_file_id[14:]) * 1000)
    except ValueError:
        return None


def _divided(text: bytes) -> tuple[dict[str, str], bytes]:
    """What is said before the key, by name, and the key."""
    said: dict[str, str] = {}
    lines = text.strip().splitlines()
    while lines and lines[0].lstrip().startswith(b"#"):
        name, _, value = lines.pop(0).decode("utf-8").strip().removeprefix("#").partition(":")
        name = name.strip().lower()
        if name in said and name != "comment":
            raise ValueError(f"{ascii(name)[:60]} is said twice")
        said[name] = value.strip()
    return said, b"\n".join(lines).strip()


def _day(said: dict[str, str], name: str) -> date | None:
    try:
        return datetime.strptime(said[name], "%Y-%m-%d").replace(tzinfo=UTC).date() if name in said else None
    except ValueError:
        raise ValueError(f"{name} must be a day written YYYY-MM-DD, not {ascii(said[name])[:60]}") from None


def _key_in(text: bytes) -> Ed25519PublicKey:
    if not text.startswith(b"-----BEGIN"):
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.decode("ascii")))
    if text.count(b"-----") != 4 or not text.endswith(b"-----"):
        raise ValueError("after the key there must be nothing; what is said of it stands before it")
    try:
        key = load_pem_public_key(text)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a key of another kind")
    return key
