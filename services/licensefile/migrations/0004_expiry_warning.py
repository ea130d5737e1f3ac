"""Which warnings of an end were given."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = "licensefile"


def upgrade() -> None:
    op.create_table(
        "expiry_warning",
        sa.Column("license_file_id", sa.Text, sa.ForeignKey(f"{SCHEMA}.license_file.license_file_id"), primary_key=True),
        sa.Column("ending", sa.Text, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ending IN ('expiry', 'grace')", name="expiry_warning_ending_known"),
        sa.CheckConstraint("step IN (28, 21, 14, 7, 6, 5, 4, 3, 2, 1, 0)", name="expiry_warning_step_known"),
        schema=SCHEMA,
    )
