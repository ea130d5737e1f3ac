"""The callers and the digests of their keys."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables(op, "gateway")
    op.create_table(
        "caller",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("key_digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.CheckConstraint("scope IN ('viewer', 'operator', 'admin', 'vendor')", name="caller_scope_known"),
        sa.CheckConstraint("octet_length(key_digest) = 32", name="caller_key_digest_is_sha256"),
        schema="gateway",
    )
