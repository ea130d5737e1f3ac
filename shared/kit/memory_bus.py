"""The bus of the embedded mode: hands an envelope to its subscribers in this process.

An envelope is acknowledged only after every subscriber's transaction committed (how a failing one is tried again stands in
delivery.py); until then the sender's outbox keeps it, so nothing is lost when the process dies.

Must not be broken: a bus made ``held`` hands nothing over before it is opened. Services subscribe as they start, one after the
other, and an event that no subscriber of its type has yet asked for would count as delivered to everybody.
"""

import asyncio

from shared.contracts.base import Envelope
from shared.kit.bus import BusClosed, Subscription
from shared.kit.delivery import deliver


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
        await asyncio.gather(*(deliver(subscription, envelope, self._closing) for subscription in wanting))

    async def check(self) -> str | None:
        """None: it is never away."""
        return None

    async def close(self) -> None:
        """Begin no more deliveries; who waits to publish gets BusClosed."""
        self._closing.set()
        self._opened.set()
