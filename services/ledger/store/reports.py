"""Sums for reports and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.ledger.domain.pool import Pool
from services.ledger.tables import DeviceRow, PoolRow
from shared.kit.transaction import Transaction

# A file's lines grant together; a feature of the starter ends by itself. What still grants is counted, else what once did.
_FILES = text("""
    WITH weighed AS (
        SELECT l.*, bool_or(granting) OVER (PARTITION BY source, license_file_id) AS granted FROM grant_line AS l WHERE cluster = :cluster
    )
    SELECT coalesce(license_file_id, source) AS license_file_id,
           coalesce(f.state, CASE WHEN granted THEN source ELSE 'superseded' END) AS state,
           granted,
           coalesce(sum(units) FILTER (WHERE feature = 'CCM_NODE'), 0)::bigint AS nodes,
           coalesce(sum(units) FILTER (WHERE feature = 'PHONE_UNIT'), 0)::bigint AS units,
           coalesce(sum(overdraft_units) FILTER (WHERE feature = 'PHONE_UNIT'), 0)::bigint AS overdraft_units,
           f.grace_ends_at
      FROM weighed LEFT JOIN license_file AS f USING (license_file_id)
     WHERE weighed.granting OR NOT granted
     GROUP BY source, license_file_id, granted, f.state, f.grace_ends_at, f.installed_at
     ORDER BY f.installed_at NULLS FIRST, 1
""")


@dataclass(frozen=True, slots=True)
class ReportedTypes:
    """Devices of one type that hold the same units each."""

    device_type: str
    devices: int
    units_each: int


@dataclass(frozen=True, slots=True)
class ReportedFile:
    """A source of units: a file by its id, or ``starter`` or ``migration``."""

    license_file_id: str
    state: str
    granted: bool
    nodes: int
    units: int
    overdraft_units: int
    grace_ends_at: datetime | None


async def pools_of(tx: Transaction, cluster: str) -> list[Pool]:
    """The cluster's pools, by feature."""
    rows = await tx.session.scalars(select(PoolRow).where(col(PoolRow.cluster) == cluster).order_by(col(PoolRow.feature)))
    return [Pool(row.feature, row.authorized, row.overdraft_allowed, row.used) for row in rows]


async def types_of(tx: Transaction, cluster: str) -> list[ReportedTypes]:
    """Devices by type and price, by name."""
    by = (col(DeviceRow.device_type), col(DeviceRow.units))
    rows = await tx.session.execute(select(*by, func.count()).where(col(DeviceRow.cluster) == cluster).group_by(*by).order_by(*by))
    return [ReportedTypes(device_type, devices, units) for device_type, units, devices in rows]


async def files_of(tx: Transaction, cluster: str) -> list[ReportedFile]:
    """The cluster's sources of units, files by the time of their installation."""
    return [ReportedFile(*row) for row in await tx.session.execute(_FILES, {"cluster": cluster})]


async def pools_everywhere(tx: Transaction) -> list[Pool]:
    """Every pool of every cluster."""
    rows = await tx.session.execute(
        select(col(PoolRow.feature), col(PoolRow.authorized), col(PoolRow.overdraft_allowed), col(PoolRow.used)).order_by(
            col(PoolRow.feature)
        )
    )
    return [Pool(*row) for row in rows]


async def figures_in(engine: AsyncEngine) -> Sequence[Row[str, str, int, int, int]]:
    """Every pool's cluster, feature and units, in one statement."""
    async with engine.connect() as connection:
        asked = select(
            col(PoolRow.cluster), col(PoolRow.feature), col(PoolRow.authorized), col(PoolRow.overdraft_allowed), col(PoolRow.used)
        )
        return (await connection.execute(asked)).all()
