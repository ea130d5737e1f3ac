"""What a service does when it hears a fact: one handler a type, in one transaction with the inbox row that makes it happen once."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql import insert

from shared.contracts.base import Envelope, Event
from shared.kit.bus import Subscription
from shared.kit.database import Database
from shared.kit.metrics import Metrics
from shared.kit.trace import begin_trace, tracing
from shared.kit.transaction import Transaction

E = TypeVar("E", bound=Event)
_OUTCOMES = ("handled", "repeated", "buried")
Handler = Callable[[Transaction, Any], Awaitable[None]]
AtOnce = Callable[[Any], None]


class Consumers:
    """A service's handlers by event type. ``on`` handles in a transaction; ``at_once`` is told first, before any store is asked."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[type[Event], Handler]] = {}
        self._at_once: dict[str, AtOnce] = {}

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._handlers)

    def on(self, kind: type[E]) -> Callable[[Callable[[Transaction, E], Awaitable[None]]], Callable[[Transaction, E], Awaitable[None]]]:
        """Handle facts of ``kind``. The handler runs in a transaction; raising makes the bus try again."""

        def register(handler: Callable[[Transaction, E], Awaitable[None]]) -> Callable[[Transaction, E], Awaitable[None]]:
            assert kind.type not in self._handlers, f"two handlers for {kind.type}"
            self._handlers[kind.type] = (kind, handler)
            return handler

        return register

    def at_once(self, kind: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
        """Be told of ``kind`` before the transaction begins, also when no transaction can; may be told more than once."""

        def register(handler: Callable[[E], None]) -> Callable[[E], None]:
            self._at_once[kind.type] = handler
            return handler

        return register

    async def deliver(self, database: Database, envelope: Envelope) -> bool:
        """Handle one envelope, once. False when it had been handled before."""
        kind, handler = self._handlers[envelope.type]
        event = kind.model_validate(envelope.data)
        with tracing(begin_trace(envelope.traceparent, envelope.source.removeprefix("/"), "event")):
            if told := self._at_once.get(envelope.type):
                told(event)
            async with database.transaction() as transaction:
                remembered = await transaction.session.execute(database.tables.remember, {"event_id": envelope.id})
                if remembered.first() is None:
                    return False
                await handler(transaction, event)
        return True


def subscription_of(service: str, consumers: Consumers, database: Database, metrics: Metrics, delivery_limit: int) -> Subscription:
    """A service's consumers as the bus needs them."""
    for kind in consumers.types:
        for outcome in _OUTCOMES:
            metrics.events_handled.labels(service, kind, outcome)  # from 0 on: a first event must be seen as an increase

    async def deliver(envelope: Envelope) -> None:
        fresh = await consumers.deliver(database, envelope)
        metrics.events_handled.labels(service, envelope.type, "handled" if fresh else "repeated").inc()

    async def bury(envelope: Envelope, error: str) -> None:
        async with database.transaction() as transaction:
            row = {
                "event_id": envelope.id,
                "envelope": envelope.model_dump(mode="json", exclude_none=True),
                "error": error[:2000],
            }
            await transaction.session.execute(insert(database.tables.dead_letter).values(row).on_conflict_do_nothing())
        metrics.events_handled.labels(service, envelope.type, "buried").inc()

    return Subscription(service, consumers.types, deliver, bury, delivery_limit)
