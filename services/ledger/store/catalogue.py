"""The copy of the calculator's prices."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.ledger.domain.inventory_rows import RatedType
from services.ledger.domain.refusals import CatalogueMissing
from services.ledger.tables import CatalogueRow, DeviceTypeRow
from shared.kit.transaction import Transaction


async def claim_version(tx: Transaction, version: int) -> bool:
    """Make ``version`` the catalogue's; False when it has this one or a newer. Two that arrive at once go one after the other."""
    claim = insert(CatalogueRow).values(id=1, version=version)
    newer = claim.on_conflict_do_update(index_elements=["id"], set_={"version": version}, where=col(CatalogueRow.version) < version)
    return (await tx.session.execute(newer.returning(col(CatalogueRow.version)))).first() is not None


async def replace_types(tx: Transaction, types: list[RatedType]) -> None:
    """Whatever is not among ``types`` is gone."""
    await tx.session.execute(delete(DeviceTypeRow))
    if types:
        await tx.session.execute(insert(DeviceTypeRow), [rated._asdict() for rated in types])


async def all_types(tx: Transaction) -> list[RatedType]:
    """Every type with what else it is called, by name. Raises CatalogueMissing."""
    if (await tx.session.execute(select(col(CatalogueRow.version)))).first() is None:
        raise CatalogueMissing
    asked = select(DeviceTypeRow).order_by(col(DeviceTypeRow.device_type))
    return [RatedType(t.device_type, t.units, t.adjunct_units, t.label, t.model_code) for t in await tx.session.scalars(asked)]


async def version_in(engine: AsyncEngine) -> int | None:
    """The catalogue's version, None before the first."""
    async with engine.connect() as connection:
        version: int | None = await connection.scalar(select(col(CatalogueRow.version)))
        return version
