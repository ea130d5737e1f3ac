"""The one transaction of a request, an event or a timer run. What it publishes leaves with its commit, or not at all."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from fastapi import Depends, Request
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.base import Envelope, Event
from shared.kit.trace import current_trace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.kit.database import Database
    from shared.kit.direct import Direct
    from shared.kit.tables import KitTables


def envelope_of(event: Event, source: str, at: datetime) -> Envelope:
    """Put an event into the envelope in which it travels, in the trace of what is going on."""
    return Envelope(
        id=uuid4(),
        source=f"/{source}",
        type=event.type,
        subject=event.subject,
        time=at,
        traceparent=current_trace().traceparent,
        data=event.model_dump(mode="json"),
    )


class Transaction:
    """A session, the clock and the outbox. ``caller`` is who asked for the change."""

    def __init__(self, session: AsyncSession, database: "Database") -> None:
        self.session = session
        self._database = database
        self._events: list[Envelope] = []
        self._wakes: set[str] = set()
        self._last: list[Callable[[], Awaitable[None]]] = []

    @property
    def now(self) -> datetime:
        return self._database.clock.now()

    @property
    def kit_tables(self) -> "KitTables":
        return self._database.tables

    @property
    def caller(self) -> str:
        return current_trace().caller

    async def direct(self) -> "Direct":
        """The driver, inside this transaction."""
        from shared.kit.direct import Direct

        connection = await self.session.connection()
        await connection.execute(text("SELECT"))  # the driver's transaction begins with the first statement, not before it
        return Direct((await connection.get_raw_connection()).driver_connection)

    def publish(self, event: Event) -> None:
        """Leave a fact in the outbox; it is handed over after the commit."""
        self._events.append(envelope_of(event, self._database.schema, self.now))

    def wake(self, worker: str) -> None:
        """Have a background worker of this process look for its work as soon as the commit shows it."""
        self._wakes.add(worker)

    def at_the_end(self, write: Callable[[], Awaitable[None]]) -> None:
        """Have something written last of all: for a lock that everybody wants, and that is then held for the commit alone."""
        self._last.append(write)

    async def commit(self) -> None:
        """Write everything down, wake the relay. Called by the door that opened the transaction."""
        await self.session.flush()
        for write in self._last:
            await write()
        if self._events:
            rows: list[dict[str, Any]] = [
                {"event_id": e.id, "envelope": e.model_dump(mode="json", exclude_none=True)} for e in self._events
            ]
            await self.session.execute(insert(self._database.tables.outbox), rows)
        await self.session.commit()
        if self._events:
            self._events.clear()
            self._database.wake.set()
        for worker in self._wakes:
            self._database.waker(worker).set()


async def open_transaction(request: Request) -> "AsyncIterator[Transaction]":
    """The door of a request: one transaction, committed before the response starts."""
    kit = request.app.state.kit
    async with kit.database.transaction(recorded=kit.problems.recorded) as transaction:
        yield transaction


# With FastAPI's default scope the response would leave before the commit: a 201 that might never have been.
TransactionDep = Annotated[Transaction, Depends(open_transaction, scope="function")]
