"""License files as they were made: never changed, never deleted."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.registration.domain.license_file import LicenseFile
from services.registration.store.locks import take_turn
from services.registration.tables import LicenseFileRow, OrderRow, ReturnedShareRow
from shared.kit.transaction import Transaction

_FILE_FIELDS = [name for name in LicenseFile.__dataclass_fields__ if name not in ("replaced_by", "returned_at")]
_READ_FROM_THE_BYTES = ("key_id", "voids")


async def ids_from(tx: Transaction, first: str) -> Collection[str]:
    """The license file ids from ``first`` on; until this transaction ends nobody else takes one."""
    await take_turn(tx, "license-file-id")
    ids = await tx.session.scalars(select(col(LicenseFileRow.license_file_id)).where(col(LicenseFileRow.license_file_id) >= first))
    return set(ids)


async def add_license_file(tx: Transaction, file: LicenseFile, content: bytes) -> None:
    values = {name: getattr(file, name) for name in _FILE_FIELDS if name not in _READ_FROM_THE_BYTES}
    await tx.session.execute(insert(LicenseFileRow).values(content=content, **values))


def _files(*, current_only: bool = False) -> Select[Any]:
    """License files without their bytes, each with the file that replaced it and when its share went back."""
    successor, ours = aliased(LicenseFileRow), col(LicenseFileRow.license_file_id)
    columns = [getattr(LicenseFileRow, name) for name in _FILE_FIELDS]
    chosen: Select[Any] = select(*columns, col(successor.license_file_id).label("replaced_by"), col(ReturnedShareRow.returned_at))
    joined = chosen.outerjoin(successor, col(successor.replaces) == ours)
    joined = joined.outerjoin(ReturnedShareRow, col(ReturnedShareRow.license_file_id) == ours).order_by(ours)
    if current_only:
        return joined.where(col(successor.license_file_id).is_(None), col(ReturnedShareRow.license_file_id).is_(None))
    return joined


async def _found(tx: Transaction, chosen: Select[Any]) -> list[LicenseFile]:
    return [LicenseFile(**{**row, "voids": tuple(row["voids"])}) for row in (await tx.session.execute(chosen)).mappings()]


async def find_file(tx: Transaction, license_file_id: str) -> LicenseFile | None:
    found = await _found(tx, _files().where(col(LicenseFileRow.license_file_id) == license_file_id))
    return found[0] if found else None


async def lock_file(tx: Transaction, license_file_id: str) -> LicenseFile | None:
    """The file, held for a re-host. Two statements: the second sees a successor that the first had to wait for."""
    ours = col(LicenseFileRow.license_file_id) == license_file_id
    await tx.session.execute(select(col(LicenseFileRow.license_file_id)).where(ours).with_for_update(key_share=True))
    return await find_file(tx, license_file_id)


async def page_of_files(tx: Transaction, pak: str | None, key_id: str | None, after: str | None, limit: int) -> list[LicenseFile]:
    """``limit`` license files by id behind ``after``; of one PAK's order, or all; of one key those that are current, or all."""
    chosen = _files(current_only=key_id is not None).limit(limit)
    if key_id is not None:
        chosen = chosen.where(col(LicenseFileRow.key_id) == key_id)
    if pak is not None:
        chosen = chosen.join(OrderRow, col(OrderRow.order_id) == col(LicenseFileRow.order_id)).where(col(OrderRow.pak) == pak)
    if after is not None:
        chosen = chosen.where(col(LicenseFileRow.license_file_id) > after)
    return await _found(tx, chosen)


async def all_files_of_order(tx: Transaction, order_id: int) -> list[LicenseFile]:
    """Every license file of an order: some bytes each, and an order has no more shares than units and nodes."""
    return await _found(tx, _files().where(col(LicenseFileRow.order_id) == order_id))


async def files_of_order(tx: Transaction, order_id: int, limit: int) -> tuple[list[LicenseFile], int]:
    """The first ``limit`` license files of an order, and how many there are."""
    ours = col(LicenseFileRow.order_id) == order_id
    total = await tx.session.scalar(select(func.count()).select_from(LicenseFileRow).where(ours))
    return await _found(tx, _files().where(ours).limit(limit)), total or 0


async def files_of_shares(tx: Transaction, order_id: int, after: int, limit: int) -> list[LicenseFile]:
    """All license files of ``limit`` shares of an order behind share number ``after``."""
    share = col(LicenseFileRow.share)
    chosen = _files().where(col(LicenseFileRow.order_id) == order_id, share > after, share <= after + limit)
    return await _found(tx, chosen)


async def free_file(tx: Transaction, migration_id: str, source_cluster: str, mac: str) -> LicenseFile | None:
    """The free file of this migration, or else of this source cluster and MAC: made for it or re-hosted to it, and good now."""
    of_mac = (col(LicenseFileRow.original_mac) == mac) | (col(LicenseFileRow.mac) == mac)
    ours = (col(OrderRow.source_cluster) == source_cluster) & of_mac
    chosen = _files(current_only=True).join(OrderRow, col(OrderRow.order_id) == col(LicenseFileRow.order_id))
    chosen = chosen.where((col(OrderRow.migration_id) == migration_id) | ours)
    found = await _found(tx, chosen.limit(1))
    return found[0] if found else None


async def content_of(tx: Transaction, license_file_id: str) -> bytes | None:
    """The bytes of a license file, as they were made."""
    chosen = select(col(LicenseFileRow.content)).where(col(LicenseFileRow.license_file_id) == license_file_id)
    return (await tx.session.scalars(chosen)).one_or_none()
