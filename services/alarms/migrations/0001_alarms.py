"""Alarms, what is settled, refusals that may stand, heartbeats and the tally."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_kit_tables(op, "alarms")
    _create_alarm()
    op.create_table(
        "settled",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        schema="alarms",
    )
    op.create_table(
        "refusal_window",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sa.Column("before", sa.BigInteger, nullable=True),
        sa.Column("moments", JSONB, nullable=False),
        schema="alarms",
    )
    op.create_table(
        "heartbeat",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("interval_seconds", sa.Float, nullable=False),
        schema="alarms",
    )
    op.create_table(
        "tally",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("raised", sa.BigInteger, nullable=False),
        schema="alarms",
    )


def _create_alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("alarm_id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "severity")),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("cluster", sa.Text, nullable=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("subject", "reason", "recommended_action", "state")),
        *(sa.Column(name, _TIME, nullable=False) for name in ("raised_at", "last_seen_at")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", "version", "fact_version")),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.Column("acknowledged_by", sa.Text, nullable=True),
        sa.Column("comment", sa.Text, nullable=True),
        sa.Column("cleared_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('active', 'acknowledged', 'cleared')", name="alarm_state_known"),
        sa.CheckConstraint("(state = 'cleared') = (cleared_at IS NOT NULL)", name="alarm_cleared_has_time"),
        sa.CheckConstraint("count >= 1", name="alarm_counted"),
        sa.CheckConstraint("raised_at <= last_seen_at", name="alarm_seen_in_order"),
        sa.CheckConstraint(
            "(severity, level) IN (('emergency', 0), ('alert', 1), ('critical', 2), ('error', 3), "
            "('warning', 4), ('notice', 5), ('informational', 6), ('debug', 7))",
            name="alarm_level_is_syslogs",
        ),
        schema="alarms",
    )
    standing, past = sa.text("state <> 'cleared'"), sa.text("state = 'cleared'")
    op.create_index("alarm_one_standing", "alarm", ["name", "subject"], unique=True, schema="alarms", postgresql_where=standing)
    op.create_index("alarm_sequence", "alarm", ["sequence"], unique=True, schema="alarms")
    op.create_index("alarm_cluster_sequence", "alarm", ["cluster", "sequence"], schema="alarms")
    op.create_index("alarm_cleared_at", "alarm", ["cleared_at"], schema="alarms", postgresql_where=past)
