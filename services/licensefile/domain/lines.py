"""The license lines of one file: what each says, and which of them grant."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shared.license_file.features import FEATURES, major_of
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import canonical


@dataclass(frozen=True, slots=True)
class FileLine:
    """A license line. ``position``: its line in the file. ``grants``: false for what the grammar makes void.

    ``units``, ``line_id`` are None only in files that are refused. ``expires_on``: the last day of validity, None for ever.
    """

    position: int
    line_id: int | None
    feature: str
    version: str
    units: int | None
    overdraft_units: int
    expires_on: date | None
    host_ids: tuple[str, ...]
    original_mac: str | None
    pak: str | None
    order_count: int | None
    key_id: str | None
    grants: bool

    @property
    def major(self) -> int:
        return major_of(self.version)

    def is_bound_to(self, macs: Iterable[str]) -> bool:
        """ANY and DEMO are no MACs, so they never match."""
        return not set(self.host_ids).isdisjoint(macs)


@dataclass(frozen=True, slots=True)
class Grant:
    """What all granting lines of one feature add to its pool."""

    feature: str
    units: int
    overdraft_units: int


def file_lines(lines: Sequence[LicenseLine]) -> tuple[FileLine, ...]:
    """The lines as this service keeps them."""
    granting = _granting(lines)
    return tuple(
        FileLine(
            position=line.first_line,
            line_id=line.license_line_id,
            feature=line.feature,
            version=line.version,
            units=line.units,
            overdraft_units=line.overdraft_units,
            expires_on=line.expiry,
            host_ids=line.host_ids,
            original_mac=line.original_mac,
            pak=line.pak,
            order_count=line.order_count,
            key_id=line.key_id,
            grants=grants,
        )
        for line, grants in zip(lines, granting, strict=True)
    )


def _granting(lines: Sequence[LicenseLine]) -> list[bool]:
    """SUPERSEDE voids lines of its features ISSUED earlier; of the others only the first FEATURE of a name counts, every INCREMENT adds.

    The first is the one with the lowest LicLineID: that is signed, and the order in the file is not.
    """
    newest: dict[str, date] = {}
    for line in lines:
        for feature in line.supersede if line.issued else ():
            newest[feature] = max(newest.get(feature, date.min), line.issued or date.min)
    valid = [line for line in lines if line.issued is None or line.issued >= newest.get(line.feature, date.min)]
    first_of: dict[str, LicenseLine] = {}
    for line in sorted(valid, key=lambda line: line.license_line_id or 0):
        if line.keyword == "FEATURE":
            first_of.setdefault(line.feature, line)
    counting = {id(line) for line in valid if line.keyword != "FEATURE" or line is first_of[line.feature]}
    return [id(line) in counting for line in lines]


def grants_of(lines: Iterable[FileLine]) -> list[Grant]:
    """The grants by feature, in the order of FEATURES."""
    granting = [line for line in lines if line.grants]
    return [
        Grant(feature, sum(line.units or 0 for line in of), sum(line.overdraft_units for line in of))
        for feature in FEATURES
        if (of := [line for line in granting if line.feature == feature])
    ]


def digest_of(lines: Iterable[LicenseLine]) -> str:
    """SHA-256 over what the lines mean: a file whose line breaks a mail program changed is still the same file."""
    digest = hashlib.sha256()
    for form in sorted(canonical(line) for line in lines):
        digest.update(hashlib.sha256(form).digest())
    return digest.hexdigest()
