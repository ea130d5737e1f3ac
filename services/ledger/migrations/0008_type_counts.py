"""How many devices of each type and price a cluster has, kept with every change: a report reads these, and no devices.

A ledger that writes beside it without writing the journal (see 0003) counts nothing either: reports then find counts that do not add
up to the pool and count the devices themselves, for good, and verification says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "type_count",
        sa.Column("cluster", sa.Text, sa.ForeignKey("ledger.cluster.cluster"), primary_key=True),
        sa.Column("device_type", sa.Text, primary_key=True),
        sa.Column("units", sa.BigInteger, primary_key=True),
        sa.Column("devices", sa.BigInteger, nullable=False),
        schema="ledger",
    )
    op.execute("LOCK TABLE ledger.device IN SHARE MODE")  # what is counted must not change meanwhile
    op.execute("""
        INSERT INTO ledger.type_count (cluster, device_type, units, devices)
        SELECT cluster, device_type, units, count(*) FROM ledger.device GROUP BY cluster, device_type, units
    """)
