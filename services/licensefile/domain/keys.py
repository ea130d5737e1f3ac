"""The vendor's keys as an administrator put them into the folder, and what a revoked one means for the files it signed.

A key's days say when it made license files, not how long these are good: a rotated key keeps verifying what it made in its time, so
nothing is issued anew. Whoever holds a stolen key can date a file as he likes, so a revocation strikes all files of the key.
"""

from dataclasses import dataclass
from datetime import date

from shared.license_file.trusted_key import Validity, made_at


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A file of the folder. ``revoked_on`` and ``reason``: what the file of a revoked key says, for people."""

    key_id: str
    file_name: str
    validity: Validity
    revoked_on: date | None = None
    reason: str | None = None

    def made(self, license_file_id: str | None) -> bool:
        """May it have made this file? An id that is no instant lies on no day, which matters only to a key that has some."""
        instant = made_at(license_file_id or "")
        return self.validity.is_open or (instant is not None and self.validity.covers(instant.date()))
