"""Takes committed events out of the outbox and hands them to the bus; a row leaves only after the bus has it for good.

A crash between the two repeats the event; the reader's inbox makes the repetition harmless. What left is kept for some days in
``handed_over``: the bus is in no back-up, and a restored database hands over again what its readers may not have had. Fleeting facts
are not kept; the next one of their kind says all that they said.

Must not be broken: a row is handed over once at a time, and one whose reader is slow or failing holds up no other. A few hand-overs
are busy at once; one that takes long makes room for the next and goes on beside it, up to a limit.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, all_, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.base import Envelope
from shared.kit.bus import Bus, BusClosed
from shared.kit.database import Database
from shared.kit.leader import leadership
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.seldom import Seldom
from shared.kit.tasks import ended

_log = log_of("relay")
_BUSY_AT_ONCE = 8
_BUSY_SECONDS = 0.25
"""A hand-over that takes longer waits for somebody else, and its place is better used."""

_MOST_UNDER_WAY = 512
_GATHERING_SECONDS = 0.05
"""What is committed or handed over within this time is fetched or removed in one statement."""

_UNHURRIED = select(func.set_config("synchronous_commit", "off", True)).scalar_subquery() == "off"
"""For this statement only: what a crash brings back is handed over again, which is harmless; so nobody waits for the disk, and the
commits that are promises have it to themselves."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _HandOver:
    """A row on its way; ``fleeting``: not kept afterwards."""

    work: asyncio.Task[None]
    fleeting: bool


class Relay:
    """The relay of one service; of several replicas' relays one works. ``fleeting``: types that are not kept."""

    def __init__(self, database: Database, bus: Bus, metrics: Metrics, poll_seconds: float, fleeting: frozenset[str] = frozenset()) -> None:
        self._database = database
        self._bus = bus
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._fleeting = fleeting
        self._busy = asyncio.Semaphore(_BUSY_AT_ONCE)
        self._under_way: dict[int, _HandOver] = {}
        self._seldom = Seldom()

    async def run(self) -> None:
        """Relay until cancelled; a store that is away is waited for."""
        while True:
            try:
                async with leadership(self._database, "relay") as connection:
                    await self._lead(connection)
            except Exception as error:
                _log.warning("relay-interrupted", service=self._database.schema, error=repr(error))
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)

    async def _lead(self, connection: AsyncConnection) -> None:
        """Relay for as long as the lead is held; raises what the driver raises when it is lost."""
        try:
            while True:
                self._database.wake.clear()
                await self._remove_handed_over(connection)
                await self._fetch(connection)
                await self._wait()
        finally:
            # Whoever leads next begins with these rows again: they must have ended here.
            await ended([one.work for one in self._under_way.values()])
            self._under_way.clear()

    async def _wait(self) -> None:
        """Until something was committed or handed over, at most until the next poll."""
        try:
            await asyncio.wait_for(self._database.wake.wait(), self._poll_seconds)
        except TimeoutError:
            return
        await asyncio.sleep(_GATHERING_SECONDS)

    async def _remove_handed_over(self, connection: AsyncConnection) -> None:
        ended_ones = {sequence: one for sequence, one in self._under_way.items() if one.work.done()}
        # One that was cancelled from outside was not handed over: its row is fetched again.
        done = {sequence: one for sequence, one in ended_ones.items() if not one.work.cancelled() and one.work.exception() is None}
        outbox, kept = self._database.tables.outbox, self._database.tables.handed_over
        if fleeting := [sequence for sequence, one in done.items() if one.fleeting]:
            await connection.execute(delete(outbox).where(outbox.c.sequence.in_(fleeting), _UNHURRIED))
        if lasting := [sequence for sequence, one in done.items() if not one.fleeting]:
            columns = ("sequence", "event_id", "envelope")
            gone = (
                delete(outbox)
                .where(outbox.c.sequence.in_(lasting), _UNHURRIED)
                .returning(*(outbox.c[name] for name in columns))
                .cte("gone")
            )
            await connection.execute(insert(kept).from_select(columns, select(gone)))
        for sequence in ended_ones:
            del self._under_way[sequence]

    async def _fetch(self, connection: AsyncConnection) -> None:
        """Begin with the oldest events that are not under way. Asked also when there is no room: it shows that the lead is held."""
        outbox = self._database.tables.outbox
        under_way = bindparam("under_way", list(self._under_way), ARRAY(BigInteger))
        chosen = select(outbox.c.sequence, outbox.c.envelope).where(outbox.c.sequence != all_(under_way))
        rows = await connection.execute(chosen.order_by(outbox.c.sequence).limit(_MOST_UNDER_WAY - len(self._under_way)))
        for row in rows:
            work = asyncio.create_task(self._hand_over(row.sequence, row.envelope), name=f"{self._database.schema} hand-over")
            work.add_done_callback(lambda _: self._database.wake.set())
            fleeting = row.envelope["type"] in self._fleeting
            self._under_way[row.sequence] = _HandOver(work, fleeting)

    async def _hand_over(self, sequence: int, raw: dict[str, Any]) -> None:
        """Until the bus has it; returns only then."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                envelope = Envelope.model_validate(raw)
                await self._publish(envelope)
            except BusClosed:
                await asyncio.Event().wait()  # the process is stopping, and we with it
            except Exception as error:
                self._tell_of(error, sequence)
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- spreads retries, protects nothing
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self._metrics.events_published.labels(self._database.schema, envelope.type).inc()
                return

    def _tell_of(self, error: Exception, sequence: int) -> None:
        """Once for all rows: they fail by the hundred, and for one reason."""
        if (left_out := self._seldom.left_out(repr(error))) is not None:
            failed = {"sequence": sequence, "error": repr(error), "left_out": left_out}
            _log.warning("hand-over-failed", service=self._database.schema, **failed)

    async def _publish(self, envelope: Envelope) -> None:
        """Hand over, holding one of the busy places for a moment only."""
        async with self._busy:
            publishing = asyncio.create_task(self._bus.publish(envelope))
            try:
                await asyncio.wait({publishing}, timeout=_BUSY_SECONDS)
            except asyncio.CancelledError:
                await ended([publishing])
                raise
        await publishing
