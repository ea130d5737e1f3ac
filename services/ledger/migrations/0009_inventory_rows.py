"""Inventories of 4.x by rows: what exports call a device type, and what of an inventory stood in no catalogue."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("device_type", sa.Column("label", sa.Text, nullable=True), schema="ledger")
    op.add_column("device_type", sa.Column("model_code", sa.BigInteger, nullable=True), schema="ledger")
    none, empty = sa.text("0"), sa.text("'{}'")
    op.add_column("migration", sa.Column("rows", sa.BigInteger, nullable=True), schema="ledger")
    op.add_column("migration", sa.Column("repeated_rows", sa.BigInteger, nullable=False, server_default=none), schema="ledger")
    numbers = sa.ARRAY(sa.BigInteger)
    op.add_column("migration", sa.Column("first_repeated_rows", numbers, nullable=False, server_default=empty), schema="ledger")
    op.create_check_constraint(
        "migration_repeated_rows_among_rows", "migration", "repeated_rows BETWEEN 0 AND coalesce(rows, 0)", schema="ledger"
    )
    op.create_table(
        "migration_unknown_model",
        sa.Column("cluster", sa.Text, sa.ForeignKey("ledger.migration.cluster"), primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("devices", sa.BigInteger, nullable=False),
        sa.Column("first_rows", numbers, nullable=False),
        sa.CheckConstraint("devices > 0", name="migration_unknown_model_has_devices"),
        schema="ledger",
    )
