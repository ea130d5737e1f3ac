"""Unmet demand, what devices would give back, and the daily balances of pools.

The history begins empty and reads the whole journal by itself, some hundred thousand entries at a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_demand()
    _create_figures()


def _of_cluster() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"])


def _create_demand() -> None:
    text, number = sa.Text, sa.BigInteger
    op.create_table(
        "unmet_demand",
        sa.Column("cluster", text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        *(sa.Column(name, text, primary_key=True) for name in ("feature", "device_type", "rule")),
        *(sa.Column(name, number, nullable=False) for name in ("refusals", "units_asked", "devices")),
        sa.Column("more_devices", sa.Boolean, nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("first_at", "last_at")),
        _of_cluster(),
        schema="ledger",
    )
    op.create_table(
        "unmet_device",
        *(sa.Column(name, text, primary_key=True) for name in ("cluster", "feature", "device", "device_type", "rule")),
        *(sa.Column(name, number, nullable=False) for name in ("units", "refusals")),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("first_at", "last_at")),
        sa.Column("met_at", MOMENT, nullable=True),
        _of_cluster(),
        schema="ledger",
    )


def _create_figures() -> None:
    text, number = sa.Text, sa.BigInteger
    op.create_table(
        "returnable",
        sa.Column("cluster", text, primary_key=True),
        sa.Column("ghost_days", sa.Integer, nullable=False),
        *(sa.Column(name, number, nullable=False) for name in ("ghosts", "ghost_units", "overpriced", "overpriced_units")),
        sa.Column("measured_at", MOMENT, nullable=False),
        _of_cluster(),
        schema="ledger",
    )
    op.create_table(
        "pool_day",
        *(sa.Column(name, text, primary_key=True) for name in ("cluster", "feature")),
        sa.Column("day", sa.Date, primary_key=True),
        *(sa.Column(name, number, nullable=False) for name in ("authorized", "overdraft_allowed", "used")),
        _of_cluster(),
        schema="ledger",
    )
    op.create_table(
        "history_mark",
        sa.Column("cluster", text, primary_key=True),
        sa.Column("sequence", number, nullable=False),
        sa.Column("whole_until", MOMENT, nullable=True),
        _of_cluster(),
        schema="ledger",
    )
