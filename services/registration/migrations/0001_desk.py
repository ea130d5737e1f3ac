"""Orders and the license files made from them."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None

_ID_FORM = "license_file_id ~ '^[0-9]{17}$'"
_MAC_FORM = "mac ~ '^[0-9A-F]{12}$' AND original_mac ~ '^[0-9A-F]{12}$'"
_PAK_RULE = "(pak IS NOT NULL) = (status = 'approved' AND migration_id IS NULL)"
_APPROVAL_RULE = "(status = 'approved') = (approved_at IS NOT NULL AND approved_by IS NOT NULL)"


def upgrade() -> None:
    create_kit_tables(op, "registration")
    _create_orders()
    _create_license_files()


def _create_orders() -> None:
    op.create_table(
        "purchase_order",
        sa.Column("order_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("product_version", sa.Text, nullable=False),
        sa.Column("nodes", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("split", sa.Text, nullable=False),
        sa.Column("expires", sa.Date, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("pak", sa.Text, nullable=True, unique=True),
        sa.Column("split_allowed", sa.Boolean, nullable=False),
        sa.Column("registered_nodes", sa.BigInteger, nullable=False),
        sa.Column("registered_units", sa.BigInteger, nullable=False),
        sa.Column("shares", sa.BigInteger, nullable=False),
        sa.Column("migration_id", sa.Text, nullable=True, unique=True),
        sa.Column("source_cluster", sa.Text, nullable=True),
        sa.Column("migration_digest", sa.Text, nullable=True),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text, nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("nodes > 0 OR units > 0", name="order_not_empty"),
        sa.CheckConstraint("registered_nodes BETWEEN 0 AND nodes", name="order_nodes_not_exceeded"),
        sa.CheckConstraint("registered_units BETWEEN 0 AND units", name="order_units_not_exceeded"),
        sa.CheckConstraint("split IN ('by_policy', 'allowed', 'denied')", name="order_split_known"),
        sa.CheckConstraint("status IN ('requested', 'approved')", name="order_status_known"),
        sa.CheckConstraint(_PAK_RULE, name="order_pak_when_approved"),
        sa.CheckConstraint(_APPROVAL_RULE, name="order_approval_recorded"),
        sa.CheckConstraint("status = 'approved' OR shares = 0", name="order_approved_before_shares"),
        schema="registration",
    )


def _create_license_files() -> None:
    op.create_table(
        "license_file",
        sa.Column("license_file_id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.BigInteger, sa.ForeignKey("registration.purchase_order.order_id"), nullable=False),
        sa.Column("share", sa.BigInteger, nullable=False),
        sa.Column("nodes", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("overdraft_units", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.Text, nullable=False),
        sa.Column("original_mac", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("replaces", sa.Text, sa.ForeignKey("registration.license_file.license_file_id"), nullable=True, unique=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_ID_FORM, name="license_file_id_form"),
        sa.CheckConstraint("nodes >= 0 AND units >= 0 AND nodes + units > 0", name="license_file_not_empty"),
        sa.CheckConstraint("overdraft_units BETWEEN 0 AND units", name="license_file_overdraft_within_units"),
        sa.CheckConstraint(_MAC_FORM, name="license_file_mac_form"),
        sa.CheckConstraint("(replaces IS NULL) = (reason IS NULL)", name="license_file_rehost_has_reason"),
        schema="registration",
    )
    once = sa.text("replaces IS NULL")
    op.create_index(
        "license_file_share_once", "license_file", ["order_id", "share"], unique=True, schema="registration", postgresql_where=once
    )
    op.create_index("license_file_of_order", "license_file", ["order_id", "license_file_id"], schema="registration")
