"""The alarms' columns and constraints."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Index, MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.alarms.domain.catalogue import SYSLOG_LEVELS
from services.alarms.domain.step import STEPS

DELIVERY_IS_OPEN = "state IN ('waiting', 'claimed', 'failed')"
ALARMS = registry(metadata=MetaData(schema="alarms"))
_TIME = DateTime(timezone=True)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


class AlarmsTable(SQLModel, registry=ALARMS):
    """Base of this service's tables: its own registry, its own schema."""


class AlarmRow(AlarmsTable, table=True):
    """An alarm, standing or past. ``sequence`` orders the listing; at most one of a name and subject stands."""

    __tablename__ = "alarm"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'acknowledged', 'cleared')", name="alarm_state_known"),
        CheckConstraint("(state = 'cleared') = (cleared_at IS NOT NULL)", name="alarm_cleared_has_time"),
        CheckConstraint("count >= 1", name="alarm_counted"),
        CheckConstraint("raised_at <= last_seen_at", name="alarm_seen_in_order"),
        CheckConstraint(
            "(severity, level) IN (('emergency', 0), ('alert', 1), ('critical', 2), ('error', 3), "
            "('warning', 4), ('notice', 5), ('informational', 6), ('debug', 7))",
            name="alarm_level_is_syslogs",
        ),
        Index("alarm_one_standing", "name", "subject", unique=True, postgresql_where=text("state <> 'cleared'")),
        Index("alarm_sequence", "sequence", unique=True),
        Index("alarm_raised_of_subject", "name", "subject", "raised_at"),
        Index("alarm_cluster_sequence", "cluster", "sequence"),
        Index("alarm_cleared_at", "cleared_at", postgresql_where=text("state = 'cleared'")),
    )

    alarm_id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    name: str
    severity: str
    level: int
    cluster: str | None = None
    subject: str
    reason: str
    recommended_action: str
    state: str
    raised_at: datetime = Field(sa_type=_TIME)
    last_seen_at: datetime = Field(sa_type=_TIME)
    count: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)
    fact_version: int = Field(sa_type=BigInteger)
    acknowledged_at: datetime | None = Field(default=None, sa_type=_TIME)
    acknowledged_by: str | None = None
    comment: str | None = None
    cleared_at: datetime | None = Field(default=None, sa_type=_TIME)
    stage: str | None = None
    told_at: datetime = Field(sa_type=_TIME, sa_column_kwargs={"server_default": text("now()")})


class AlarmStepRow(AlarmsTable, table=True):
    """What a person or time did to an alarm; kept as long as the alarm is."""

    __tablename__ = "alarm_step"
    __table_args__ = (
        CheckConstraint(f"step IN ({_listed(STEPS)})", name="alarm_step_known"),
        Index("alarm_step_of_alarm", "alarm_id", "sequence"),
    )

    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    alarm_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("alarms.alarm.alarm_id", ondelete="CASCADE"), nullable=False))
    step: str
    at: datetime = Field(sa_type=_TIME)
    by: str
    text: str | None = None


class DestinationRow(AlarmsTable, table=True):
    """Whom alarms are told. ``schedule``, ``options``: of domain/schedule.py, and of its kind; credentials stand in the latter."""

    __tablename__ = "destination"
    __table_args__ = (
        CheckConstraint("kind IN ('syslog', 'snmp', 'email', 'webhook')", name="destination_kind_known"),
        CheckConstraint(f"minimum_severity IN ({_listed(tuple(SYSLOG_LEVELS))})", name="destination_severity_known"),
        CheckConstraint("suspended IS NULL OR NOT enabled", name="destination_suspended_is_off"),
        CheckConstraint("after_minutes >= 1", name="destination_waits_a_minute"),
        Index("destination_sequence", "sequence", unique=True),
    )

    destination_id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    kind: str
    target: str
    minimum_severity: str
    alarms: list[str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    clusters: list[str] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    after_minutes: int | None = None
    schedule: dict[str, Any] = Field(sa_type=JSONB)
    options: dict[str, Any] = Field(sa_type=JSONB, repr=False)
    secrets: list[Any] = Field(sa_type=JSONB, repr=False)
    enabled: bool
    suspended: str | None = None
    comment: str | None = None
    created_by: str
    created_at: datetime = Field(sa_type=_TIME)
    changed_by: str
    changed_at: datetime = Field(sa_type=_TIME)


class DeliveryRow(AlarmsTable, table=True):
    """A message for a destination and what became of it. It outlives its destination, and refers to none."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'claimed', 'failed', 'sent', 'given_up', 'overtaken')", name="delivery_state_known"),
        CheckConstraint("occasion IN ('raised', 'repeated', 'escalated', 'cleared', 'test')", name="delivery_occasion_known"),
        CheckConstraint("attempts >= 0", name="delivery_attempts_not_negative"),
        CheckConstraint("state <> 'sent' OR answered_at IS NOT NULL", name="delivery_sent_was_answered"),
        Index("delivery_sequence", "sequence", unique=True),
        Index("delivery_open", "destination_id", "not_before", "sequence", postgresql_where=text(DELIVERY_IS_OPEN)),
        Index("delivery_of_alarm", "alarm_id", "destination_id", "sequence"),
        Index("delivery_done", "created_at", postgresql_where=text(f"NOT ({DELIVERY_IS_OPEN})")),
    )

    delivery_id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    destination_id: UUID
    kind: str
    target: str
    alarm_id: UUID
    name: str
    cluster: str | None = None
    occasion: str
    message: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    created_at: datetime = Field(sa_type=_TIME)
    not_before: datetime = Field(sa_type=_TIME)
    attempts: int
    claimed_at: datetime | None = Field(default=None, sa_type=_TIME)
    answered_at: datetime | None = Field(default=None, sa_type=_TIME)
    answer: str | None = None
    history: list[Any] = Field(sa_type=JSONB)


class DeliveryTallyRow(AlarmsTable, table=True):
    """How often something became of a delivery since the beginning; counted where it is written down."""

    __tablename__ = "delivery_tally"

    kind: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)


class ChangeRow(AlarmsTable, table=True):
    """What listeners of the stream are told. Whoever writes here holds a lock until the commit: ``position`` grows as it is seen."""

    __tablename__ = "change"
    __table_args__ = (Index("change_at", "at"),)

    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_type=_TIME)
    what: str
    alarm: dict[str, Any] = Field(sa_type=JSONB)


class SettledRow(AlarmsTable, table=True):
    """Facts about a name and subject up to this version are settled: an older raising raises nothing. Its row is the lock."""

    __tablename__ = "settled"

    name: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)


class RefusalWindowRow(AlarmsTable, table=True):
    """The newest moments of a pool, ``[version, free, [asked, …], [authorized, overdraft_allowed, used]]`` each.

    Its row is the lock of the pool's RequestFailed, and of the words of its OverDraft.
    """

    __tablename__ = "refusal_window"

    subject: str = Field(primary_key=True)
    settled: int = Field(sa_type=BigInteger)
    before: int | None = Field(default=None, sa_type=BigInteger)
    moments: list[Any] = Field(sa_type=JSONB)


class HeartbeatRow(AlarmsTable, table=True):
    """The newest sign of life of a service."""

    __tablename__ = "heartbeat"

    service: str = Field(primary_key=True)
    at: datetime = Field(sa_type=_TIME)
    received_at: datetime = Field(sa_type=_TIME)
    interval_seconds: float


class TallyRow(AlarmsTable, table=True):
    """How often an alarm was raised since the beginning: the counter that no restart and no rolled back transaction disturbs."""

    __tablename__ = "tally"

    name: str = Field(primary_key=True)
    raised: int = Field(sa_type=BigInteger)
