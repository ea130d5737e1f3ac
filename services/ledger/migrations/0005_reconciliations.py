"""Reconciliations: the inventory of a cluster, how the ledger differs from it, and what became of that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)
AT_WORK = "state IN ('receiving', 'received', 'applying', 'reverting')"
STATES = "state IN ('receiving', 'received', 'compared', 'applying', 'applied', 'reverting', 'reverted', 'failed')"
KINDS = "kind IN ('missing', 'ghost', 'wrong_type', 're_price', 'elsewhere', 'problem')"


def upgrade() -> None:
    text, number = sa.Text, sa.BigInteger
    op.create_table(
        "reconciliation",
        sa.Column("reconciliation_id", text, primary_key=True),
        sa.Column("cluster", text, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("state", text, nullable=False),
        *(sa.Column(name, number, nullable=False) for name in ("lines", "done", "total")),
        sa.Column("summary", JSONB, nullable=False),
        sa.Column("used_before", number, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failure", text, nullable=True),
        *(sa.Column(name, text, nullable=False) for name in ("caller", "trace_id")),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("created_at", "changed_at")),
        sa.ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        sa.CheckConstraint(STATES, name="reconciliation_state_known"),
        schema="ledger",
    )
    op.create_index(
        "reconciliation_one_at_work", "reconciliation", ["cluster"], unique=True, postgresql_where=sa.text(AT_WORK), schema="ledger"
    )
    op.create_index("reconciliation_of_cluster", "reconciliation", ["cluster", "reconciliation_id"], schema="ledger")
    op.create_table(
        "inventory_line",
        sa.Column("reconciliation_id", text, primary_key=True),
        sa.Column("line", number, primary_key=True),
        *(sa.Column(name, text, nullable=True) for name in ("device", "device_type", "problem")),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["ledger.reconciliation.reconciliation_id"], ondelete="CASCADE"),
        sa.CheckConstraint("problem IS NOT NULL OR (device IS NOT NULL AND device_type IS NOT NULL)", name="inventory_line_whole"),
        schema="ledger",
    )
    _create_differences()


def _create_differences() -> None:
    text, number = sa.Text, sa.BigInteger
    op.create_table(
        "difference",
        sa.Column("reconciliation_id", text, primary_key=True),
        sa.Column("kind", text, primary_key=True),
        sa.Column("number", number, primary_key=True),
        sa.Column("line", number, nullable=True),
        *(sa.Column(name, text, nullable=True) for name in ("device", "held_type")),
        sa.Column("held_units", number, nullable=True),
        sa.Column("held_adjunct_of", text, nullable=True),
        sa.Column("held_since", MOMENT, nullable=True),
        sa.Column("device_type", text, nullable=True),
        sa.Column("units", number, nullable=True),
        *(sa.Column(name, text, nullable=True) for name in ("adjunct_of", "other_cluster", "outcome", "rule", "detail")),
        sa.Column("step", number, nullable=True),
        sa.Column("device_row", JSONB, nullable=True),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["ledger.reconciliation.reconciliation_id"], ondelete="CASCADE"),
        sa.CheckConstraint(KINDS, name="difference_kind_known"),
        schema="ledger",
    )
