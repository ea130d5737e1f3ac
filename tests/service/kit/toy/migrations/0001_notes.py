"""Notes. Their words are unique, but only the commit finds out."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables(op, "toy")
    op.create_table(
        "note",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.UniqueConstraint("words", name="note_words_once", deferrable=True, initially="DEFERRED"),
        schema="toy",
    )
