"""The alarms' columns and constraints."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

ALARMS = registry(metadata=MetaData(schema="alarms"))
_TIME = DateTime(timezone=True)


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
