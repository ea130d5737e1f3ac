"""The registration desk's columns and constraints."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Computed, DateTime, Identity, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

REGISTRATION = registry(metadata=MetaData(schema="registration"))

_KEY_ID = "substring(encode(content, 'escape') FROM '<KeyId>([0-9A-F]{16})</KeyId>')"
_VOIDS = (
    "coalesce(string_to_array(substring(encode(content, 'escape') "
    "FROM '<Replaces>(([0-9]{17}|</Replaces><Replaces>)+)</Replaces>'), '</Replaces><Replaces>'), '{}'::text[])"
)


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
    """A license file as it was made: never changed, never deleted.

    ``key_id`` and ``voids`` are what the bytes of ``content`` say, read by the database: who signed, and every file that it voids.
    """

    __tablename__ = "license_file"
    __table_args__ = (
        CheckConstraint("license_file_id ~ '^[0-9]{17}$'", name="license_file_id_form"),
        CheckConstraint("nodes >= 0 AND units >= 0 AND nodes + units > 0", name="license_file_not_empty"),
        CheckConstraint("overdraft_units BETWEEN 0 AND units", name="license_file_overdraft_within_units"),
        CheckConstraint("mac ~ '^[0-9A-F]{12}$' AND original_mac ~ '^[0-9A-F]{12}$'", name="license_file_mac_form"),
        CheckConstraint("replaces IS NULL OR reason IS NOT NULL", name="license_file_rehost_has_reason"),
        CheckConstraint("replaces IS NULL OR voids[1] IS NOT DISTINCT FROM replaces", name="license_file_replaces_first"),
        CheckConstraint("cardinality(voids) <= 200", name="license_file_voids_limited"),
        CheckConstraint("license_file_id <> ALL (voids)", name="license_file_voids_others"),
        Index(
            "license_file_share_once",
            "order_id",
            "share",
            unique=True,
            postgresql_where="replaces IS NULL",
        ),
        Index("license_file_of_order", "order_id", "license_file_id"),
        Index("license_file_of_key", "key_id", "license_file_id"),
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
    key_id: str = Field(sa_column=Column(Text, Computed(_KEY_ID, persisted=True), nullable=False))
    voids: list[str] = Field(sa_column=Column(ARRAY(Text), Computed(_VOIDS, persisted=True), nullable=False))


class ReturnedShareRow(RegistrationTable, table=True):
    """A share that went back to its order; its last file is named, and grants nothing wherever that is known."""

    __tablename__ = "returned_share"
    __table_args__ = (
        CheckConstraint("nodes >= 0 AND units >= 0 AND nodes + units > 0", name="returned_share_not_empty"),
        UniqueConstraint("order_id", "share", name="returned_share_once"),
    )

    license_file_id: str = Field(primary_key=True, foreign_key="registration.license_file.license_file_id")
    order_id: int = Field(sa_type=BigInteger, foreign_key="registration.purchase_order.order_id")
    share: int = Field(sa_type=BigInteger)
    nodes: int = Field(sa_type=BigInteger)
    units: int = Field(sa_type=BigInteger)
    reason: str
    returned_by: str
    returned_at: datetime = Field(sa_type=DateTime(timezone=True))


class DeliveryRow(RegistrationTable, table=True):
    """A license file on its way to an e-mail address; at most one way is open at a time."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sending', 'failed', 'sent', 'given_up')", name="delivery_state_known"),
        CheckConstraint("(state IN ('waiting', 'sending', 'failed')) = (next_attempt_at IS NOT NULL)", name="delivery_due_while_open"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="delivery_sent_at_when_sent"),
        CheckConstraint("attempts >= 0 AND (attempts > 0 OR state NOT IN ('sending', 'failed', 'sent'))", name="delivery_attempts_counted"),
        CheckConstraint("length(last_answer) <= 500", name="delivery_answer_bounded"),
        Index("delivery_due", "next_attempt_at", postgresql_where="next_attempt_at IS NOT NULL"),
        Index("delivery_open_once", "license_file_id", "email", unique=True, postgresql_where="next_attempt_at IS NOT NULL"),
        Index("delivery_of_file", "license_file_id", "delivery_id"),
    )

    delivery_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=[Identity(always=True)])
    license_file_id: str = Field(foreign_key="registration.license_file.license_file_id")
    email: str
    state: str
    attempts: int = Field(sa_type=BigInteger)
    next_attempt_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    last_answer: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reason: str | None = None
    requested_by: str
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))


class DeskActRow(RegistrationTable, table=True):
    """An act of the desk; a trigger refuses every change of one."""

    __tablename__ = "desk_act"
    __table_args__ = (
        CheckConstraint(
            "act IN ('order_requested', 'order_approved', 'license_registered', 'license_rehosted', 'share_returned', "
            "'delivery_requested')",
            name="desk_act_known",
        ),
        CheckConstraint("(license_file_id IS NULL) = (act LIKE 'order\\_%')", name="desk_act_names_its_file"),
        Index("desk_act_of_order", "order_id", "act_id"),
    )

    act_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=[Identity(always=True)])
    act: str
    order_id: int = Field(sa_type=BigInteger, foreign_key="registration.purchase_order.order_id")
    license_file_id: str | None = Field(default=None, foreign_key="registration.license_file.license_file_id")
    reason: str | None = None
    caller: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
