"""Shares that went back to their orders."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.registration.domain.returns import ReturnedShare
from services.registration.tables import LicenseFileRow, ReturnedShareRow
from shared.kit.transaction import Transaction


async def add_returned_share(tx: Transaction, share: ReturnedShare) -> None:
    await tx.session.execute(insert(ReturnedShareRow).values(asdict(share)))


async def returned_files(tx: Transaction, order_id: int) -> list[tuple[str, list[str]]]:
    """The last file of every returned share of an order that is locked, and what each voids; the newest return first."""
    chosen = select(col(LicenseFileRow.license_file_id), col(LicenseFileRow.voids)).join(
        ReturnedShareRow, col(ReturnedShareRow.license_file_id) == col(LicenseFileRow.license_file_id)
    )
    chosen = chosen.where(col(ReturnedShareRow.order_id) == order_id)
    chosen = chosen.order_by(col(ReturnedShareRow.returned_at).desc(), col(ReturnedShareRow.license_file_id))
    return [(row.license_file_id, row.voids) for row in await tx.session.execute(chosen)]


async def returned_of_order(tx: Transaction, order_id: int) -> dict[int, ReturnedShare]:
    """The returned shares of an order, by their numbers."""
    rows = await tx.session.scalars(select(ReturnedShareRow).where(col(ReturnedShareRow.order_id) == order_id))
    return {row.share: ReturnedShare(**row.model_dump()) for row in rows}
