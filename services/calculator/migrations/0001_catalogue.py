"""The catalogue of device types."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables(op, "calculator")
    op.create_table(
        "device_type",
        sa.Column("device_type", sa.Text, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("model_code", sa.Integer, nullable=True),
        sa.Column("units", sa.Integer, nullable=False),
        sa.Column("adjunct_units", sa.Integer, nullable=True),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("shipped", sa.Boolean, nullable=False),
        sa.CheckConstraint("units >= 0", name="device_type_units_not_negative"),
        sa.CheckConstraint("shipped OR units >= 1", name="device_type_local_costs_something"),
        schema="calculator",
    )
    op.create_table(
        "catalogue",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("shipped_digest", sa.Text, nullable=False),
        sa.CheckConstraint("id = 1", name="catalogue_one_row"),
        schema="calculator",
    )
