"""What left the outbox lately, for a restored database to hand over again."""

from alembic import op

from shared.kit.tables import create_handed_over

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_handed_over(op, "alarms")
