"""Keys that were found revoked, and what that means for the files they signed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = "licensefile"


def upgrade() -> None:
    op.add_column("license_file", sa.Column("revoked_reason", sa.Text, nullable=True), schema=SCHEMA)
    op.add_column("license_file", sa.Column("revoked_keeps_granting", sa.Boolean, nullable=True), schema=SCHEMA)
    whole = "(revoked_reason IS NULL) = (revoked_keeps_granting IS NULL)"
    op.create_check_constraint("license_file_revocation_is_whole", "license_file", whole, schema=SCHEMA)
    op.create_table(
        "revoked_key",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("revoked_on", sa.Date, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
