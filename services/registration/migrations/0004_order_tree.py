"""The order tree: which key signed a file and which files it voids, as its own bytes say; and shares that went back to their order."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Read by the database from the bytes, so that they cannot differ from what was signed, whoever inserts, the release before included.
_KEY_ID = "substring(encode(content, 'escape') FROM '<KeyId>([0-9A-F]{16})</KeyId>')"
_VOIDS = (
    "coalesce(string_to_array(substring(encode(content, 'escape') "
    "FROM '<Replaces>(([0-9]{17}|</Replaces><Replaces>)+)</Replaces>'), '</Replaces><Replaces>'), '{}'::text[])"
)
_REPLACES_FIRST = "replaces IS NULL OR voids[1] IS NOT DISTINCT FROM replaces"


def upgrade() -> None:
    key_id = sa.Computed(_KEY_ID, persisted=True)
    voids = sa.Computed(_VOIDS, persisted=True)
    op.add_column("license_file", sa.Column("key_id", sa.Text, key_id, nullable=False), schema="registration")
    op.add_column("license_file", sa.Column("voids", sa.ARRAY(sa.Text), voids, nullable=False), schema="registration")
    op.create_check_constraint("license_file_replaces_first", "license_file", _REPLACES_FIRST, schema="registration")
    op.create_check_constraint("license_file_voids_limited", "license_file", "cardinality(voids) <= 200", schema="registration")
    op.create_check_constraint("license_file_voids_others", "license_file", "license_file_id <> ALL (voids)", schema="registration")
    op.create_index("license_file_of_key", "license_file", ["key_id", "license_file_id"], schema="registration")
    _create_returned_shares()


def _create_returned_shares() -> None:
    op.create_table(
        "returned_share",
        sa.Column("license_file_id", sa.Text, sa.ForeignKey("registration.license_file.license_file_id"), primary_key=True),
        sa.Column("order_id", sa.BigInteger, sa.ForeignKey("registration.purchase_order.order_id"), nullable=False),
        sa.Column("share", sa.BigInteger, nullable=False),
        sa.Column("nodes", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("returned_by", sa.Text, nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("nodes >= 0 AND units >= 0 AND nodes + units > 0", name="returned_share_not_empty"),
        sa.UniqueConstraint("order_id", "share", name="returned_share_once"),
        schema="registration",
    )
