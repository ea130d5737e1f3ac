"""The bus of the embedded mode: hands an envelope to its subscribers in this process.

An envelope is acknowledged only after every subscriber's transaction committed; until then the sender's outbox keeps it, so
nothing is lost when the process dies. A failing subscriber is tried again with growing pauses; an event that keeps failing is
buried (a collision counts an eighth of a failure), one that fails because the data store is away is kept until the store is back.

Must not be broken: a bus made ``held`` hands nothing over before it is opened. Services subscribe as they start, one after the
other, and an event that no subscriber of its type has yet asked for would count as delivered to everybody.
"""

import asyncio
import random

from shared.contracts.base import Envelope
from shared.kit.bus import BusClosed, Subscription
from shared.kit.logs import log_of
from shared.kit.store_faults import weight_of

_log = log_of("bus")
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


class MemoryBus:
    """Subscribers of one process, by event type. ``held``: publishers wait until ``open`` is called."""

    def __init__(self, *, held: bool = False) -> None:
        self._subscriptions: list[Subscription] = []
        self._closing = asyncio.Event()
        self._opened = asyncio.Event()
        if not held:
            self._opened.set()

    def open(self) -> None:
        """All subscribers are there: let publishers go on."""
        self._opened.set()

    async def subscribe(self, subscription: Subscription) -> None:
        self._subscriptions.append(subscription)

    async def publish(self, envelope: Envelope) -> None:
        """Deliver to every subscriber of the type; returns when all have it for good. Raises BusClosed."""
        await self._opened.wait()
        if self._closing.is_set():
            raise BusClosed
        wanting = [s for s in self._subscriptions if envelope.type in s.types]
        await asyncio.gather(*(self._hand_over(subscription, envelope) for subscription in wanting))

    async def _hand_over(self, subscription: Subscription, envelope: Envelope) -> None:
        failures = 0.0
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                await subscription.deliver(envelope)
                return
            except Exception as error:
                failures += weight_of(error)
                _log.warning(
                    "delivery-failed",
                    service=subscription.service,
                    event_id=str(envelope.id),
                    type=envelope.type,
                    failures=failures,
                    error=repr(error),
                )
                if failures >= subscription.delivery_limit and await self._buried(subscription, envelope, repr(error)):
                    return
            await self._pause(pause * random.uniform(0.5, 1))  # noqa: S311 -- spreads retries, protects nothing
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise BusClosed

    async def _buried(self, subscription: Subscription, envelope: Envelope, reason: str) -> bool:
        """Put it aside; False when that failed too: then it is tried again."""
        try:
            await subscription.bury(envelope, reason)
        except Exception as error:
            _log.warning("burial-failed", service=subscription.service, event_id=str(envelope.id), type=envelope.type, error=repr(error))
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def close(self) -> None:
        """Begin no more deliveries; who waits to publish gets BusClosed."""
        self._closing.set()
        self._opened.set()
