"""The copy of the calculator's prices."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.ledger.tables import CatalogueRow, DeviceTypeRow
from shared.kit.transaction import Transaction


async def claim_version(tx: Transaction, version: int) -> bool:
    """Make ``version`` the catalogue's; False when it has this one or a newer. Two that arrive at once go one after the other."""
    claim = insert(CatalogueRow).values(id=1, version=version)
    newer = claim.on_conflict_do_update(index_elements=["id"], set_={"version": version}, where=col(CatalogueRow.version) < version)
    return (await tx.session.execute(newer.returning(col(CatalogueRow.version)))).first() is not None


async def replace_prices(tx: Transaction, prices: list[tuple[str, int, int | None]]) -> None:
    """``prices``: (device type, units, adjunct units); whatever is not among them is gone."""
    await tx.session.execute(delete(DeviceTypeRow))
    if prices:
        rows = [{"device_type": name, "units": units, "adjunct_units": adjunct} for name, units, adjunct in prices]
        await tx.session.execute(insert(DeviceTypeRow), rows)


async def version_in(engine: AsyncEngine) -> int | None:
    """The catalogue's version, None before the first."""
    async with engine.connect() as connection:
        version: int | None = await connection.scalar(select(col(CatalogueRow.version)))
        return version
