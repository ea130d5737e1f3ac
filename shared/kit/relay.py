"""Takes committed events out of the outbox and hands them to the bus; a row is deleted only after the bus has it for good.

A crash between hand-over and deletion repeats the event; the reader's inbox makes the repetition harmless.
"""

import asyncio

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.base import Envelope
from shared.kit.bus import Bus
from shared.kit.database import Database
from shared.kit.leader import leadership
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics

_log = log_of("relay")
_BATCH = 200
_AT_ONCE = 8
_PAUSE_AFTER_FAILURE_SECONDS = 0.5


class Relay:
    """The relay of one service; of several replicas' relays one works."""

    def __init__(self, database: Database, bus: Bus, metrics: Metrics, poll_seconds: float) -> None:
        self._database = database
        self._bus = bus
        self._metrics = metrics
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Relay until cancelled; a store or bus that is away is waited for."""
        while True:
            try:
                async with leadership(self._database, "relay") as connection:
                    while True:
                        self._database.wake.clear()
                        if await self.relay_batch(connection) < _BATCH:
                            await self._wait()
            except Exception as error:
                _log.warning("relay-interrupted", service=self._database.schema, error=repr(error))
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._database.wake.wait(), self._poll_seconds)
        except TimeoutError:
            return

    async def relay_batch(self, connection: AsyncConnection) -> int:
        """Hand over the oldest events; returns how many there were."""
        outbox = self._database.tables.outbox
        chosen = select(outbox.c.sequence, outbox.c.envelope, func.extract("epoch", func.now() - outbox.c.created_at).label("age"))
        rows = (await connection.execute(chosen.order_by(outbox.c.sequence).limit(_BATCH))).all()
        self._metrics.outbox_age.labels(self._database.schema).set(float(rows[0].age) if rows else 0)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def hand_over(sequence: int, envelope: Envelope) -> int:
            async with gate:
                await self._bus.publish(envelope)
            self._metrics.events_published.labels(self._database.schema, envelope.type).inc()
            return sequence

        outcomes = await asyncio.gather(*(hand_over(r.sequence, Envelope.model_validate(r.envelope)) for r in rows), return_exceptions=True)
        done = [outcome for outcome in outcomes if isinstance(outcome, int)]
        await connection.execute(delete(outbox).where(outbox.c.sequence.in_(done)))
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(rows)
