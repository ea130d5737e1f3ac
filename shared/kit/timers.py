"""What a service does by the clock. Each run is one transaction; of several replicas only the leader's timers run."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kit.database import Database
from shared.kit.faults import Faults
from shared.kit.leader import leadership, still_leads
from shared.kit.logs import log_of
from shared.kit.settings import ServiceSettings
from shared.kit.tasks import ended
from shared.kit.trace import begin_trace, tracing
from shared.kit.transaction import Transaction

_log = log_of("timers")
_PAUSE_AFTER_FAILURE_SECONDS = 0.5
_LOOK_AFTER_LEAD_SECONDS = 1.0
Action = Callable[[Transaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timer:
    """An action and the seconds between two runs of it."""

    name: str
    seconds: float
    action: Action


class Timers:
    """A service's timers."""

    def __init__(self) -> None:
        self._timers: dict[str, Timer] = {}
        self._looked_at: datetime | None = None

    def every(self, seconds: float, action: Action) -> None:
        """Run ``action`` every ``seconds``; its name is the function's."""
        name = getattr(action, "__name__", repr(action))
        self._timers[name] = Timer(name, seconds, action)

    async def run_once(self, database: Database, name: str) -> None:
        """One run, now; for the loop and for tests with a clock of their own."""
        with tracing(begin_trace(None, f"{database.schema} timer", "timer")):
            async with database.transaction() as transaction:
                await self._timers[name].action(transaction)

    async def run(self, database: Database, faults: Faults) -> None:
        """Run until cancelled. A failed run is reported and tried again at its next time."""
        while True:
            try:
                async with leadership(database, "timers") as lead:
                    await self._lead(lead, database, faults)
            except Exception as error:
                _log.warning("timers-interrupted", service=database.schema, error=repr(error))
                # Where nobody calls, only the lead sees the store fail; it may see late what a request has told before.
                await faults.report(error, "timers", unless_told_since=self._looked_at)
                self._looked_at = None  # what fails after this is news
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    async def _lead(self, lead: AsyncConnection, database: Database, faults: Faults) -> None:
        """Run every timer for as long as the lead is held; raises what the driver raises when it is lost."""
        timers = self._timers.values()
        running = [asyncio.create_task(self._repeat(timer, database, faults), name=f"timer {timer.name}") for timer in timers]
        try:
            while True:
                await still_leads(lead)
                self._looked_at = database.clock.now()
                await asyncio.sleep(_LOOK_AFTER_LEAD_SECONDS)
        finally:
            await ended(running)

    async def _repeat(self, timer: Timer, database: Database, faults: Faults) -> None:
        while True:
            try:
                await self.run_once(database, timer.name)
            except Exception as error:
                await faults.report(error, f"timer {timer.name}")
            await asyncio.sleep(timer.seconds)


def forget_old(database: Database, settings: ServiceSettings) -> Action:
    """The action that forgets events once they are long handed over, ids of handled ones and idempotent answers, and dead letters later."""
    dead_letter_days = settings.dead_letter_days

    async def forget_old_ids(transaction: Transaction) -> None:
        inbox, idempotency, dead = database.tables.inbox, database.tables.idempotency, database.tables.dead_letter
        handed_over = database.tables.handed_over
        left_before = transaction.now - timedelta(days=settings.handed_over_days)
        await transaction.session.execute(delete(handed_over).where(handed_over.c.handed_over_at < left_before))
        oldest = transaction.now - timedelta(days=settings.inbox_days)
        await transaction.session.execute(delete(inbox).where(inbox.c.handled_at < oldest))
        await transaction.session.execute(delete(idempotency).where(idempotency.c.created_at < oldest))
        died_before = transaction.now - timedelta(days=dead_letter_days)
        for event_id in await transaction.session.scalars(delete(dead).where(dead.c.died_at < died_before).returning(dead.c.event_id)):
            _log.warning("dead-letter-forgotten", service=database.schema, event_id=str(event_id), days=dead_letter_days)

    return forget_old_ids
