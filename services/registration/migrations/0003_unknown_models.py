"""What a migration file names and no catalogue has: whoever approves the order sees it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    nothing = sa.text("'[]'")
    op.add_column("purchase_order", sa.Column("unknown_models", JSONB, nullable=False, server_default=nothing), schema="registration")
