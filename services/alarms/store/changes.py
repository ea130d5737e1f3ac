"""What listeners of the stream are told, in the order in which they can see it."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlmodel import col

from services.alarms.domain.change import Change
from services.alarms.tables import ChangeRow
from shared.kit.transaction import Transaction

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('alarms/change', 0))")


async def add(tx: Transaction, what: str, alarm: dict[str, Any]) -> None:
    """Take the next position. One at a time until the commit: otherwise a later position could be seen before an earlier one."""
    await tx.session.execute(_TAKE_TURN)
    await tx.session.execute(insert(ChangeRow).values(at=tx.now, what=what, alarm=alarm))


async def newest(tx: Transaction) -> int:
    """The position that everything so far is behind; 0 where nothing ever happened."""
    return await tx.session.scalar(select(func.max(col(ChangeRow.position)))) or 0


async def oldest(tx: Transaction) -> int:
    """The first position that is still kept; 0 where none is."""
    return await tx.session.scalar(select(func.min(col(ChangeRow.position)))) or 0


async def behind(tx: Transaction, position: int, limit: int) -> list[Change]:
    """``limit`` changes behind a position, the oldest first."""
    chosen = select(ChangeRow).where(col(ChangeRow.position) > position).order_by(col(ChangeRow.position)).limit(limit)
    return [Change(row.position, row.what, row.alarm) for row in await tx.session.scalars(chosen)]


async def forget(tx: Transaction, before: datetime, keep: int) -> None:
    """Forget what is old, but for the newest so many: who comes back late is to be told where it stopped."""
    last = await newest(tx) - keep
    await tx.session.execute(delete(ChangeRow).where(col(ChangeRow.at) < before, col(ChangeRow.position) <= last))
