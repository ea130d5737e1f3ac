"""The courier: takes away what destinations are owed, beside everything else, and writes down what they answered.

Claim in one transaction, send outside of any, record in another: at least once, and the receiver knows a repetition by its id.
Every destination has a few places of its own, so one that hangs holds up nobody. A claim that nobody ends is claimed anew.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from services.alarms.actions.fan_out import COURIER
from services.alarms.domain.delivery import LONGEST_ANSWER, LONGEST_PAUSE_SECONDS, Attempt, Delivery, next_attempt
from services.alarms.domain.destination import Destination
from services.alarms.domain.message import Message
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.store import deliveries, destinations
from shared.kit.app import Kit
from shared.kit.database import Database
from shared.kit.logs import log_of
from shared.kit.tasks import ended
from shared.kit.transaction import Transaction

_log = log_of("courier")
_MOST_HISTORY = 20
_PAUSE_AFTER_FAILURE_SECONDS = 1.0
Send = Callable[[Destination, Message], Awaitable[str]]
"""Brings one message to one destination: its answer, or DeliveryFailed. Ends by itself in less time than a claim lasts."""


@dataclass(frozen=True, slots=True)
class Patience:
    """``places``: attempts under way at once for one destination. ``claim_seconds``: after which whoever claimed it is taken for dead."""

    places: int
    claim_seconds: float
    poll_seconds: float


class Courier:
    """One process's courier; those of several processes share the work."""

    def __init__(self, send: Send, patience: Patience) -> None:
        self.send = send
        self._patience = patience
        self._under_way: dict[asyncio.Task[None], Delivery] = {}

    async def run(self, kit: Kit) -> None:
        """Deliver until cancelled; a store that is away is waited for."""
        wake = kit.database.waker(COURIER)
        try:
            while True:
                wake.clear()
                try:
                    await self._begin(kit.database)
                except Exception as error:
                    _log.warning("courier-interrupted", error=repr(error))
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)
                try:
                    await asyncio.wait_for(wake.wait(), self._patience.poll_seconds)
                except TimeoutError:
                    continue
        finally:
            cut_short = list(self._under_way.items())
            await ended([task for task, _ in cut_short])
            await self._let_go(kit.database, [delivery for task, delivery in cut_short if task.cancelled()])

    async def _let_go(self, database: Database, cut_short: Sequence[Delivery]) -> None:
        """Leave what was cut short to others at once; a claim that cannot be given back runs out."""
        if not cut_short:
            return
        try:
            async with database.transaction() as tx:
                await deliveries.give_back(tx, cut_short, tx.now)
        except Exception as error:
            _log.warning("deliveries-not-given-back", count=len(cut_short), error=repr(error))

    async def _begin(self, database: Database) -> None:
        """Claim what is due and send it, each by itself."""
        busy = Counter(delivery.destination_id for delivery in self._under_way.values())
        async with database.transaction() as tx:
            until = tx.now + timedelta(seconds=self._patience.claim_seconds)
            claimed = await _without_tests(tx, await deliveries.claim(tx, busy, self._patience.places, until))
            known = {one.destination_id: one for one in await destinations.enabled(tx)} if claimed else {}
            closed = await _put_off(tx, known.values(), claimed)
        for delivery in claimed:
            if delivery.destination_id in closed:
                continue
            if destination := known.get(delivery.destination_id):  # one that was turned off since is owed nothing any more
                task = asyncio.create_task(self._attempt(database, destination, delivery), name="delivery of an alarm")
                self._under_way[task] = delivery
                task.add_done_callback(self._under_way.pop)
                task.add_done_callback(lambda _task: database.waker(COURIER).set())

    async def _attempt(self, database: Database, destination: Destination, delivery: Delivery) -> None:
        try:
            await self.deliver(database, destination, delivery)
        except Exception as error:
            # Its claim runs out, and it is sent again: the receiver recognizes it.
            _log.warning("delivery-not-recorded", delivery_id=str(delivery.message.delivery_id), error=repr(error))

    async def deliver(self, database: Database, destination: Destination, delivery: Delivery) -> Delivery:
        """Try a claimed delivery once and record how it went. A test is tried once and never again."""
        failed: DeliveryFailed | None = None
        try:
            answer = await self.send(destination, delivery.message)
        except DeliveryFailed as error:
            failed, answer = error, error.answer
        except Exception as error:
            _log.exception("delivery-broke", kind=delivery.kind)
            failed = DeliveryFailed(f"our own fault: {type(error).__name__}; see the log of the alarms")
            answer = failed.answer
        async with database.transaction() as tx:
            done = _after(delivery, destination, tx, answer[:LONGEST_ANSWER], failed)
            if await deliveries.record(tx, done):
                await _follow(tx, done, failed)
        return done


async def _without_tests(tx: Transaction, claimed: Sequence[Delivery]) -> list[Delivery]:
    """A test whose process ended is not tried again: nobody waits for its answer any more."""
    tests = [one for one in claimed if one.message.occasion == "test"]
    for one in tests:
        await deliveries.record(tx, replace(one, state="given_up", answered_at=tx.now, answer="the process that tried it ended; try again"))
    await deliveries.count_outcomes(tx, [(one.kind, "given_up") for one in tests])
    return [one for one in claimed if one.message.occasion != "test"]


async def _put_off(tx: Transaction, known: Iterable[Destination], claimed: Sequence[Delivery]) -> set[UUID]:
    """What was claimed for destinations that are closed now waits for their opening, with all else that they are owed; who they are."""
    concerned = {delivery.destination_id for delivery in claimed}
    opening = {one.destination_id: one.schedule.opens_at(tx.now) for one in known if one.destination_id in concerned}
    closed = {destination_id: opens for destination_id, opens in opening.items() if opens > tx.now}
    await deliveries.give_back(tx, [one for one in claimed if one.destination_id in closed], tx.now)
    for destination_id, opens in closed.items():
        await deliveries.put_off(tx, destination_id, opens)
    return set(closed)


def _after(delivery: Delivery, destination: Destination, tx: Transaction, answer: str, failed: DeliveryFailed | None) -> Delivery:
    """The delivery after an attempt that was answered now."""
    patience = failed.retry_after_seconds if failed is not None else None
    not_sooner = tx.now + timedelta(seconds=min(patience, LONGEST_PAUSE_SECONDS)) if patience is not None else None
    history = (*delivery.history, Attempt(tx.now, answer, not_sooner))[-_MOST_HISTORY:]
    tried = replace(delivery, answered_at=tx.now, answer=answer, history=history)
    if failed is None:
        return replace(tried, state="sent")
    again = next_attempt(delivery.attempts, delivery.created_at, tx.now, failed.retry_after_seconds)
    if again is None or failed.gone or delivery.message.occasion == "test":
        return replace(tried, state="given_up")
    return replace(tried, state="failed", not_before=destination.schedule.opens_at(again))


async def _follow(tx: Transaction, done: Delivery, failed: DeliveryFailed | None) -> None:
    """What an outcome means for everything else that the destination is owed."""
    outcomes = [(done.kind, done.state)]
    if failed is None:
        await deliveries.hurry(tx, done.destination_id)
        tx.wake(COURIER)
    elif failed.gone and done.message.occasion != "test":
        why = f"suspended, for it answered that it is gone: {done.answer}"
        await destinations.suspend(tx, done.destination_id, why)
        outcomes += [(kind, "given_up") for kind in await deliveries.end_open(tx, done.destination_id, why)]
    elif done.state == "given_up":
        outcomes += [(kind, "overtaken") for kind in await deliveries.end_untold(tx, done.destination_id)]
    await deliveries.count_outcomes(tx, outcomes)
