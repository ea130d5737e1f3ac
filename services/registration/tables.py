"""The registration desk's columns and constraints."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

REGISTRATION = registry(metadata=MetaData(schema="registration"))


class RegistrationTable(SQLModel, registry=REGISTRATION):
    """Base of this service's tables: its own registry, its own schema."""


class OrderRow(RegistrationTable, table=True):
    """An order, and how much of it went into license files; a migration has a free one of its own.

    ``unknown_models``: [model, devices] of what a migration file names and no catalogue has.
    """

    __tablename__ = "purchase_order"
    __table_args__ = (
        CheckConstraint("nodes > 0 OR units > 0", name="order_not_empty"),
        CheckConstraint("registered_nodes BETWEEN 0 AND nodes", name="order_nodes_not_exceeded"),
        CheckConstraint("registered_units BETWEEN 0 AND units", name="order_units_not_exceeded"),
        CheckConstraint("split IN ('by_policy', 'allowed', 'denied')", name="order_split_known"),
        CheckConstraint("status IN ('requested', 'approved')", name="order_status_known"),
        CheckConstraint("(pak IS NOT NULL) = (status = 'approved' AND migration_id IS NULL)", name="order_pak_when_approved"),
        CheckConstraint("(status = 'approved') = (approved_at IS NOT NULL AND approved_by IS NOT NULL)", name="order_approval_recorded"),
        CheckConstraint("status = 'approved' OR shares = 0", name="order_approved_before_shares"),
    )

    order_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=[Identity(always=True)])
    customer: str
    email: str
    product_version: str
    nodes: int = Field(sa_type=BigInteger)
    units: int = Field(sa_type=BigInteger)
    split: str
    expires: date | None = None
    status: str
    pak: str | None = Field(default=None, unique=True)
    split_allowed: bool
    registered_nodes: int = Field(default=0, sa_type=BigInteger)
    registered_units: int = Field(default=0, sa_type=BigInteger)
    shares: int = Field(default=0, sa_type=BigInteger)
    migration_id: str | None = Field(default=None, unique=True)
    source_cluster: str | None = None
    migration_digest: str | None = None
    unknown_models: list[list[Any]] = Field(default=[], sa_type=JSONB)
    requested_by: str
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))
    approved_by: str | None = None
    approved_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class LicenseFileRow(RegistrationTable, table=True):
    """A license file as it was made: never changed, never deleted."""

    __tablename__ = "license_file"
    __table_args__ = (
        CheckConstraint("license_file_id ~ '^[0-9]{17}$'", name="license_file_id_form"),
        CheckConstraint("nodes >= 0 AND units >= 0 AND nodes + units > 0", name="license_file_not_empty"),
        CheckConstraint("overdraft_units BETWEEN 0 AND units", name="license_file_overdraft_within_units"),
        CheckConstraint("mac ~ '^[0-9A-F]{12}$' AND original_mac ~ '^[0-9A-F]{12}$'", name="license_file_mac_form"),
        CheckConstraint("(replaces IS NULL) = (reason IS NULL)", name="license_file_rehost_has_reason"),
        Index(
            "license_file_share_once",
            "order_id",
            "share",
            unique=True,
            postgresql_where="replaces IS NULL",
        ),
        Index("license_file_of_order", "order_id", "license_file_id"),
    )

    license_file_id: str = Field(primary_key=True)
    order_id: int = Field(sa_type=BigInteger, foreign_key="registration.purchase_order.order_id")
    share: int = Field(sa_type=BigInteger)
    nodes: int = Field(sa_type=BigInteger)
    units: int = Field(sa_type=BigInteger)
    overdraft_units: int = Field(sa_type=BigInteger)
    mac: str
    original_mac: str
    email: str
    replaces: str | None = Field(default=None, unique=True, foreign_key="registration.license_file.license_file_id")
    reason: str | None = None
    content: bytes
    sha256: str
    made_by: str
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
