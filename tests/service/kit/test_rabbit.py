"""What only the bus over RabbitMQ promises: confirmed or not published, acknowledged after the commit or given to somebody again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from shared.contracts.base import Envelope
from shared.contracts.readers import URGENT, types_read_by
from shared.kit.bus import NotPublished
from shared.kit.metrics import Metrics
from shared.kit.rabbit import RabbitBus, receiver
from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE, REDELIVERIES, dead_queue, topology_of, urgent_queue
from tests.house import eventually, logged
from tests.reader import FACT, Reader, envelope_of_type

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
POOL_CHANGED = "ledger.pool-changed.v1"
HEART_BEATEN = "ledger.heart-beaten.v1"


@asynccontextmanager
async def bus_at(url: str, *readers: Reader, metrics: Metrics | None = None, declare: bool = True) -> AsyncIterator[RabbitBus]:
    """A process's bus."""
    bus = RabbitBus(url, metrics or Metrics(), declare=declare)
    await bus.start()
    try:
        for reader in readers:
            await bus.subscribe(reader.subscription)
        yield bus
    finally:
        await bus.close()


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """The broker past the bus."""
    connection = await aio_pika.connect(amqp_url)
    async with connection, connection.channel() as channel:
        yield channel


async def taken(reader: Reader, *subjects: str) -> None:
    async def all_there() -> bool:
        return set(reader.subjects) >= set(subjects)

    await eventually(all_there, f"{subjects} reached {reader.subscription.service}")


async def waiting_in(channel: AbstractChannel, queue: str, count: int) -> None:
    async def there() -> bool:
        return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count == count

    await eventually(there, f"{count} in {queue}")


async def test_an_envelope_travels_as_a_persistent_cloud_event_that_names_itself(amqp_url: str, channel: AbstractChannel) -> None:
    exchange = await channel.declare_exchange(EXCHANGE, EXCHANGE_TYPE, durable=True)
    queue = await channel.declare_queue("seen", durable=True, arguments={"x-queue-type": "quorum"})
    for key in (FACT, HEART_BEATEN):
        await queue.bind(exchange, key)
    said = envelope_of_type(traceparent=TRACE, data={"words": "ü"})
    async with bus_at(amqp_url) as bus:
        await bus.publish(said)
        await bus.publish(envelope_of_type(HEART_BEATEN))
    fact = await queue.get(timeout=5)
    beat = await queue.get(timeout=5)
    assert fact is not None
    assert beat is not None
    assert Envelope.model_validate_json(fact.body) == said
    assert json.loads(fact.body)["specversion"] == "1.0"
    assert (fact.routing_key, fact.message_id, fact.type) == (FACT, str(said.id), FACT)
    assert (fact.content_type, fact.delivery_mode) == ("application/cloudevents+json", aio_pika.DeliveryMode.PERSISTENT)
    assert fact.headers["traceparent"] == TRACE
    assert (fact.expiration, beat.expiration) == (None, 15.0)


async def test_a_reader_that_has_never_run_finds_what_was_said_before(amqp_url: str) -> None:
    async with bus_at(amqp_url) as bus:
        await bus.publish(envelope_of_type(POOL_CHANGED, "early"))
    reader = Reader(types=tuple(types_read_by("alarms")), service="alarms")
    async with bus_at(amqp_url, reader):
        await taken(reader, "early")


async def test_what_somebody_must_hear_is_not_published_as_long_as_nobody_can(amqp_url: str, channel: AbstractChannel) -> None:
    await channel.declare_exchange(EXCHANGE, EXCHANGE_TYPE, durable=True)
    async with bus_at(amqp_url, declare=False) as bus:
        with pytest.raises(NotPublished, match="NO_ROUTE"):
            await bus.publish(envelope_of_type(POOL_CHANGED))
        await bus.publish(envelope_of_type(FACT))  # nobody has to
        reader = Reader(types=tuple(types_read_by("alarms")), service="alarms")
        async with bus_at(amqp_url, reader):
            await bus.publish(envelope_of_type(POOL_CHANGED, "heard"))
            await taken(reader, "heard")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not an envelope: body"),
        (envelope_of_type(FACT).model_dump_json(exclude={"subject"}).encode(), "not an envelope: subject"),
        (envelope_of_type("ledger.fact.v1").model_dump_json().encode(), "its type is not its routing key"),
        (envelope_of_type(FACT, source="/ledger").model_dump_json().encode(), "its source is not the owner of its type"),
    ],
)
async def test_a_message_that_is_no_event_of_its_keys_owner_is_put_aside_at_once(
    amqp_url: str, channel: AbstractChannel, body: bytes, reason: str
) -> None:
    reader, metrics = Reader(service="toy"), Metrics()
    with logged() as lines:
        async with bus_at(amqp_url, reader, metrics=metrics) as bus:
            exchange = await channel.get_exchange(EXCHANGE)
            await exchange.publish(aio_pika.Message(body, message_id="forged"), FACT)
            await bus.publish(envelope_of_type(subject="next"))
            await taken(reader, "next")
            await waiting_in(channel, dead_queue("toy"), 1)
            shown = (await metrics.exposition())[0].decode()
    (line,) = [line for line in lines if line["event"] == "event-refused"]
    assert (line["service"], line["routing_key"], line["message_id"], line["reason"]) == ("toy", FACT, "forged", reason)
    assert reader.subjects == ["next"]
    assert 'license_events_refused_total{service="toy"} 1.0' in shown
    assert 'license_dead_letters{service="toy"} 1.0' in shown


async def test_what_is_urgent_passes_facts_that_are_stuck(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_END_SECONDS", 0.1)
    reader = Reader(types=(POOL_CHANGED, HEART_BEATEN), service="alarms")
    stuck = 0

    async def deliver(envelope: Envelope) -> None:
        nonlocal stuck
        if envelope.type == POOL_CHANGED:
            stuck += 1
            await asyncio.Event().wait()
        reader.taken.append(envelope)

    object.__setattr__(reader.subscription, "deliver", deliver)
    async with bus_at(amqp_url, reader) as bus:
        for _ in range(receiver._PREFETCH + 10):
            await bus.publish(envelope_of_type(POOL_CHANGED))

        async def all_places_taken() -> bool:
            return stuck == receiver._TRIES_AT_ONCE

        await eventually(all_places_taken, "every place is taken by a fact that hangs")
        await bus.publish(envelope_of_type(HEART_BEATEN, "alive"))
        await taken(reader, "alive")
        assert stuck == receiver._TRIES_AT_ONCE


async def test_what_was_not_settled_goes_to_another_replica_and_what_was_does_not(amqp_url: str, channel: AbstractChannel) -> None:
    first, second = Reader(service="toy"), Reader(service="toy")
    async with AsyncExitStack() as stopping:
        bus = await stopping.enter_async_context(bus_at(amqp_url, first))
        await bus.publish(envelope_of_type(subject="settled"))
        await taken(first, "settled")
        first._errors = [TimeoutError() for _ in range(1000)]
        object.__setattr__(first.subscription, "delivery_limit", 1000)
        await bus.publish(envelope_of_type(subject="open"))

        async def tried() -> bool:
            return first.tried > 1

        await eventually(tried, "the first fails")
    async with bus_at(amqp_url, second):
        await taken(second, "open")
    assert (first.subjects, second.subjects) == (["settled"], ["open"])
    await waiting_in(channel, "toy", 0)


async def test_a_delivery_under_way_is_finished_and_acknowledged_before_the_bus_closes(amqp_url: str, channel: AbstractChannel) -> None:
    reader = Reader(service="toy")
    reader.hold = asyncio.Event()
    async with bus_at(amqp_url, reader) as bus:
        await bus.publish(envelope_of_type())

        async def begun() -> bool:
            return reader.tried == 1

        await eventually(begun, "it is under way")
        closing = asyncio.create_task(bus.close())
        await asyncio.sleep(0)
        reader.hold.set()
        await closing
    assert reader.subjects == ["x"]
    await waiting_in(channel, "toy", 0)


async def test_replicas_share_the_events_of_their_service(amqp_url: str) -> None:
    first, second = Reader(service="toy"), Reader(service="toy")
    first.hold = second.hold = asyncio.Event()
    async with bus_at(amqp_url, first) as bus, bus_at(amqp_url, second):
        for number in range(50):
            await bus.publish(envelope_of_type(subject=f"{number}"))

        async def both_begun() -> bool:
            return bool(first.tried and second.tried)

        await eventually(both_begun, "both have some of them")
        first.hold.set()

        async def all_there() -> bool:
            return len(first.taken) + len(second.taken) >= 50

        await eventually(all_there, "all were taken")
    assert sorted(first.subjects + second.subjects) == sorted(map(str, range(50)))


async def test_a_type_that_only_the_newer_replica_reads_reaches_it(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_HAND_BACK_SECONDS", 0.05)
    older, newer = Reader(service="toy"), Reader(types=(FACT, "toy.newer.v1"), service="toy")
    async with bus_at(amqp_url, older) as bus, bus_at(amqp_url, newer):
        for number in range(10):
            await bus.publish(envelope_of_type("toy.newer.v1", f"{number}"))
        await taken(newer, *map(str, range(10)))
    assert older.taken == []


async def test_an_event_with_which_processes_die_again_and_again_becomes_a_dead_letter(amqp_url: str, channel: AbstractChannel) -> None:
    async with bus_at(amqp_url, Reader(service="toy")):
        pass
    exchange = await channel.get_exchange(EXCHANGE)
    await exchange.publish(aio_pika.Message(b"deadly"), FACT)
    queue = await channel.get_queue("toy")
    for _ in range(REDELIVERIES + 1):
        message = await queue.get(timeout=5)
        assert message is not None
        await message.reject(requeue=True)
    await waiting_in(channel, dead_queue("toy"), 1)
    assert await queue.get(fail=False) is None


async def test_a_queue_that_is_deleted_is_there_again_and_heard(amqp_url: str, channel: AbstractChannel) -> None:
    """The broker takes the consumer away and leaves its channel open: nothing would come any more."""
    reader = Reader(service="toy")
    async with bus_at(amqp_url, reader) as bus:
        await bus.publish(envelope_of_type(subject="before"))
        await taken(reader, "before")
        await channel.queue_delete("toy")

        async def again() -> bool:
            await bus.publish(envelope_of_type(subject="after"))
            return "after" in reader.subjects

        await eventually(again, "events arrive again")


async def test_signs_of_life_that_nobody_takes_vanish_and_leave_no_dead_letters(amqp_url: str, channel: AbstractChannel) -> None:
    reader = Reader(types=tuple(URGENT), service="toy")
    async with bus_at(amqp_url, reader):
        pass
    exchange = await channel.get_exchange(EXCHANGE)
    await exchange.publish(aio_pika.Message(b"", expiration=0.01, timestamp=datetime.now(UTC)), HEART_BEATEN)
    await waiting_in(channel, urgent_queue("toy"), 0)
    await waiting_in(channel, dead_queue("toy"), 0)


def test_every_queue_is_replicated_and_none_drops_a_fact() -> None:
    dead, facts, urgent = topology_of("toy", {FACT, HEART_BEATEN}).queues
    assert {queue.arguments["x-queue-type"] for queue in (dead, facts, urgent)} == {"quorum"}
    assert not {"x-max-length", "x-message-ttl", "x-expires"} & {name for queue in (dead, facts, urgent) for name in queue.arguments}
