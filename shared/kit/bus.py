"""The bus as services see it: hand an envelope over, receive the types one asked for. Two implementations, one behaviour.

``publish`` returns when the envelope is safe: with the memory bus when every subscriber's transaction committed (or the event
was put aside as a dead letter), with RabbitMQ when the broker confirmed it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from shared.contracts.base import Envelope
from shared.kit.seldom import Seldom


class BusClosed(Exception):
    """The process is stopping; the envelope stays in its sender's outbox."""


class NotPublished(Exception):
    """The bus does not have the envelope for good (or does not know): whoever keeps it keeps it, and tries again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one service wants to hear. ``deliver`` returns after its commit; ``bury`` keeps an event that cannot be handled."""

    service: str
    types: frozenset[str]
    deliver: Callable[[Envelope], Awaitable[None]]
    bury: Callable[[Envelope, str], Awaitable[None]]
    delivery_limit: int
    seldom: Seldom = field(default_factory=Seldom, compare=False)
    """What is said of a store that is away: once, and not for each event that waits for it."""


class Bus(Protocol):
    """Carries facts between services, at least once and in no promised order."""

    async def subscribe(self, subscription: Subscription) -> None: ...

    async def publish(self, envelope: Envelope) -> None: ...

    async def check(self) -> str | None:
        """None, or why nothing can be told and heard at this moment."""

    async def close(self) -> None: ...
