"""What the migrations of clusters counted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint
from sqlmodel import Field

from services.ledger.tables.base import LedgerTable

_NUMBERS: Any = ARRAY(BigInteger)


class MigrationRow(LedgerTable, table=True):
    """A cluster's migration from 4.x. ``rows``: how many its inventory had, null where it gave counts; a device that was named again in
    ``repeated_rows`` of them is counted once."""

    __tablename__ = "migration"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        CheckConstraint("repeated_rows BETWEEN 0 AND coalesce(rows, 0)", name="migration_repeated_rows_among_rows"),
    )

    cluster: str = Field(primary_key=True)
    from_version: str
    to_version: str
    nodes: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    rows: int | None = Field(default=None, sa_type=BigInteger)
    repeated_rows: int = Field(default=0, sa_type=BigInteger)
    first_repeated_rows: list[int] = Field(default=[], sa_type=_NUMBERS)


class MigrationTypeRow(LedgerTable, table=True):
    """Devices of a type that a migration covers, and the price they were counted at."""

    __tablename__ = "migration_type"
    __table_args__ = (ForeignKeyConstraint(["cluster"], ["ledger.migration.cluster"]),)

    cluster: str = Field(primary_key=True)
    device_type: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    units_each: int = Field(sa_type=BigInteger)


class UnknownModelRow(LedgerTable, table=True):
    """Devices of a model that stood in no catalogue: they are covered by nothing. ``first_rows``: where the inventory named them."""

    __tablename__ = "migration_unknown_model"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.migration.cluster"]),
        CheckConstraint("devices > 0", name="migration_unknown_model_has_devices"),
    )

    cluster: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    devices: int = Field(sa_type=BigInteger)
    first_rows: list[int] = Field(sa_type=_NUMBERS)
