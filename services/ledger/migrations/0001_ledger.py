"""Clusters, pools, nodes, devices, grants, migrations and the copy of the catalogue."""

import sqlalchemy as sa
from alembic import op

from shared.kit.tables import create_kit_tables

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def _of_cluster() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"])


def upgrade() -> None:
    create_kit_tables(op, "ledger")
    _create_clusters()
    _create_holdings()
    _create_license_files()
    _create_grant_lines()
    _create_migrations()
    _create_catalogue()


def _create_clusters() -> None:
    op.create_table(
        "cluster",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("product_version", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("frozen", sa.Boolean, nullable=False),
        sa.Column("migration_id", sa.Text, nullable=True, unique=True),
        sa.Column("license_manager", sa.Text, nullable=True),
        sa.Column("software_major", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("NOT frozen OR migration_id IS NOT NULL", name="cluster_frozen_only_when_migrated"),
        schema="ledger",
    )
    op.create_table(
        "pool",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("feature", sa.Text, primary_key=True),
        sa.Column("authorized", sa.BigInteger, nullable=False),
        sa.Column("overdraft_allowed", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("limit_approached", sa.Boolean, nullable=False),
        _of_cluster(),
        sa.CheckConstraint("used >= 0", name="pool_used_not_negative"),
        sa.CheckConstraint("authorized >= 0", name="pool_authorized_not_negative"),
        sa.CheckConstraint("overdraft_allowed >= 0", name="pool_overdraft_allowed_not_negative"),
        schema="ledger",
    )


def _create_holdings() -> None:
    op.create_table(
        "node",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("mac", sa.Text, nullable=False),
        sa.Column("first", sa.Boolean, nullable=False),
        _of_cluster(),
        sa.UniqueConstraint("mac", name="node_mac_of_one_node"),
        schema="ledger",
    )
    op.create_index("node_one_first", "node", ["cluster"], unique=True, postgresql_where=sa.text("first"), schema="ledger")
    op.create_table(
        "device",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("device_type", sa.Text, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("adjunct_of", sa.Text, nullable=True),
        sa.Column("checked_out_at", MOMENT, nullable=False),
        _of_cluster(),
        sa.ForeignKeyConstraint(["cluster", "adjunct_of"], ["ledger.device.cluster", "ledger.device.device"], name="device_primary_exists"),
        sa.CheckConstraint("units >= 0", name="device_units_not_negative"),
        sa.CheckConstraint("adjunct_of <> device", name="device_not_its_own_adjunct"),
        schema="ledger",
    )
    op.create_index("device_by_type", "device", ["cluster", "device_type", "device"], schema="ledger")
    adjuncts = sa.text("adjunct_of IS NOT NULL")
    op.create_index("device_by_primary", "device", ["cluster", "adjunct_of"], postgresql_where=adjuncts, schema="ledger")


def _create_license_files() -> None:
    op.create_table(
        "license_file",
        sa.Column("license_file_id", sa.Text, primary_key=True),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("granting", sa.Boolean, nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("mac", sa.Text, nullable=False),
        sa.Column("installed_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("grace_ends_at", MOMENT, nullable=True),
        sa.Column("migration_id", sa.Text, nullable=True),
        _of_cluster(),
        sa.CheckConstraint("NOT (superseded AND granting)", name="license_file_superseded_grants_nothing"),
        schema="ledger",
    )
    op.create_index("license_file_of_cluster", "license_file", ["cluster"], schema="ledger")


def _create_grant_lines() -> None:
    op.create_table(
        "grant_line",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("license_file_id", sa.Text, nullable=True),
        sa.Column("line_id", sa.BigInteger, nullable=False),
        sa.Column("feature", sa.Text, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("overdraft_units", sa.BigInteger, nullable=False),
        sa.Column("major", sa.Integer, nullable=False),
        sa.Column("granting", sa.Boolean, nullable=False),
        _of_cluster(),
        sa.ForeignKeyConstraint(["license_file_id"], ["ledger.license_file.license_file_id"]),
        sa.CheckConstraint("(source = 'file') = (license_file_id IS NOT NULL)", name="grant_line_file_has_id"),
        sa.CheckConstraint("units >= 0 AND overdraft_units >= 0", name="grant_line_units_not_negative"),
        sa.UniqueConstraint("license_file_id", "line_id", name="grant_line_grants_once"),
        schema="ledger",
    )
    given, once = sa.text("license_file_id IS NULL"), ["cluster", "source", "line_id"]
    op.create_index("grant_line_given_once", "grant_line", once, unique=True, postgresql_where=given, schema="ledger")
    op.create_index("grant_line_of_cluster", "grant_line", ["cluster"], schema="ledger")
    op.create_table(
        "starter_use",
        sa.Column("mac", sa.Text, primary_key=True),
        sa.Column("cluster", sa.Text, nullable=False),
        schema="ledger",
    )


def _create_migrations() -> None:
    op.create_table(
        "migration",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("from_version", sa.Text, nullable=False),
        sa.Column("to_version", sa.Text, nullable=False),
        sa.Column("nodes", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        _of_cluster(),
        schema="ledger",
    )
    op.create_table(
        "migration_type",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("device_type", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("units_each", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["ledger.migration.cluster"]),
        schema="ledger",
    )


def _create_catalogue() -> None:
    op.create_table(
        "device_type",
        sa.Column("device_type", sa.Text, primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("adjunct_units", sa.BigInteger, nullable=True),
        schema="ledger",
    )
    op.create_table(
        "catalogue",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="catalogue_one_row"),
        schema="ledger",
    )
