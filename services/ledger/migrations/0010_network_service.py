"""Whether a cluster's license manager is started, and who switched it when on which node. Every one that is here is started."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

CHECKS = {
    "cluster_service_switched_at_a_time": "(service_version = 0) = (service_since IS NULL)",
    "cluster_service_switched_by_somebody": (
        "(service_since IS NULL) = (service_by IS NULL) AND (service_by IS NULL) = (service_node IS NULL)"
    ),
    "cluster_service_begins_started": "NOT service_stopped OR service_version > 0",
}


def upgrade() -> None:
    columns = (
        sa.Column("service_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("service_stopped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("service_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("service_by", sa.Text, nullable=True),
        sa.Column("service_node", sa.Text, nullable=True),
    )
    for column in columns:
        op.add_column("cluster", column, schema="ledger")
    for name, rule in CHECKS.items():
        op.create_check_constraint(name, "cluster", rule, schema="ledger")
