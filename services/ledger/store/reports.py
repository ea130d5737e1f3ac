"""Sums for reports and metrics. A report is read in one snapshot, or its parts would not add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.ledger.domain.pool import Pool
from services.ledger.tables import DeviceRow, PoolRow
from shared.kit.transaction import Transaction

# A file's lines grant together; a feature of the starter ends by itself. What still grants is shown, else what once did.
_FILES = text("""
    SELECT CASE WHEN source = 'file' THEN l.license_file_id ELSE source END AS license_file_id,
           coalesce(f.state, CASE WHEN bool_or(l.granting) THEN source ELSE 'superseded' END) AS state,
           f.grace_ends_at,
           bool_or(l.granting) AS granted,
           sum(l.units) FILTER (WHERE feature = 'CCM_NODE' AND l.granting) AS granted_nodes,
           sum(l.units) FILTER (WHERE feature = 'PHONE_UNIT' AND l.granting) AS granted_units,
           sum(l.overdraft_units) FILTER (WHERE feature = 'PHONE_UNIT' AND l.granting) AS granted_overdraft,
           sum(l.units) FILTER (WHERE feature = 'CCM_NODE') AS all_nodes,
           sum(l.units) FILTER (WHERE feature = 'PHONE_UNIT') AS all_units,
           sum(l.overdraft_units) FILTER (WHERE feature = 'PHONE_UNIT') AS all_overdraft
      FROM grant_line AS l LEFT JOIN license_file AS f USING (license_file_id)
     WHERE l.cluster = :cluster
     GROUP BY source, l.license_file_id, f.state, f.grace_ends_at, f.installed_at
     ORDER BY f.installed_at NULLS FIRST, 1
""")


@dataclass(frozen=True, slots=True)
class ReportedTypes:
    """Devices of one type that hold the same units each."""

    device_type: str
    devices: int
    units_each: int


async def in_one_snapshot(tx: Transaction) -> None:
    """Have everything that this transaction reads be of one moment. Must come before its first statement."""
    await tx.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def pools_of(tx: Transaction, cluster: str) -> list[Pool]:
    """The cluster's pools, by feature."""
    rows = await tx.session.scalars(select(PoolRow).where(col(PoolRow.cluster) == cluster).order_by(col(PoolRow.feature)))
    return [Pool(row.feature, row.authorized, row.overdraft_allowed, row.used) for row in rows]


async def types_of(tx: Transaction, cluster: str) -> list[ReportedTypes]:
    """Devices by type and price, by name."""
    by = (col(DeviceRow.device_type), col(DeviceRow.units))
    rows = await tx.session.execute(select(*by, func.count()).where(col(DeviceRow.cluster) == cluster).group_by(*by).order_by(*by))
    return [ReportedTypes(device_type, devices, units) for device_type, units, devices in rows]


async def files_of(tx: Transaction, cluster: str) -> Sequence[Row[Any]]:
    """The cluster's sources of units, files by the time of their installation."""
    return (await tx.session.execute(_FILES, {"cluster": cluster})).all()


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
