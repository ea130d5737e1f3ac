"""Takes events out of a service's queues, delivers them, and acknowledges what is settled.

Every replica of a service takes from the same queues. An event that fails is kept un-acknowledged and tried again here (delivery.py);
when the connection is lost meanwhile the broker gives it to somebody again, and the reader's inbox makes that harmless.

Must not be broken: facts that fail or wait hold up few others: many may be on their way at once, and only some of them use the store.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from shared.contracts.base import Envelope
from shared.kit.bus import BusClosed, Subscription
from shared.kit.delivery import deliver
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.rabbit.declaring import declare, depth, look_up
from shared.kit.rabbit.message import NotAnEvent, envelope_in
from shared.kit.rabbit.session import SET_UP_SECONDS, Session, ends_with, noticed_as_loss
from shared.kit.tasks import ended
from shared.kit.topology import dead_queue, queues_read_by, topology_of, urgent_queue

_log = log_of("rabbit")
_PREFETCH = 512
"""As many may fail or wait before those behind them have to, as with the memory bus. A type whose handler is broken passes by at a
hundred a second (each is buried after some five seconds); were it few, a busy one would stop all the others."""

_TRIES_AT_ONCE = 4
"""Each needs a connection to the store, and requests need them too."""

_URGENT_AT_ONCE = 64

_SUBSCRIBE_SECONDS = 1.0
_HAND_BACK_SECONDS = 5.0
_END_SECONDS = 5.0


class Receiver(Session):
    """The receiving side of one process."""

    def __init__(self, url: str, name: str, metrics: Metrics, *, declaring: bool) -> None:
        super().__init__(url, f"{name} receives")
        self._prepare = declare if declaring else look_up
        self._refused = metrics.counter(
            "license_events_refused_total", "Messages that were no event of their type's owner, put aside or thrown away.", ["service"]
        )
        self._subscriptions: list[Subscription] = []
        self._consumed = 0
        self._consuming = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._lost = asyncio.Event()
        self._closing = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()

    async def add(self, subscription: Subscription) -> None:
        """Consume for one more service; where there is no broker, as soon as there is one."""
        self._subscriptions.append(subscription)
        if self._task is None:
            return
        try:
            async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                if self._connection is None:
                    await self.up.wait()
                else:
                    with noticed_as_loss():
                        await self._consume_all(self._connection)
        except Exception as error:
            _log.warning("subscribed-later", service=subscription.service, error=repr(error), trouble=self.trouble)
            self._lost.set()

    async def dead_letters(self, service: str) -> int:
        """How many events wait in a service's dead letter queue. Raises where the broker is away."""
        if self._connection is None:
            raise ConnectionError(self.trouble)
        with noticed_as_loss():
            return await depth(self._connection, dead_queue(service))

    async def close(self) -> None:
        """Begin no more deliveries, let those that are under way end, and then hang up."""
        self._closing.set()
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=_END_SECONDS)
        await super().close()

    async def _use(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        self._consumed, self._lost = 0, lost
        try:
            async with asyncio.timeout(SET_UP_SECONDS):
                await self._consume_all(connection)
            self._connection = connection
            self._works()
            await lost.wait()
        finally:
            self._connection = None
            await ended(list(self._deliveries))  # the broker gives them to somebody again

    async def _consume_all(self, connection: AbstractConnection) -> None:
        async with self._consuming:
            while self._consumed < len(self._subscriptions):
                await self._consume(connection, self._subscriptions[self._consumed])
                self._consumed += 1

    async def _consume(self, connection: AbstractConnection, subscription: Subscription) -> None:
        service, lost = subscription.service, self._lost
        await self._prepare(connection, topology_of(service, subscription.types))
        for name in queues_read_by(service, subscription.types):
            channel = await connection.channel()
            ends_with(channel, lost)
            # A queue that is deleted, or whose leader moved, takes the consumer away and leaves the channel open.
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lambda _: lost.set())
            await channel.set_qos(prefetch_count=_PREFETCH)
            places = asyncio.Semaphore(_URGENT_AT_ONCE if name == urgent_queue(service) else _TRIES_AT_ONCE)
            queue = await channel.get_queue(name, ensure=False)
            await queue.consume(self._taker(_in_places(subscription, places), lost))

    def _taker(self, subscription: Subscription, lost: asyncio.Event) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
        async def take(message: AbstractIncomingMessage) -> None:
            if lost.is_set():
                return  # it comes again by the next connection, and must not be on its way twice
            # The client would end work of its own kind with the channel: this is ours, and ended by us.
            delivery = asyncio.create_task(self._settle(subscription, message), name=f"{subscription.service} delivery")
            self._deliveries.add(delivery)
            delivery.add_done_callback(self._settled)

        return take

    def _settled(self, delivery: "asyncio.Task[None]") -> None:
        self._deliveries.discard(delivery)
        if not delivery.cancelled() and (error := delivery.exception()) is not None:
            # Most often the channel that it came by is gone: the broker gives it to somebody again.
            _log.warning("delivery-not-acknowledged", session=self._name, error=repr(error))

    async def _settle(self, subscription: Subscription, message: AbstractIncomingMessage) -> None:
        if self._closing.is_set():
            return
        try:
            envelope = envelope_in(message)
        except NotAnEvent as error:
            self._refused.labels(subscription.service).inc()
            _log.error(
                "event-refused",
                service=subscription.service,
                routing_key=message.routing_key,
                message_id=message.message_id,
                reason=str(error),
            )
            await message.reject(requeue=False)
            return
        if envelope.type not in subscription.types:
            await self._hand_back(subscription, message, envelope)
            return
        try:
            await deliver(subscription, envelope, self._closing)
        except BusClosed:
            return  # not acknowledged: the broker keeps it
        await message.ack()

    async def _hand_back(self, subscription: Subscription, message: AbstractIncomingMessage, envelope: Envelope) -> None:
        """A type that this release does not read: a replica of a newer one may, while both run."""
        _log.warning("type-not-read", service=subscription.service, event_id=str(envelope.id), type=envelope.type)
        await asyncio.sleep(_HAND_BACK_SECONDS)
        await message.reject(requeue=True)


def _in_places(subscription: Subscription, places: asyncio.Semaphore) -> Subscription:
    """The same subscription, of which only so many are tried at once."""

    async def try_(envelope: Envelope) -> None:
        async with places:
            await subscription.deliver(envelope)

    return replace(subscription, deliver=try_)
