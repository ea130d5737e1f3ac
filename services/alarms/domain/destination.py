"""Whom alarms are told: which alarms a destination wants, and when."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.alarms.domain.alarm import ACTIVE, Alarm
from services.alarms.domain.catalogue import SYSLOG_LEVELS
from services.alarms.domain.schedule import Schedule

MOST_DESTINATIONS = 100
Kind = Literal["syslog", "snmp", "email", "webhook"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A webhook's signing secret; ``until``: an older one, which signs beside its successor until then."""

    text: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """``minimum_severity``: the least grave that is told. ``alarms``, ``clusters``: None for all; what is about no cluster is told anyway.

    ``after_minutes``: told only what nobody acknowledged for so long; None: told at once. ``options``: of its kind.
    ``enabled`` False: nothing is told; ``suspended``: why we turned it off ourselves.
    """

    destination_id: UUID
    kind: Kind
    target: str
    minimum_severity: str
    alarms: tuple[str, ...] | None
    clusters: tuple[str, ...] | None
    after_minutes: int | None
    schedule: Schedule
    options: dict[str, Any] = field(repr=False)
    secrets: tuple[Secret, ...]
    enabled: bool
    comment: str | None
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    suspended: str | None = None
    sequence: int = 0

    def __post_init__(self) -> None:
        assert self.minimum_severity in SYSLOG_LEVELS  # paired with CHECK destination_severity_known
        assert self.suspended is None or not self.enabled  # paired with CHECK destination_suspended_is_off

    def wants(self, alarm: Alarm) -> bool:
        """Is this an alarm for this destination, whenever it is told?"""
        return (
            self.enabled
            and alarm.level <= SYSLOG_LEVELS[self.minimum_severity]
            and (self.alarms is None or alarm.name in self.alarms)
            and (self.clusters is None or alarm.cluster is None or alarm.cluster in self.clusters)
        )

    def is_due(self, alarm: Alarm, at: datetime) -> bool:
        """Has nobody acknowledged the alarm for as long as this destination waits?"""
        assert self.after_minutes is not None
        return self.wants(alarm) and alarm.state == ACTIVE and alarm.raised_at + timedelta(minutes=self.after_minutes) <= at

    def secrets_at(self, at: datetime) -> tuple[str, ...]:
        """What signs at that time, the newest first."""
        return tuple(secret.text for secret in self.secrets if secret.until is None or at < secret.until)


@dataclass
class TooManyDestinations(Exception):
    """Every destination costs work for every alarm."""

    most: int = MOST_DESTINATIONS

    def __str__(self) -> str:
        return f"There are {self.most} destinations, which is the limit. Delete one that is not needed any more."


@dataclass
class NoSecretToRotate(Exception):
    """Only webhooks are signed."""

    kind: str

    def __str__(self) -> str:
        return f"A destination of kind {self.kind} signs nothing, so it has no secret to rotate. Change its options instead."
