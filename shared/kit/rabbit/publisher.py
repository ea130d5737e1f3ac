"""Hands envelopes to the broker, and knows when it has them.

A connection of its own: where the broker is short of memory or disk it stops whoever publishes, and acknowledgements must go on.

Must not be broken: ``publish`` returns only after the broker's confirmation, and a type that somebody must hear is mandatory: an
exchange without a queue for it confirms, too.
"""

import asyncio

from aio_pika.abc import AbstractConnection, AbstractExchange

from shared.contracts.base import Envelope
from shared.contracts.readers import READERS, types_read_by
from shared.kit.bus import NotPublished
from shared.kit.rabbit.declaring import declare
from shared.kit.rabbit.message import message_of
from shared.kit.rabbit.session import SET_UP_SECONDS, Session, ends_with, noticed_as_loss
from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE, Topology, topology_of

_WAIT_FOR_BROKER_SECONDS = 1.0
_CONFIRM_SECONDS = 10.0


class Publisher(Session):
    """The sending side of one process."""

    def __init__(self, url: str, name: str, *, declaring: bool) -> None:
        super().__init__(url, f"{name} publishes")
        self._declaring = declaring
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._routed: set[str] = set()
        self._routing = asyncio.Lock()

    async def _use(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        async with asyncio.timeout(SET_UP_SECONDS):
            if self._declaring:
                await declare(connection, Topology((), ()))
            channel = await connection.channel(on_return_raises=True)
            ends_with(channel, lost)
            self._exchange = await channel.declare_exchange(EXCHANGE, EXCHANGE_TYPE, passive=True)
        self._connection = connection
        self._routed.clear()
        self._works()
        await lost.wait()

    async def publish(self, envelope: Envelope) -> None:
        """Returns when the broker has it for good. Raises NotPublished, after a second where there is no broker."""
        try:
            async with asyncio.timeout(_WAIT_FOR_BROKER_SECONDS):
                await self.up.wait()
        except TimeoutError:
            raise NotPublished(f"the broker is away: {self.trouble}") from None
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                with noticed_as_loss():
                    await self._publish(envelope)
        except TimeoutError:
            raise NotPublished(f"not confirmed within {_CONFIRM_SECONDS:g} s") from None
        except Exception as error:
            raise NotPublished(repr(error)) from error

    async def _publish(self, envelope: Envelope) -> None:
        assert self._exchange is not None
        if self._declaring:
            await self._route(envelope.type)
        await self._exchange.publish(message_of(envelope), envelope.type, mandatory=envelope.type in READERS)

    async def _route(self, event_type: str) -> None:
        """See that whoever must hear of it has a queue, also one who has never run yet."""
        if event_type in self._routed or event_type not in READERS:
            return
        async with self._routing:
            if event_type in self._routed:
                return
            assert self._connection is not None
            for reader in sorted(READERS[event_type]):
                await declare(self._connection, topology_of(reader, types_read_by(reader)))
            self._routed.add(event_type)
