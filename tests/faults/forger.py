"""Puts messages on the broker as one of the services could: with its own account, which may tell facts of its own only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractExchange

from shared.contracts.base import Envelope, Event
from shared.kit.clock import SystemClock
from shared.kit.rabbit.message import message_of
from shared.kit.topology import EXCHANGE
from shared.kit.transaction import envelope_of
from tests.faults.production import VHOST, Production


@dataclass
class Forger:
    """One service's account."""

    service: str
    exchange: AbstractExchange

    def envelope(self, event: Event) -> Envelope:
        """The envelope in which the service would tell it."""
        return envelope_of(event, self.service, SystemClock().now())

    async def tell(self, envelope: Envelope, times: int = 1) -> None:
        """The same envelope, so often; returns when the broker has it."""
        for _ in range(times):
            await self.exchange.publish(message_of(envelope), envelope.type)

    async def tell_nonsense(self, event_type: str) -> None:
        """What cannot even be taken out of its envelope."""
        await self.exchange.publish(aio_pika.Message(b"{", message_id=str(uuid4())), event_type)


@asynccontextmanager
async def forging(made: Production, service: str) -> AsyncIterator[Forger]:
    password = (made.folder / "secrets" / f"broker_password_{service}").read_text("utf-8").strip()
    url = made.broker.url_of(VHOST, service, password)
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield Forger(service, await channel.get_exchange(EXCHANGE, ensure=False))
