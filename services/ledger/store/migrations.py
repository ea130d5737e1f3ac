"""What a migration counted."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.ledger.domain.inventory_rows import UnknownModel
from services.ledger.domain.migration import Coverage
from services.ledger.tables import MigrationRow, MigrationTypeRow, UnknownModelRow
from shared.kit.transaction import Transaction


async def keep(tx: Transaction, cluster: str, coverage: Coverage) -> None:
    values = {
        "cluster": cluster,
        "from_version": coverage.from_version,
        "to_version": coverage.to_version,
        "nodes": coverage.nodes,
        "created_at": tx.now,
        "rows": coverage.rows,
        "repeated_rows": coverage.repeated_rows,
        "first_repeated_rows": list(coverage.first_repeated_rows),
    }
    await tx.session.execute(insert(MigrationRow).values(values))
    rows = [{"cluster": cluster, "device_type": name, "count": count, "units_each": each} for name, count, each in coverage.types]
    if rows:
        await tx.session.execute(insert(MigrationTypeRow), rows)
    models = [{"cluster": cluster, "model": m.model, "devices": m.devices, "first_rows": list(m.first_rows)} for m in coverage.unknown]
    if models:
        await tx.session.execute(insert(UnknownModelRow), models)


async def find(tx: Transaction, cluster: str) -> tuple[MigrationRow, Coverage] | None:
    """The cluster's migration, None where there was none."""
    row = (await tx.session.scalars(select(MigrationRow).where(col(MigrationRow.cluster) == cluster))).one_or_none()
    if row is None:
        return None
    chosen = select(MigrationTypeRow).where(col(MigrationTypeRow.cluster) == cluster).order_by(col(MigrationTypeRow.device_type))
    types = tuple((t.device_type, t.count, t.units_each) for t in await tx.session.scalars(chosen))
    asked = select(UnknownModelRow).where(col(UnknownModelRow.cluster) == cluster).order_by(col(UnknownModelRow.model).collate("C"))
    unknown = tuple(UnknownModel(m.model, m.devices, tuple(m.first_rows)) for m in await tx.session.scalars(asked))
    repeated = (row.repeated_rows, tuple(row.first_repeated_rows))
    return row, Coverage(row.from_version, row.to_version, row.nodes, types, unknown, row.rows, *repeated)
