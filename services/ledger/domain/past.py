"""A cluster as its journal tells of it: everything of a unit report but the devices, at the entry last taken.

Must not be broken: it reads what ``changes.py`` writes, and also what an earlier release wrote.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from services.ledger.domain.ladder import Policy, Rung, policy_of
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class InvalidInstant(Exception):
    """The journal does not tell of the instant that was asked for."""

    reason: str

    def __str__(self) -> str:
        return f"No report can be made for that instant: {self.reason}."


class Told(Protocol):
    """An entry of the journal."""

    @property
    def kind(self) -> str: ...
    @property
    def feature(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def units_before(self) -> int | None: ...
    @property
    def units(self) -> int | None: ...
    @property
    def detail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class GrantedLine:
    """What a line of a source licenses, and whether it does."""

    line_id: int
    feature: str
    units: int
    overdraft_units: int
    granting: bool


@dataclass(frozen=True, slots=True)
class ReportedFile:
    """A source of units: a file by its id, or ``starter`` or ``migration``."""

    license_file_id: str
    state: str
    granted: bool
    nodes: int
    units: int
    overdraft_units: int
    grace_ends_at: datetime | None
    migration_id: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A license file, the starter or a migration's grant. ``state`` is None for what is no file.

    ``migration_id``: the migration that it covers free of charge; it never changes, and the journal does not tell of it.
    """

    subject: str
    state: str | None
    lines: tuple[GrantedLine, ...]
    installed_at: datetime | None
    grace_ends_at: datetime | None
    migration_id: str | None = field(default=None, compare=False)

    def reported(self) -> ReportedFile:
        """A file's lines grant together; a feature of the starter ends by itself. What still grants is counted, else what once did."""
        granted = any(line.granting for line in self.lines)
        counted = [line for line in self.lines if line.granting or not granted]
        return ReportedFile(
            license_file_id=self.subject,
            state=self.state or (self.subject if granted else "superseded"),
            granted=granted,
            nodes=sum(line.units for line in counted if line.feature == CCM_NODE),
            units=sum(line.units for line in counted if line.feature == PHONE_UNIT),
            overdraft_units=sum(line.overdraft_units for line in counted if line.feature == PHONE_UNIT),
            grace_ends_at=self.grace_ends_at,
            migration_id=self.migration_id,
        )


@dataclass(slots=True)
class Past:
    """Folds entries, or of each subject the last one alone. ``nodes``: their addresses by name."""

    product_version: str = ""
    frozen: bool = False
    license_manager: str | None = None
    overdraft_policy: Policy = field(default_factory=Policy)
    rung: Rung = field(default_factory=Rung)
    nodes: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    def take(self, entry: Told) -> bool:
        """Go on by an entry that is about no device; False where its detail cannot be read."""
        try:
            self._take(entry)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError):
            return False
        return True

    def _take(self, entry: Told) -> None:
        if entry.kind == "cluster":
            facts = json.loads(entry.detail)
            self.product_version, self.frozen, self.license_manager = facts["product_version"], facts["frozen"], facts["license_manager"]
            self.overdraft_policy = policy_of(facts.get("overdraft_policy"))
        elif entry.kind == "ladder":
            facts = json.loads(entry.detail)
            self.rung = Rung(_moment(facts, "since"), facts["stage"], facts["stopped"])
        elif entry.kind == "license_file":
            self.sources.pop(entry.subject, None)
            if entry.detail:
                self.sources[entry.subject] = _source(entry.subject, json.loads(entry.detail))
        elif entry.kind == "node" or entry.units is not None:
            self.nodes[entry.subject] = json.loads(entry.detail)["mac"]
        elif entry.units_before is not None:
            self.nodes.pop(entry.subject, None)


def reported(sources: Iterable[Source]) -> list[ReportedFile]:
    """Those that have ever granted something, in the order of a unit report."""
    granted = [source for source in sources if source.lines]
    return [source.reported() for source in sorted(granted, key=lambda source: (source.installed_at or _NEVER, source.subject))]


def with_migrations(sources: Iterable[Source], migrations: Mapping[str, str]) -> list[Source]:
    """The sources with the migrations that they came of, by subject."""
    return [replace(source, migration_id=migrations.get(source.subject)) for source in sources]


def migrated_units(sources: Iterable[Source]) -> Mapping[str, int]:
    """What migrations grant, provisionally or by their files, by feature. The rest was purchased, or is the starter."""
    found = Counter[str]()
    for source in sources:
        if source.migration_id is not None:
            for line in source.lines:
                found[line.feature] += line.units if line.granting else 0
    return found


def _source(subject: str, facts: Mapping[str, Any]) -> Source:
    lines = (GrantedLine(x["line"], x["feature"], x["units"], x["overdraft_units"], x["granting"]) for x in facts["lines"])
    return Source(subject, facts.get("state"), tuple(lines), _moment(facts, "installed_at"), _moment(facts, "grace_ends_at"))


def _moment(facts: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(facts[name]) if facts.get(name) is not None else None
