"""Destinations, deliveries, what people and time did to an alarm, and what listeners are told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

_TIME = sa.DateTime(timezone=True)
_IS_OPEN = "state IN ('waiting', 'claimed', 'failed')"


def upgrade() -> None:
    op.add_column("alarm", sa.Column("told_at", _TIME, nullable=False, server_default=sa.func.now()), schema="alarms")
    op.create_index("alarm_raised_of_subject", "alarm", ["name", "subject", "raised_at"], schema="alarms")
    _create_step()
    _create_destination()
    _create_delivery()
    op.create_table(
        "change",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        *_times("at"),
        *_texts("what"),
        sa.Column("alarm", JSONB, nullable=False),
        schema="alarms",
    )
    op.create_index("change_at", "change", ["at"], schema="alarms")
    op.create_table(
        "delivery_tally",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        schema="alarms",
    )


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, _TIME, nullable=nullable) for name in names]


def _create_step() -> None:
    known = "step IN ('acknowledged', 'commented', 'cleared_by_hand', 'repeated', 'escalated')"
    op.create_table(
        "alarm_step",
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("alarm_id", sa.Uuid, sa.ForeignKey("alarms.alarm.alarm_id", ondelete="CASCADE"), nullable=False),
        *_texts("step"),
        *_times("at"),
        *_texts("by"),
        *_texts("text", nullable=True),
        sa.CheckConstraint(known, name="alarm_step_known"),
        schema="alarms",
    )
    op.create_index("alarm_step_of_alarm", "alarm_step", ["alarm_id", "sequence"], schema="alarms")


def _create_destination() -> None:
    severities = "'emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'debug'"
    op.create_table(
        "destination",
        sa.Column("destination_id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *_texts("kind", "target", "minimum_severity"),
        sa.Column("alarms", JSONB, nullable=True),
        sa.Column("clusters", JSONB, nullable=True),
        sa.Column("after_minutes", sa.Integer, nullable=True),
        *(sa.Column(name, JSONB, nullable=False) for name in ("schedule", "options", "secrets")),
        sa.Column("enabled", sa.Boolean, nullable=False),
        *_texts("suspended", "comment", nullable=True),
        *_texts("created_by"),
        *_times("created_at"),
        *_texts("changed_by"),
        *_times("changed_at"),
        sa.CheckConstraint("kind IN ('syslog', 'snmp', 'email', 'webhook')", name="destination_kind_known"),
        sa.CheckConstraint(f"minimum_severity IN ({severities})", name="destination_severity_known"),
        sa.CheckConstraint("suspended IS NULL OR NOT enabled", name="destination_suspended_is_off"),
        sa.CheckConstraint("after_minutes >= 1", name="destination_waits_a_minute"),
        schema="alarms",
    )
    op.create_index("destination_sequence", "destination", ["sequence"], unique=True, schema="alarms")


def _create_delivery() -> None:
    states = "'waiting', 'claimed', 'failed', 'sent', 'given_up', 'overtaken'"
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("destination_id", sa.Uuid, nullable=False),
        *_texts("kind", "target"),
        sa.Column("alarm_id", sa.Uuid, nullable=False),
        *_texts("name"),
        *_texts("cluster", nullable=True),
        *_texts("occasion"),
        sa.Column("message", JSONB, nullable=False),
        *_texts("state"),
        *_times("created_at", "not_before"),
        sa.Column("attempts", sa.Integer, nullable=False),
        *_times("claimed_at", "answered_at", nullable=True),
        *_texts("answer", nullable=True),
        sa.Column("history", JSONB, nullable=False),
        sa.CheckConstraint(f"state IN ({states})", name="delivery_state_known"),
        sa.CheckConstraint("occasion IN ('raised', 'repeated', 'escalated', 'cleared', 'test')", name="delivery_occasion_known"),
        sa.CheckConstraint("attempts >= 0", name="delivery_attempts_not_negative"),
        sa.CheckConstraint("state <> 'sent' OR answered_at IS NOT NULL", name="delivery_sent_was_answered"),
        schema="alarms",
    )
    add = {"table_name": "delivery", "schema": "alarms"}
    op.create_index("delivery_sequence", columns=["sequence"], unique=True, **add)
    op.create_index("delivery_open", columns=["destination_id", "not_before", "sequence"], postgresql_where=sa.text(_IS_OPEN), **add)
    op.create_index("delivery_of_alarm", columns=["alarm_id", "destination_id", "sequence"], **add)
    op.create_index("delivery_done", columns=["created_at"], postgresql_where=sa.text(f"NOT ({_IS_OPEN})"), **add)
