"""The vendor's keys as an administrator put them into the folder, and what a revoked one means for the files it signed.

A key's days say when it made license files, not how long these are good: a rotated key keeps verifying what it made in its time, so
nothing is issued anew. Whoever holds a stolen key can date a file as he likes, so a revocation strikes all files of the key.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.licensefile.domain.lines import FileLine
from services.licensefile.domain.standing import Revocation
from shared.license_file.trusted_key import Validity, made_at

KeyState = Literal["trusted", "not_yet_valid", "retired", "revoked", "absent", "unusable"]


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

    def state_on(self, day: date) -> KeyState:
        """Of a key that is not revoked: does it make files on this day, will it, or did it?"""
        if self.validity.covers(day):
            return "trusted"
        return "retired" if self.validity.not_after and self.validity.not_after < day else "not_yet_valid"


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A revoked key, remembered from when it was first found so."""

    key_id: str
    file_name: str
    revoked_on: date | None
    reason: str | None
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How many installed files hold lines of a key, and how many of these grant."""

    license_files: int = 0
    granting: int = 0


_ALWAYS, _NO_USE = Validity(), KeyUse()


def still_revoked(
    known: Mapping[str, RevokedKey], revoked: Mapping[str, HeldKey], trusted: Collection[str], at: datetime
) -> dict[str, RevokedKey]:
    """The revoked keys from ``at`` on, by id. A revocation ends only where the key lies there as a trusted one and no more as a revoked
    one: a folder that is away for a while, or a file that was lost, gives nobody his units back."""
    kept = {key_id: key for key_id, key in known.items() if key_id in revoked or key_id not in trusted}
    for key_id, held in revoked.items():
        first = known[key_id].first_seen_at if key_id in known else at
        kept[key_id] = RevokedKey(key_id, held.file_name, held.revoked_on, held.reason, first)
    return kept


def revocation_of(lines: Iterable[FileLine], revoked: Mapping[str, RevokedKey], *, keeps_granting: bool) -> Revocation | None:
    """What lies over a file of these lines: one line of a revoked key is enough."""
    key = next((revoked[line.key_id] for line in lines if line.key_id and line.key_id in revoked), None)
    if key is None:
        return None
    why = f": {key.reason}" if key.reason else ""
    what = "It still grants, as this installation is set up" if keeps_granting else "Its units were taken back"
    seen = f"The key {key.key_id} that signed it is revoked (found on {key.first_seen_at:%Y-%m-%d %H:%M:%S} UTC in {key.file_name!r}{why})."
    return Revocation(f"{seen} {what}. Have it re-hosted to the same MAC: that signs it with the current key.", keeps_granting)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, or a file that holds none, as an administrator sees it."""

    key_id: str | None
    file_name: str | None
    state: KeyState
    validity: Validity = _ALWAYS
    revoked_on: date | None = None
    found_revoked_at: datetime | None = None
    reason: str | None = None
    use: KeyUse = _NO_USE


def listed_keys(
    trusted: Mapping[str, HeldKey],
    revoked: Mapping[str, HeldKey],
    unusable: Iterable[tuple[str, str]],
    known: Mapping[str, RevokedKey],
    uses: Mapping[str, KeyUse],
    day: date,
) -> list[ListedKey]:
    """Unusable files (name, reason) first, then every key that lies there, is remembered as revoked or signed an installed file, by id.

    A revocation that was taken back or put there a moment ago is shown as the folder says it.
    """
    keys = [ListedKey(None, name, "unusable", reason=reason) for name, reason in sorted(unusable)]
    for key_id in sorted(trusted.keys() | revoked.keys() | known.keys() | uses.keys()):
        use, first = uses.get(key_id, _NO_USE), known.get(key_id)
        held = revoked.get(key_id) or trusted.get(key_id)
        found_at = first.first_seen_at if first else None
        if key_id in revoked and held:
            days = trusted.get(key_id, held).validity
            keys.append(ListedKey(key_id, held.file_name, "revoked", days, held.revoked_on, found_at, held.reason, use))
        elif held:
            keys.append(ListedKey(key_id, held.file_name, held.state_on(day), held.validity, use=use))
        elif first:
            keys.append(ListedKey(key_id, None, "revoked", _ALWAYS, first.revoked_on, found_at, first.reason, use))
        else:
            keys.append(ListedKey(key_id, None, "absent", use=use))
    return keys
