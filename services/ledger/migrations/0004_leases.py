"""Leases, and when a device was last seen. Nobody noted that before: what is there counts as seen at this migration.

The release before goes on beside it: it knows of neither, and a device that it writes has no lease and was seen at that moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("seen_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("lease_seconds", sa.BigInteger, nullable=True),
        sa.Column("lease_ends_at", MOMENT, nullable=True),
    ):
        op.add_column("device", column, schema="ledger")
    op.create_check_constraint("device_lease_bounded", "device", "lease_seconds BETWEEN 1 AND 31536000", schema="ledger")
    op.create_check_constraint("device_lease_has_an_end", "device", "(lease_seconds IS NULL) = (lease_ends_at IS NULL)", schema="ledger")
    op.create_index(
        *("device_by_lease_end", "device", ["cluster", "lease_ends_at"]),
        schema="ledger",
        postgresql_where=sa.text("lease_ends_at IS NOT NULL"),
    )
    op.create_table(
        "lease_clock",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticked_at", MOMENT, nullable=False),
        sa.Column("runs_from", MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name="lease_clock_one_row"),
        schema="ledger",
    )
    op.execute("INSERT INTO ledger.lease_clock (id, ticked_at, runs_from) VALUES (1, now(), now())")
