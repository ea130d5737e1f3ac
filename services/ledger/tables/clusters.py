"""Clusters."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, text
from sqlmodel import Field

from services.ledger.tables.base import LedgerTable


class ClusterRow(LedgerTable, table=True):
    """A cluster. ``license_manager`` and ``software_major`` follow from its nodes and grants.

    ``service_…``: its license manager as a network service, see ``domain/network_service.py``.
    """

    __tablename__ = "cluster"
    __table_args__ = (
        CheckConstraint("NOT frozen OR migration_id IS NOT NULL", name="cluster_frozen_only_when_migrated"),
        CheckConstraint("(service_version = 0) = (service_since IS NULL)", name="cluster_service_switched_at_a_time"),
        CheckConstraint(
            "(service_since IS NULL) = (service_by IS NULL) AND (service_by IS NULL) = (service_node IS NULL)",
            name="cluster_service_switched_by_somebody",
        ),
        CheckConstraint("NOT service_stopped OR service_version > 0", name="cluster_service_begins_started"),
    )

    cluster: str = Field(primary_key=True)
    product_version: str
    version: int = Field(sa_type=BigInteger)
    frozen: bool
    migration_id: str | None = Field(default=None, unique=True)
    license_manager: str | None = None
    software_major: int
    service_version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    service_stopped: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    service_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    service_by: str | None = None
    service_node: str | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
