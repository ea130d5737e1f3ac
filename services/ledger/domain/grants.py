"""What license files, the starter and a migration add to a cluster's pools.

A line grants once. Facts about a file may arrive late, repeated or in any order; the newest state of a file counts, and what a
re-host replaced grants nothing for ever, also when it is installed afterwards.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT

Source = Literal["file", "starter", "migration"]

STARTER_NODES = 1
STARTER_UNITS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """So many units of a feature from one source. ``license_file_id`` is set on lines of files only."""

    source: Source
    license_file_id: str | None
    line_id: int
    feature: str
    units: int
    overdraft_units: int
    major: int
    granting: bool

    def __post_init__(self) -> None:
        assert (self.source == "file") == (self.license_file_id is not None)  # paired with CHECK grant_line_file_has_id
        assert min(self.units, self.overdraft_units) >= 0  # paired with CHECK grant_line_units_not_negative

    @property
    def key(self) -> tuple[str, str | None, int]:
        return self.source, self.license_file_id, self.line_id


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """A file as the ledger knows it; ``installed_at`` is None for one that was heard of and never installed."""

    license_file_id: str
    version: int
    state: str
    granting: bool
    superseded: bool = False
    file_name: str = ""
    mac: str = ""
    installed_at: datetime | None = None
    expires_at: datetime | None = None
    grace_ends_at: datetime | None = None
    migration_id: str | None = None

    def __post_init__(self) -> None:
        assert not (self.superseded and self.granting)  # paired with CHECK license_file_superseded_grants_nothing

    @property
    def grants(self) -> bool:
        return self.granting and self.installed_at is not None


@dataclass(frozen=True, slots=True)
class Grants:
    """All files and lines of one cluster."""

    files: tuple[LicenseFile, ...] = ()
    lines: tuple[Line, ...] = ()

    def file(self, license_file_id: str) -> LicenseFile | None:
        return next((file for file in self.files if file.license_file_id == license_file_id), None)

    def granting_lines(self, feature: str) -> list[Line]:
        return [line for line in self.lines if line.granting and line.feature == feature]


def starter_lines(major: int) -> tuple[Line, ...]:
    """The license that a new cluster begins with."""
    return (
        Line("starter", None, 1, CCM_NODE, STARTER_NODES, 0, major, granting=True),
        Line("starter", None, 2, PHONE_UNIT, STARTER_UNITS, 0, major, granting=True),
    )


def under_starter(grants: Grants) -> bool:
    """Does the starter still provide phone units? Then it includes the software license too."""
    return any(line.source == "starter" for line in grants.granting_lines(PHONE_UNIT))


def withdraw(grants: Grants, source: Source) -> Grants:
    """Take the whole starter, or the migration's provisional grant, back."""
    return _switched_off(grants, lambda line: line.source == source)


def install(grants: Grants, file: LicenseFile, lines: tuple[Line, ...], *, completes_migration: bool) -> Grants:
    """A file was accepted. A feature of the starter ends with the first file that has it; a repeated fact changes nothing."""
    known = grants.file(file.license_file_id)
    if known is not None and known.installed_at is not None:
        return grants
    kept = file
    if known is not None:  # its state came before it
        kept = replace(
            file,
            version=max(known.version, file.version),
            state=known.state,
            granting=known.granting,
            superseded=known.superseded,
            grace_ends_at=known.grace_ends_at,
        )
    features = {line.feature for line in lines}
    left = _switched_off(
        grants,
        lambda line: (line.source == "starter" and line.feature in features) or (line.source == "migration" and completes_migration),
    )
    return Grants(_with_file(left.files, kept), (*left.lines, *(replace(line, granting=kept.granting) for line in lines)))


def supersede(grants: Grants, license_file_id: str) -> Grants:
    """A re-host replaced the file: it grants nothing from now on, which counts as a state of it. One never heard of is remembered."""
    known = grants.file(license_file_id)
    if known is None:
        known = LicenseFile(license_file_id, 0, "superseded", granting=False, superseded=True)
    elif known.superseded:
        return grants
    else:
        known = replace(known, version=known.version + 1, state="superseded", granting=False, superseded=True)
    off = _switched_off(grants, lambda line: line.license_file_id == license_file_id)
    return replace(off, files=_with_file(off.files, known))


def change_state(grants: Grants, file: LicenseFile) -> Grants:
    """A file's state changed: ``file`` carries its id, version, state, ``granting`` and grace. Older news changes nothing."""
    known = grants.file(file.license_file_id)
    if known is None:
        return replace(grants, files=_with_file(grants.files, file))
    if known.superseded or file.version <= known.version:
        return grants
    now = replace(known, version=file.version, state=file.state, granting=file.granting, grace_ends_at=file.grace_ends_at)
    lines = tuple(replace(line, granting=file.granting) if line.license_file_id == file.license_file_id else line for line in grants.lines)
    return Grants(_with_file(grants.files, now), lines)


def _with_file(files: Iterable[LicenseFile], file: LicenseFile) -> tuple[LicenseFile, ...]:
    return (*(other for other in files if other.license_file_id != file.license_file_id), file)


def _switched_off(grants: Grants, which: Callable[[Line], bool]) -> Grants:
    return replace(grants, lines=tuple(replace(line, granting=False) if which(line) else line for line in grants.lines))
