"""License files on their way to an e-mail address."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("license_file_id", sa.Text, sa.ForeignKey("registration.license_file.license_file_id"), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_answer", sa.Text, nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'sending', 'failed', 'sent', 'given_up')", name="delivery_state_known"),
        sa.CheckConstraint("(state IN ('waiting', 'sending', 'failed')) = (next_attempt_at IS NOT NULL)", name="delivery_due_while_open"),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="delivery_sent_at_when_sent"),
        sa.CheckConstraint(
            "attempts >= 0 AND (attempts > 0 OR state NOT IN ('sending', 'failed', 'sent'))", name="delivery_attempts_counted"
        ),
        sa.CheckConstraint("length(last_answer) <= 500", name="delivery_answer_bounded"),
        schema="registration",
    )
    opened = sa.text("next_attempt_at IS NOT NULL")
    op.create_index("delivery_due", "delivery", ["next_attempt_at"], schema="registration", postgresql_where=opened)
    op.create_index(
        "delivery_open_once", "delivery", ["license_file_id", "email"], unique=True, schema="registration", postgresql_where=opened
    )
    op.create_index("delivery_of_file", "delivery", ["license_file_id", "delivery_id"], schema="registration")
