"""Devices that hold units and have not been seen for long. One under a lease is none: it lapses by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from services.ledger.tables import DeviceRow
from shared.kit.transaction import Transaction


@dataclass(frozen=True, slots=True)
class GhostTotals:
    """How many, and the units that they hold."""

    not_seen_since: datetime
    devices: int
    units: int


async def count(tx: Transaction, cluster: str, days: int) -> GhostTotals:
    """Not seen for ``days`` by the database's time."""
    since: datetime = (await tx.session.execute(select(func.now()))).scalar_one() - timedelta(days=days)
    sums = select(func.count(), func.coalesce(func.sum(col(DeviceRow.units)), 0)).where(*_ghosts(cluster, since))
    devices, units = (await tx.session.execute(sums)).one()
    return GhostTotals(since, devices, int(units))


async def page(tx: Transaction, cluster: str, since: datetime, after: str | None, limit: int) -> list[DeviceRow]:
    """``limit`` of them by name, behind ``after``."""
    chosen = select(DeviceRow).where(*_ghosts(cluster, since)).order_by(col(DeviceRow.device)).limit(limit)
    if after is not None:
        chosen = chosen.where(col(DeviceRow.device) > after)
    return list(await tx.session.scalars(chosen))


def _ghosts(cluster: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(DeviceRow.cluster) == cluster, col(DeviceRow.seen_at) <= since, col(DeviceRow.lease_seconds).is_(None)
