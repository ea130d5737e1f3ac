"""License files, their lines and bytes, superseded ids, and what is known of clusters."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None

SCHEMA = "licensefile"
STATES = "'installed', 'superseded', 'expired', 'host_mismatch', 'version_mismatch', 'retired', 'grace_exceeded'"


def upgrade() -> None:
    create_kit_tables(op, SCHEMA)
    _create_license_file()
    _create_content_and_lines()
    op.create_table(
        "superseded",
        sa.Column("license_file_id", sa.Text, primary_key=True),
        sa.Column("superseded_by", sa.Text, nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "cluster",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("product_version", sa.Text, nullable=False),
        sa.Column("macs", sa.ARRAY(sa.Text), nullable=False),
        schema=SCHEMA,
    )


def _create_license_file() -> None:
    op.create_table(
        "license_file",
        sa.Column("license_file_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("cluster", "file_name", "mac", "digest", "sha256")),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("replaces", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("migration_id", sa.Text, nullable=True),
        sa.Column("expires_on", sa.Date, nullable=True),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("installed_by", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mismatch_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grace_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("granted_version", sa.Integer, nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state IN ({STATES})", name="license_file_state_known"),
        sa.CheckConstraint("version >= 1", name="license_file_version_positive"),
        sa.CheckConstraint("(mismatch_since IS NULL) = (grace_ends_at IS NULL)", name="license_file_grace_has_both_ends"),
        sa.CheckConstraint(
            "state NOT IN ('host_mismatch', 'version_mismatch', 'grace_exceeded') OR mismatch_since IS NOT NULL",
            name="license_file_mismatch_has_grace",
        ),
        schema=SCHEMA,
    )
    op.create_index("license_file_of_cluster", "license_file", ["cluster", "license_file_id"], schema=SCHEMA)
    op.create_index("license_file_by_state", "license_file", ["state"], schema=SCHEMA)


def _create_content_and_lines() -> None:
    def file_id() -> sa.Column[str]:
        key = sa.ForeignKey(f"{SCHEMA}.license_file.license_file_id")
        return sa.Column("license_file_id", sa.Text, key, primary_key=True)

    op.create_table("license_file_content", file_id(), sa.Column("content", sa.LargeBinary, nullable=False), schema=SCHEMA)
    op.create_table(
        "license_line",
        file_id(),
        sa.Column("line_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("feature", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("overdraft_units", sa.BigInteger, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=True),
        sa.Column("host_ids", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("original_mac", sa.Text, nullable=True),
        sa.Column("pak", sa.Text, nullable=True),
        sa.Column("order_count", sa.BigInteger, nullable=True),
        sa.Column("key_id", sa.Text, nullable=True),
        sa.Column("grants", sa.Boolean, nullable=False),
        sa.CheckConstraint("units >= 0", name="license_line_units_not_negative"),
        sa.CheckConstraint("overdraft_units >= 0", name="license_line_overdraft_not_negative"),
        schema=SCHEMA,
    )
