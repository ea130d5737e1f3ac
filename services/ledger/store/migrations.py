"""What a migration counted."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.ledger.domain.migration import Coverage
from services.ledger.tables import MigrationRow, MigrationTypeRow
from shared.kit.transaction import Transaction


async def keep(tx: Transaction, cluster: str, coverage: Coverage) -> None:
    values = {
        "cluster": cluster,
        "from_version": coverage.from_version,
        "to_version": coverage.to_version,
        "nodes": coverage.nodes,
        "created_at": tx.now,
    }
    await tx.session.execute(insert(MigrationRow).values(values))
    rows = [{"cluster": cluster, "device_type": name, "count": count, "units_each": each} for name, count, each in coverage.types]
    if rows:
        await tx.session.execute(insert(MigrationTypeRow), rows)


async def find(tx: Transaction, cluster: str) -> tuple[MigrationRow, Coverage] | None:
    """The cluster's migration, None where there was none."""
    row = (await tx.session.scalars(select(MigrationRow).where(col(MigrationRow.cluster) == cluster))).one_or_none()
    if row is None:
        return None
    chosen = select(MigrationTypeRow).where(col(MigrationTypeRow.cluster) == cluster).order_by(col(MigrationTypeRow.device_type))
    types = tuple((t.device_type, t.count, t.units_each) for t in await tx.session.scalars(chosen))
    return row, Coverage(row.from_version, row.to_version, row.nodes, types)
