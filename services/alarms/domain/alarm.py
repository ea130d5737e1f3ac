"""An alarm from its raising to its clearing. After that it is history: what raises anew is another alarm."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.alarms.domain.catalogue import SYSLOG_LEVELS, AlarmKind
from services.alarms.domain.signals import Raise

ACTIVE, ACKNOWLEDGED, CLEARED = "active", "acknowledged", "cleared"


@dataclass(frozen=True, slots=True)
class Alarm:
    """``version`` counts the changes of this alarm; ``fact_version`` is that of the newest fact, from which the reason is.

    ``sequence``: the place in the listing, given by the store. ``stage``: of an overdraft, beside its severity. ``told_at``: when
    destinations were last told that it stands.
    """

    alarm_id: UUID
    name: str
    severity: str
    level: int
    cluster: str | None
    subject: str
    reason: str
    recommended_action: str
    state: str
    raised_at: datetime
    last_seen_at: datetime
    told_at: datetime
    count: int
    version: int
    fact_version: int
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    comment: str | None = None
    cleared_at: datetime | None = None
    sequence: int = 0
    stage: str | None = None

    def __post_init__(self) -> None:
        assert self.state in {ACTIVE, ACKNOWLEDGED, CLEARED}  # paired with CHECK alarm_state_known
        assert (self.state == CLEARED) == (self.cleared_at is not None)  # paired with CHECK alarm_cleared_has_time
        assert self.count >= 1  # paired with CHECK alarm_counted
        assert self.raised_at <= self.last_seen_at  # paired with CHECK alarm_seen_in_order
        assert SYSLOG_LEVELS[self.severity] == self.level  # paired with CHECK alarm_level_is_syslogs


@dataclass
class AlarmIsCleared(Exception):
    """What has ended needs nobody's acknowledgement."""

    alarm_id: UUID
    name: str
    subject: str
    cleared_at: datetime

    def __str__(self) -> str:
        return (
            f"{self.name} of {self.subject} was cleared at {self.cleared_at.isoformat()}; only a standing alarm can be acknowledged "
            "or cleared. "
            "GET /v1/alarms?state=active lists those."
        )


def opened(alarm_id: UUID, kind: AlarmKind, signal: Raise, now: datetime) -> Alarm:
    """The alarm as it begins, by a fact that may be older than ``now``."""
    return Alarm(
        alarm_id=alarm_id,
        name=kind.name.value,
        severity=kind.severity,
        level=kind.level,
        cluster=signal.cluster,
        subject=signal.subject,
        reason=signal.reason,
        recommended_action=action_for(kind, signal),
        state=ACTIVE,
        raised_at=signal.at,
        last_seen_at=signal.at,
        told_at=now,
        count=signal.times,
        version=1,
        fact_version=signal.version,
        stage=signal.stage,
    )


def action_for(kind: AlarmKind, signal: Raise) -> str:
    """What to do: in general, and in this case."""
    return f"{kind.recommended_action}. {signal.advice}"


def repeated(alarm: Alarm, kind: AlarmKind, signal: Raise) -> Alarm:
    """The same again: counted, and said in the words of the newest fact. Who acknowledged it is not asked again."""
    seen = replace(
        alarm,
        count=alarm.count + signal.times,
        version=alarm.version + 1,
        raised_at=min(alarm.raised_at, signal.at),
        last_seen_at=max(alarm.last_seen_at, signal.at),
    )
    if (signal.version, signal.at) < (alarm.fact_version, alarm.last_seen_at):
        return seen
    return replace(seen, reason=signal.reason, recommended_action=action_for(kind, signal), fact_version=signal.version, stage=signal.stage)


def acknowledged(alarm: Alarm, by: str, at: datetime, comment: str | None) -> Alarm:
    """Somebody looks after it; a second acknowledgement changes nothing. Raises AlarmIsCleared."""
    if alarm.cleared_at is not None:
        raise AlarmIsCleared(alarm.alarm_id, alarm.name, alarm.subject, alarm.cleared_at)
    if alarm.state == ACKNOWLEDGED:
        return alarm
    return replace(alarm, state=ACKNOWLEDGED, acknowledged_at=at, acknowledged_by=by, comment=comment, version=alarm.version + 1)


def cleared_by_hand(alarm: Alarm, at: datetime) -> Alarm:
    """Somebody says that it is over. Raises AlarmIsCleared."""
    if alarm.cleared_at is not None:
        raise AlarmIsCleared(alarm.alarm_id, alarm.name, alarm.subject, alarm.cleared_at)
    return cleared(alarm, at)


def cleared(alarm: Alarm, at: datetime) -> Alarm:
    """The end; never before it was last seen, although the two times may be from two clocks."""
    return replace(alarm, state=CLEARED, cleared_at=max(at, alarm.last_seen_at), version=alarm.version + 1)
