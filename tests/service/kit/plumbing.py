"""The plumbing's tables of the toy service, looked at from behind."""

from sqlalchemy import func, select

from shared.kit.app import Kit
from tests.house import eventually


async def rows(kit: Kit, table: str) -> int:
    """How many rows a table has."""
    async with kit.database.transaction() as tx:
        count: int = (await tx.session.scalar(select(func.count()).select_from(kit.database.tables.metadata.tables[f"toy.{table}"]))) or 0
    return count


async def drained(kit: Kit) -> None:
    """Wait until everything left the outbox."""

    async def empty() -> bool:
        return await rows(kit, "outbox") == 0

    await eventually(empty, "the outbox is empty")
