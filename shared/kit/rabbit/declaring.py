"""Puts the topology onto the broker, or sees that it is there where the process may not.

A queue's arguments are those of topology.py; a queue that stands with others is an error of whoever set up the broker.
"""

from aio_pika.abc import AbstractConnection

from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE, Topology


async def declare(connection: AbstractConnection, topology: Topology) -> None:
    """The exchange, the queues and their bindings; what stands already stays. Raises what the client raises."""
    async with connection.channel() as channel:
        exchange = await channel.declare_exchange(EXCHANGE, EXCHANGE_TYPE, durable=True)
        queues = {
            queue.name: await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments)) for queue in topology.queues
        }
        for binding in topology.bindings:
            await queues[binding.queue].bind(exchange, binding.routing_key)


async def look_up(connection: AbstractConnection, topology: Topology) -> None:
    """See that the exchange and the queues stand; needs no right to configure. Raises what the client raises."""
    async with connection.channel() as channel:
        await channel.declare_exchange(EXCHANGE, EXCHANGE_TYPE, passive=True)
        for queue in topology.queues:
            await channel.declare_queue(queue.name, passive=True)


async def depth(connection: AbstractConnection, queue: str) -> int:
    """How many messages wait in a queue."""
    async with connection.channel() as channel:
        found = await channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0
