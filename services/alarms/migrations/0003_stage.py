"""The stage of an overdraft, beside the severity of its alarm."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("alarm", sa.Column("stage", sa.Text, nullable=True), schema="alarms")
