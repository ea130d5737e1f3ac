"""A transaction on the driver itself, for the path on which every round trip and every microsecond counts.

It publishes as the ordinary transaction does: what it tells leaves with its commit, or not at all.

Must not be broken: a connection goes back to the pool outside of any transaction, or not at all.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from sqlalchemy.util import greenlet_spawn

from shared.contracts.base import Envelope, Event
from shared.kit.logs import log_of
from shared.kit.trace import Trace, tracing
from shared.kit.transaction import envelope_of

if TYPE_CHECKING:
    from shared.kit.database import Database

_log = log_of("direct")
Row = Any
"""A row of the driver: by position and by name."""


class Direct:
    """SQL with ``$1`` for parameters, on one connection; every statement is prepared once."""

    def __init__(self, driver: Any) -> None:
        self._driver = cast("asyncpg.Connection[asyncpg.Record]", driver)

    async def rows(self, sql: str, *values: object) -> Sequence[Row]:
        return list(await self._driver.fetch(sql, *values))

    async def row(self, sql: str, *values: object) -> Row | None:
        return await self._driver.fetchrow(sql, *values)

    async def execute(self, sql: str, *values: object) -> None:
        await self._driver.execute(sql, *values)

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """Append many rows to a table of the service's schema."""
        await self._driver.copy_records_to_table(table, records=records, columns=list(columns))


class DirectTransaction(Direct):
    """One transaction, opened and committed by ``Database.direct``."""

    def __init__(self, driver: Any, database: "Database") -> None:
        super().__init__(driver)
        self._database = database
        self._events: list[Envelope] = []

    def publish(self, event: Event, at: datetime, trace: Trace) -> None:
        """Leave a fact in the outbox, in the trace of whoever caused it; it is handed over after the commit."""
        with tracing(trace):
            self._events.append(envelope_of(event, self._database.schema, at))

    async def commit(self) -> None:
        if self._events:
            ids = [envelope.id for envelope in self._events]
            texts = [envelope.model_dump_json(exclude_none=True) for envelope in self._events]
            await self.execute("INSERT INTO outbox (event_id, envelope) SELECT * FROM unnest($1::uuid[], $2::jsonb[])", ids, texts)
        await self.execute("COMMIT")
        if self._events:
            self._database.wake.set()


@asynccontextmanager
async def direct_transaction(database: "Database") -> AsyncIterator[DirectTransaction]:
    """One transaction: committed at the end, rolled back on an exception."""
    lent = await _open_connection(database)
    driver = lent.driver_connection
    try:
        transaction = DirectTransaction(driver, database)
        await transaction.execute("BEGIN")
        yield transaction
        await transaction.commit()
    except BaseException:
        if not await _is_rolled_back(driver):
            await greenlet_spawn(lent.invalidate)
        raise
    finally:
        await greenlet_spawn(lent.close)


async def _open_connection(database: "Database") -> Any:
    """One of the pool's; those that broke while they lay there are passed over."""
    while True:
        lent = await database.engine.raw_connection()
        driver: Any = lent.driver_connection
        if not driver.is_closed():
            return lent
        await greenlet_spawn(lent.invalidate)


async def _is_rolled_back(driver: Any) -> bool:
    """Is the connection fit for its next user? What was left open on one that does not answer ends with it."""
    try:
        await driver.execute("ROLLBACK")
    except Exception as error:
        _log.info("connection-given-up", error=repr(error))
        return False
    return True
