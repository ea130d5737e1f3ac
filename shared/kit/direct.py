"""A transaction on the driver itself, for the path on which every round trip and every microsecond counts.

It publishes as the ordinary transaction does: what it tells leaves with its commit, or not at all.

Must not be broken: a connection goes back to the pool outside of any transaction, or not at all.
"""

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from shared.contracts.base import Envelope, Event
from shared.kit.logs import log_of
from shared.kit.trace import Trace, tracing
from shared.kit.transaction import envelope_of

if TYPE_CHECKING:
    from shared.kit.database import Database

_log = log_of("direct")
_PLAN_AGAIN_SECONDS = 1.0
_KEEP_SECONDS = 60.0
"""A connection that lay longer goes back to the pool, which knows how to tell whether it is still good."""

Row = Any
"""A row of the driver: by position and by name."""


class Direct:
    """SQL with ``$1`` for parameters, on one connection; every statement is prepared once."""

    def __init__(self, driver: Any) -> None:
        self._driver = cast("asyncpg.Connection[asyncpg.Record]", driver)
        self._seconds: float | None = None

    async def allow(self, seconds: int) -> None:
        """For much at once: statements of this transaction may take so long, and are planned for the tables as they are now."""
        await self.execute(f"SET LOCAL statement_timeout = '{seconds}s'")
        await self.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        self._seconds = seconds + 2

    async def stream(self, sql: str, *values: object, at_a_time: int = 2_000) -> AsyncIterator[Row]:
        """Rows of one statement, fetched as they are taken."""
        async for row in self._driver.cursor(sql, *values, prefetch=at_a_time, timeout=self._seconds):
            yield row

    async def rows(self, sql: str, *values: object) -> Sequence[Row]:
        return list(await self._driver.fetch(sql, *values, timeout=self._seconds))

    async def row(self, sql: str, *values: object) -> Row | None:
        return await self._driver.fetchrow(sql, *values, timeout=self._seconds)

    async def execute(self, sql: str, *values: object) -> None:
        await self._driver.execute(sql, *values, timeout=self._seconds)

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """Append many rows to a table of the service's schema."""
        await self._driver.copy_records_to_table(table, records=records, columns=list(columns), timeout=self._seconds)


class DirectTransaction(Direct):
    """One transaction, opened and committed by ``Database.direct``; or, each by itself, statements that are a transaction alone."""

    def __init__(self, driver: Any, database: "Database", *, each_by_itself: bool) -> None:
        super().__init__(driver)
        self._database = database
        self._each_by_itself = each_by_itself
        self._events: list[Envelope] = []
        self._told = False

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """As part of a transaction only: what is copied by itself would stay where the next statement finds that it may not."""
        assert not self._each_by_itself
        await super().copy(table, columns, records)

    def publish(self, event: Event, at: datetime, trace: Trace) -> None:
        """Leave a fact in the outbox, in the trace of whoever caused it; it is handed over after the commit."""
        with tracing(trace):
            self._events.append(envelope_of(event, self._database.schema, at))

    def to_tell(self) -> tuple[list[UUID], list[str]]:
        """What was published and is not in the outbox yet, for a statement that has ``telling`` in it."""
        events, self._events = self._events, []
        self._told = self._told or bool(events)
        return [envelope.id for envelope in events], [envelope.model_dump_json(exclude_none=True) for envelope in events]

    async def commit(self) -> None:
        if self._events:
            await self.execute(telling(1), *self.to_tell())
        if not self._each_by_itself:
            await self.execute("COMMIT")
        if self._told:
            self._database.wake.set()


def telling(first: int) -> str:
    """The INSERT into the outbox of what ``to_tell`` gives, in the parameters from ``first`` on: for whoever writes anyway."""
    return f"INSERT INTO outbox (event_id, envelope) SELECT * FROM unnest(${first}::uuid[], ${first + 1}::jsonb[])"  # noqa: S608


def telling_one(first: int) -> str:
    """The same of one event, whose identity and envelope are the parameters."""
    return f"INSERT INTO outbox (event_id, envelope) SELECT ${first}::uuid, ${first + 1}::jsonb"


@dataclass(slots=True)
class _Lane:
    """A connection of the pool, lent to us; times as the clock of the process counts them."""

    lent: Any
    planned_at: float = 0.0
    used_at: float = 0.0

    @property
    def driver(self) -> Any:
        return self.lent.driver_connection


class Lanes:
    """Connections kept at hand for direct transactions: asking the pool for one costs as much as a statement."""

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        self._engine = engine
        self._most = most
        self._idle: list[_Lane] = []

    async def take(self) -> _Lane:
        """One that is not broken, as far as anybody knows."""
        now = time.monotonic()
        lane = await self._kept(now) or await self._opened()
        if now - lane.planned_at > _PLAN_AGAIN_SECONDS:
            # Planning each time costs more than doing it, and a plan for an empty table is none for a full one.
            try:
                await lane.driver.execute("SET plan_cache_mode = force_generic_plan; DISCARD PLANS")
            except BaseException:
                await greenlet_spawn(lane.lent.invalidate)
                raise
            lane.planned_at = now
        return lane

    async def _kept(self, now: float) -> _Lane | None:
        while self._idle:
            lane = self._idle.pop()
            if now - lane.used_at < _KEEP_SECONDS and not lane.driver.is_closed():
                return lane
            await greenlet_spawn(lane.lent.close)
        return None

    async def _opened(self) -> _Lane:
        while True:
            lane = _Lane(await self._engine.raw_connection())
            if not lane.driver.is_closed():
                return lane
            await greenlet_spawn(lane.lent.invalidate)

    async def give_back(self, lane: _Lane) -> None:
        lane.used_at = time.monotonic()
        if len(self._idle) < self._most:
            self._idle.append(lane)
        else:
            await greenlet_spawn(lane.lent.close)

    async def close(self) -> None:
        while self._idle:
            await greenlet_spawn(self._idle.pop().lent.close)


@asynccontextmanager
async def direct_transaction(database: "Database", lanes: Lanes, *, each_by_itself: bool) -> AsyncIterator[DirectTransaction]:
    """One transaction: committed at the end, rolled back on an exception."""
    lane = await lanes.take()
    try:
        transaction = DirectTransaction(lane.driver, database, each_by_itself=each_by_itself)
        if not each_by_itself:
            await transaction.execute("BEGIN")
        yield transaction
        await transaction.commit()
    except BaseException:
        if await _is_rolled_back(lane.driver):
            await lanes.give_back(lane)
        else:
            await greenlet_spawn(lane.lent.invalidate)
        raise
    await lanes.give_back(lane)


async def _is_rolled_back(driver: Any) -> bool:
    """Is the connection fit for its next user? What was left open on one that does not answer ends with it."""
    try:
        await driver.execute("ROLLBACK")
    except Exception as error:
        _log.info("connection-given-up", error=repr(error))
        return False
    return True
