"""One engine for one service's schema, and the transactions on it. All plumbing that needs the store gets it from here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine

from shared.kit.clock import Clock
from shared.kit.direct import DirectTransaction, Lanes, direct_transaction
from shared.kit.settings import ServiceSettings
from shared.kit.tables import KitTables
from shared.kit.transaction import Transaction

_NOTICED_WHEN_GONE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""A machine that is gone says no good-bye, and the server would keep its sessions for two hours: the lead of its relay and timers,
and locked rows. Seconds; without meaning on a socket of the same machine."""


class Database:
    """A service's own schema. ``wake`` is set after a commit that left events in the outbox."""

    def __init__(self, settings: ServiceSettings, schema: str, clock: Clock) -> None:
        self.schema = schema
        self.clock = clock
        self.tables = KitTables(schema)
        self.wake = asyncio.Event()
        self._wakers: dict[str, asyncio.Event] = {}
        self._opened: set[asyncpg.Connection[asyncpg.Record]] = set()
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            max_overflow=2,
            pool_timeout=5,
            pool_recycle=1800,
            hide_parameters=True,  # an error is logged with its statement; what callers sent is not for logs
            connect_args={
                "async_creator_fn": self._open,
                "timeout": 5,
                # A server that is frozen or cut off ends no statement by itself: then we do, a little later than it would have.
                "command_timeout": settings.statement_timeout_ms / 1000 + 2,
                "server_settings": {
                    "application_name": f"licensing-{schema}",
                    "search_path": schema,
                    "statement_timeout": str(settings.statement_timeout_ms),
                    "timezone": "UTC",
                    **_NOTICED_WHEN_GONE,
                },
            },
        )
        self._lanes = Lanes(self.engine, settings.database_pool_size // 2)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    async def _open(self, *arguments: Any, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection, remembered: the pool closes only those that were given back to it."""
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(*arguments, **options)
        self._opened = {one for one in self._opened if not one.is_closed()} | {connection}
        return connection

    @asynccontextmanager
    async def transaction(self, *, recorded: tuple[type[Exception], ...] = ()) -> AsyncIterator[Transaction]:
        """One transaction: committed at the end, rolled back on an exception.

        An exception of a ``recorded`` class is a decision and not a failure (a refusal that must be remembered):
        what was written before it is committed, and then it goes on to the caller.
        """
        async with self._sessions() as session:
            transaction = Transaction(session, self)
            try:
                yield transaction
            except recorded:
                await transaction.commit()
                raise
            await transaction.commit()

    def direct(self, *, each_by_itself: bool = False) -> AbstractAsyncContextManager[DirectTransaction]:
        """One transaction on the driver itself: committed at the end, rolled back on an exception.

        ``each_by_itself``: every statement is a transaction alone, committed when it returns; for whoever needs but one that writes.
        """
        return direct_transaction(self, self._lanes, each_by_itself=each_by_itself)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection outside any transaction of ours, for locks that last."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    def waker(self, worker: str) -> asyncio.Event:
        """Set after a commit that woke this background worker; the worker clears it."""
        return self._wakers.setdefault(worker, asyncio.Event())

    async def ping(self) -> None:
        """Ask the store for a sign of life; raises what the driver raises."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._lanes.close()
        await self.engine.dispose()
        for left in self._opened:
            left.terminate()
