"""Unmet demand, what devices would give back, and the daily balances that a forecast is made from."""

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint
from sqlmodel import Field

from services.ledger.tables.base import LedgerTable


def _of_cluster() -> tuple[ForeignKeyConstraint]:
    return (ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),)


class UnmetDemandRow(LedgerTable, table=True):
    """What was refused on one day. ``devices``: those known by name; ``more_devices``: there were others."""

    __tablename__ = "unmet_demand"
    __table_args__ = _of_cluster()

    cluster: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    device_type: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    refusals: int = Field(sa_type=BigInteger)
    units_asked: int = Field(sa_type=BigInteger)
    devices: int = Field(sa_type=BigInteger)
    more_devices: bool
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True))


class UnmetDeviceRow(LedgerTable, table=True):
    """A device, or node, that was refused; kept while its demand is open, and until its day ends. ``units``: asked for last."""

    __tablename__ = "unmet_device"
    __table_args__ = _of_cluster()

    cluster: str = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    device: str = Field(primary_key=True)
    device_type: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    units: int = Field(sa_type=BigInteger)
    refusals: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True))
    met_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ReturnableRow(LedgerTable, table=True):
    """What a cluster's devices would give back, as measured last."""

    __tablename__ = "returnable"
    __table_args__ = _of_cluster()

    cluster: str = Field(primary_key=True)
    ghost_days: int
    ghosts: int = Field(sa_type=BigInteger)
    ghost_units: int = Field(sa_type=BigInteger)
    overpriced: int = Field(sa_type=BigInteger)
    overpriced_units: int = Field(sa_type=BigInteger)
    measured_at: datetime = Field(sa_type=DateTime(timezone=True))


class PoolDayRow(LedgerTable, table=True):
    """A pool's balances at the end of a day (UTC) on which something happened to it."""

    __tablename__ = "pool_day"
    __table_args__ = _of_cluster()

    cluster: str = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    authorized: int = Field(sa_type=BigInteger)
    overdraft_allowed: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)


class HistoryMarkRow(LedgerTable, table=True):
    """Up to which entry a journal was read into ``pool_day``, and up to when that was all of it."""

    __tablename__ = "history_mark"
    __table_args__ = _of_cluster()

    cluster: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    whole_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
