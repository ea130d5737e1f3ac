"""One leader among the replicas of a service, for relays and timers: whoever holds the database's advisory lock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kit.database import Database

_ASK_AGAIN_SECONDS = 1.0


@asynccontextmanager
async def leadership(database: Database, task: str) -> AsyncIterator[AsyncConnection]:
    """Wait until this process leads ``task`` of the service, then hold the lead; it falls with the connection.

    Yields the connection that holds the lock: work done through it cannot outlive the lead.
    """
    key = f"{database.schema}/{task}"
    async with database.connection() as connection:
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), {"key": key}):
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        try:
            yield connection
        finally:
            # The lock belongs to the session: a pooled connection would carry it on.
            await connection.invalidate()


async def still_leads(lead: AsyncConnection) -> None:
    """Ask whether the lead is held; raises what the driver raises when it is lost."""
    await lead.execute(text("SELECT 1"))
