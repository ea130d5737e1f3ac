"""The license files' columns and constraints. A LicFileID has one row for ever, over all clusters: that is what makes it unique."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, DateTime, Index, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

LICENSEFILE = registry(metadata=MetaData(schema="licensefile"))
STATES = "'installed', 'superseded', 'expired', 'host_mismatch', 'version_mismatch', 'retired', 'grace_exceeded'"


def _instant(*, nullable: bool = False) -> Column[Any]:
    return Column(DateTime(timezone=True), nullable=nullable)


def _texts() -> Column[Any]:
    return Column(ARRAY(Text), nullable=False)


def _units() -> Column[Any]:
    return Column(BigInteger, nullable=False)


class LicenseFileTable(SQLModel, registry=LICENSEFILE):
    """Base of this service's tables: its own registry, its own schema."""


class LicenseFileRow(LicenseFileTable, table=True):
    """A file that was accepted once, its standing, and the revocation over it.

    ``granted``: as the ledger last said, for ``granted_version`` at ``granted_at``.
    """

    __tablename__ = "license_file"
    __table_args__ = (
        CheckConstraint(f"state IN ({STATES})", name="license_file_state_known"),
        CheckConstraint("version >= 1", name="license_file_version_positive"),
        CheckConstraint("(mismatch_since IS NULL) = (grace_ends_at IS NULL)", name="license_file_grace_has_both_ends"),
        CheckConstraint(
            "state NOT IN ('host_mismatch', 'version_mismatch', 'grace_exceeded') OR mismatch_since IS NOT NULL",
            name="license_file_mismatch_has_grace",
        ),
        CheckConstraint("(revoked_reason IS NULL) = (revoked_keeps_granting IS NULL)", name="license_file_revocation_is_whole"),
        Index("license_file_of_cluster", "cluster", "license_file_id"),
        Index("license_file_by_state", "state"),
    )

    license_file_id: str = Field(primary_key=True)
    cluster: str
    file_name: str
    mac: str
    digest: str
    sha256: str
    size_bytes: int
    replaces: list[str] = Field(sa_column=_texts())
    migration_id: str | None = None
    expires_on: date | None = None
    installed_at: datetime = Field(sa_column=_instant())
    installed_by: str
    version: int
    state: str
    reason: str
    changed_at: datetime = Field(sa_column=_instant())
    mismatch_since: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    grace_ends_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    revoked_reason: str | None = None
    revoked_keeps_granting: bool | None = None
    granted: bool = False
    granted_version: int = 0
    granted_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))


class LicenseFileContentRow(LicenseFileTable, table=True):
    """The bytes as they were uploaded; apart, because listings must not read them."""

    __tablename__ = "license_file_content"

    license_file_id: str = Field(primary_key=True, foreign_key="licensefile.license_file.license_file_id")
    content: bytes


class LicenseLineRow(LicenseFileTable, table=True):
    """A line of an accepted file."""

    __tablename__ = "license_line"
    __table_args__ = (
        CheckConstraint("units >= 0", name="license_line_units_not_negative"),
        CheckConstraint("overdraft_units >= 0", name="license_line_overdraft_not_negative"),
    )

    license_file_id: str = Field(primary_key=True, foreign_key="licensefile.license_file.license_file_id")
    line_id: int = Field(primary_key=True)
    position: int
    feature: str
    version: str
    units: int = Field(sa_column=_units())
    overdraft_units: int = Field(sa_column=_units())
    expires_on: date | None = None
    host_ids: list[str] = Field(sa_column=_texts())
    original_mac: str | None = None
    pak: str | None = None
    order_count: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    key_id: str | None = None
    grants: bool


class SupersededRow(LicenseFileTable, table=True):
    """A LicFileID that a re-host replaced, whether or not that file was ever seen here."""

    __tablename__ = "superseded"

    license_file_id: str = Field(primary_key=True)
    superseded_by: str
    superseded_at: datetime = Field(sa_column=_instant())


class RevokedKeyRow(LicenseFileTable, table=True):
    """A key that was found revoked, remembered also where its file is gone. ``first_seen_at``: when it was found so."""

    __tablename__ = "revoked_key"

    key_id: str = Field(primary_key=True)
    file_name: str
    revoked_on: date | None = None
    reason: str | None = None
    first_seen_at: datetime = Field(sa_column=_instant())


class ClusterRow(LicenseFileTable, table=True):
    """The newest that was heard or asked of a cluster."""

    __tablename__ = "cluster"

    cluster: str = Field(primary_key=True)
    version: int = Field(sa_column=_units())
    product_version: str
    macs: list[str] = Field(sa_column=_texts())
