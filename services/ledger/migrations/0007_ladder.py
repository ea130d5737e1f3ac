"""Where each pool stands on its overdraft ladder, under which policy, and devices of the exempt classes.

Of a pool that is in overdraft already the days begin when a ledger first looks at it: since when it is, nobody has kept.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

MOMENT = sa.DateTime(timezone=True)
STAGES = "('notice', 'minor', 'major', 'critical')"
CLASSES = "('ordinary', 'emergency', 'attendant')"


def upgrade() -> None:
    op.add_column("pool", sa.Column("overdraft_policy", JSONB(none_as_null=True), nullable=True), schema="ledger")
    op.add_column("pool", sa.Column("overdraft_since", MOMENT, nullable=True), schema="ledger")
    op.add_column("pool", sa.Column("overdraft_stage", sa.Text, nullable=True), schema="ledger")
    op.add_column("pool", sa.Column("overdraft_stopped", sa.Boolean, nullable=False, server_default=sa.false()), schema="ledger")
    op.create_check_constraint("pool_overdraft_stage_known", "pool", f"overdraft_stage IN {STAGES}", schema="ledger")
    has_stage = "(overdraft_since IS NULL) = (overdraft_stage IS NULL)"
    op.create_check_constraint("pool_overdraft_has_stage", "pool", has_stage, schema="ledger")
    stopped = "NOT overdraft_stopped OR overdraft_since IS NOT NULL"
    op.create_check_constraint("pool_stopped_in_overdraft", "pool", stopped, schema="ledger")
    op.add_column("device", sa.Column("device_class", sa.Text, nullable=False, server_default="ordinary"), schema="ledger")
    op.create_check_constraint("device_class_known", "device", f"device_class IN {CLASSES}", schema="ledger")
    exempt = sa.text("device_class <> 'ordinary'")
    op.create_index("device_exempt", "device", ["cluster", "device"], schema="ledger", postgresql_where=exempt)
