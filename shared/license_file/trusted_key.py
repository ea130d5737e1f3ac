"""A vendor's public key as people keep it: PEM, or 64 hexadecimal digits."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

LARGEST_KEY_FILE_BYTES: Final = 4096


def key_in(text: bytes) -> Ed25519PublicKey:
    """The one Ed25519 key of a key file. ValueError says why there is none."""
    text = text.strip()
    if not text.startswith(b"-----BEGIN"):
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.decode("ascii")))
    try:
        key = load_pem_public_key(text)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a key of another kind")
    return key
