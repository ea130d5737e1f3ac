"""The vendor's secrets in every form in which somebody may have written them down."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


def forms_of(secret: bytes) -> list[bytes]:
    """As somebody may have written it."""
    coded = base64.b64encode(secret).rstrip(b"=")
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), coded, base64.urlsafe_b64encode(secret).rstrip(b"=")]


def clear_forms(pem: bytes, passphrase: bytes) -> list[bytes]:
    """The opened key, raw and as a file would hold it, and what opens it."""
    opened = load_pem_private_key(pem, passphrase)
    assert isinstance(opened, Ed25519PrivateKey)
    der = opened.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return [form for secret in (opened.private_bytes_raw(), der, passphrase) for form in forms_of(secret)]


def all_forms(pem: bytes, passphrase: bytes) -> list[bytes]:
    """The sealed key's too, for it has no business outside the vendor's side either."""
    lines = [line for line in pem.splitlines() if not line.startswith(b"-")]
    return [*clear_forms(pem, passphrase), *forms_of(base64.b64decode(b"".join(lines))), *lines, b"PRIVATE KEY"]


def within(content: bytes, forms: list[bytes]) -> list[bytes]:
    """Those that stand in ``content``, as they are or as a dump writes bytes."""
    return [form for form in forms if form in content or form.hex().encode() in content]


def files_below(folder: Path) -> dict[Path, bytes]:
    """Every regular file, by its place in the folder."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()}
