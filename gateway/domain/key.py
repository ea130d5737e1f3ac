"""A caller's key: made at random, recognised by its digest, never stored. Pure but for the randomness.

256 random bits cannot be guessed, so one round of SHA-256 is enough: slow hashes protect passwords that people choose.
"""

import hashlib
import re
import secrets

_KEY = re.compile(r"lk_[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """``lk_`` and 32 random bytes in base64url."""
    return f"lk_{secrets.token_urlsafe(32)}"


def looks_like_key(text: str) -> bool:
    """Could ``text`` be a key of ours? Anything else is refused without asking the store."""
    return _KEY.fullmatch(text) is not None


def digest_of(key: str) -> bytes:
    """What is kept of a key: SHA-256, 32 bytes."""
    return hashlib.sha256(key.encode()).digest()
