"""All SQL of the calculator."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.calculator.domain.catalogue import DeviceType
from services.calculator.tables import CatalogueRow, DeviceTypeRow
from shared.kit.transaction import Transaction


def _as_type(row: DeviceTypeRow) -> DeviceType:
    return DeviceType(**row.model_dump())


async def shipped_digest(tx: Transaction) -> str | None:
    """The digest of the shipped catalogue in the store, locked for a change; None where there is none yet."""
    row = (await tx.session.scalars(select(CatalogueRow).with_for_update())).one_or_none()
    return row.shipped_digest if row else None


async def raise_version(tx: Transaction, digest: str | None = None) -> int:
    """Count the catalogue's version up by one (from none to 1); remember the shipped catalogue's digest where one is given."""
    values = {"version": col(CatalogueRow.version) + 1}
    counted = insert(CatalogueRow).values(id=1, version=1, shipped_digest=digest or "")
    changed = {**values, "shipped_digest": digest} if digest else values
    statement = counted.on_conflict_do_update(index_elements=["id"], set_=changed).returning(col(CatalogueRow.version))
    return (await tx.session.execute(statement)).scalar_one()


async def save(tx: Transaction, types: list[DeviceType]) -> None:
    """Insert or replace ``types``."""
    names = DeviceType.__dataclass_fields__
    statement = insert(DeviceTypeRow).values([{name: getattr(t, name) for name in names} for t in types])
    replaced = {name: statement.excluded[name] for name in names if name != "device_type"}
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["device_type"], set_=replaced))


async def find(tx: Transaction, device_type: str) -> DeviceType | None:
    row = (await tx.session.scalars(select(DeviceTypeRow).where(col(DeviceTypeRow.device_type) == device_type))).one_or_none()
    return _as_type(row) if row else None


async def all_types(tx: Transaction) -> list[DeviceType]:
    """The whole catalogue, by name."""
    rows = await tx.session.scalars(select(DeviceTypeRow).order_by(col(DeviceTypeRow.device_type)))
    return [_as_type(row) for row in rows]


async def page_of_types(tx: Transaction, after: str | None, limit: int) -> list[DeviceType]:
    """``limit`` types by name, behind ``after``."""
    chosen = select(DeviceTypeRow).order_by(col(DeviceTypeRow.device_type)).limit(limit)
    if after is not None:
        chosen = chosen.where(col(DeviceTypeRow.device_type) > after)
    return [_as_type(row) for row in await tx.session.scalars(chosen)]


async def prices(tx: Transaction, names: list[str]) -> dict[str, int]:
    """Units of those ``names`` that stand in the catalogue."""
    chosen = select(col(DeviceTypeRow.device_type), col(DeviceTypeRow.units)).where(col(DeviceTypeRow.device_type).in_(names))
    return {row.device_type: row.units for row in await tx.session.execute(chosen)}
