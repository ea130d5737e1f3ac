"""The broker is stopped, killed, paused, or drops its connections: requests are answered, nothing is lost, nothing counts twice."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import func, select

from shared.contracts.base import Envelope
from shared.kit.app import Kit
from shared.kit.bus import NotPublished
from shared.kit.clock import TestClock
from shared.kit.consumers import Consumers
from shared.kit.metrics import Metrics
from shared.kit.rabbit import publisher, receiver
from shared.kit.transaction import Transaction
from tests.house import eventually, logged, running
from tests.rabbitmq import RabbitNode
from tests.reader import Reader, envelope_of_type
from tests.service.kit.test_rabbit import POOL_CHANGED, bus_at, taken
from tests.service.kit.toy import NoteTaken, kit_of, toy_app

Deed = Callable[[RabbitNode], Awaitable[None]]


async def _kill(broker: RabbitNode) -> None:
    await broker.settle()
    await broker.kill()


async def _start(broker: RabbitNode) -> None:
    await broker.start()


async def _pause(broker: RabbitNode) -> None:
    broker.pause()


async def _resume(broker: RabbitNode) -> None:
    broker.resume()


async def _stop_app(broker: RabbitNode) -> None:
    await broker.stop_app()


async def _start_app(broker: RabbitNode) -> None:
    await broker.start_app()


async def _rows(kit: Kit, table: str) -> int:
    async with kit.database.transaction() as tx:
        return (await tx.session.scalar(select(func.count()).select_from(kit.database.tables.metadata.tables[f"toy.{table}"]))) or 0


async def _take(toy: httpx.AsyncClient, when: str, count: int) -> None:
    for number in range(count):
        assert (await toy.post("/v1/notes", json={"name": f"{when} {number}", "words": f"{when} {number}"})).status_code == 201


@pytest.mark.parametrize(
    ("harm", "mend"), [(_kill, _start), (_pause, _resume), (_stop_app, _start_app)], ids=["killed", "paused", "stopped"]
)
async def test_from_outbox_to_inbox_whatever_becomes_of_the_broker_meanwhile(
    broker: RabbitNode, toy_url: str, clock: TestClock, monkeypatch: pytest.MonkeyPatch, harm: Deed, mend: Deed
) -> None:
    monkeypatch.setattr(publisher, "_CONFIRM_SECONDS", 0.3)  # a paused broker is asked again soon, and has both in the end
    consumers, heard = Consumers(), set()

    @consumers.on(NoteTaken)
    async def hear(_tx: Transaction, event: NoteTaken) -> None:
        heard.add(event.name)

    metrics = Metrics()
    async with bus_at(broker.url_of(await broker.vhost()), metrics=metrics) as bus:
        app = toy_app(toy_url, bus, clock, metrics, consumers=consumers)
        kit = kit_of(app)
        kit.checks["broker"] = bus.check
        async with running(app) as toy:
            await _take(toy, "before", 5)
            await harm(broker)
            await _take(toy, "meanwhile", 20)
            assert (await toy.get("/readyz")).status_code == 200
            await mend(broker)
            await _take(toy, "after", 5)

            async def all_handled() -> bool:
                return await _rows(kit, "outbox") == 0 and len(heard) == 30

            await eventually(all_handled, "everything was told and heard")
            shown = (await toy.get("/metrics")).text
            assert await _rows(kit, "inbox") == 30
            assert await _rows(kit, "dead_letter") == 0
    assert 'license_events_handled_total{outcome="handled",service="toy",type="toy.note-taken.v1"} 30.0' in shown


async def test_a_bus_whose_broker_is_away_says_so_and_works_as_soon_as_it_is_back(broker: RabbitNode) -> None:
    url = broker.url_of(await broker.vhost()).replace("guest:guest", "guest:gu%65st")
    reader, metrics = Reader(service="toy"), Metrics()
    async with bus_at(url) as bus:
        await bus.publish(envelope_of_type())
        broker.pause()
        cancelled, lost = (asyncio.create_task(bus.publish(envelope_of_type())) for _ in range(2))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await broker.kill()
        with pytest.raises(NotPublished):
            await lost
    with logged() as lines:
        async with bus_at(url, reader, metrics=metrics) as bus:
            with pytest.raises(NotPublished, match="the broker is away: "):
                await bus.publish(envelope_of_type())
            finding = await bus.check()
            assert finding is not None
            assert finding.startswith("the broker is away: ")
            assert 'license_bus_connected{service="guest"} 0.0' in (await metrics.exposition())[0].decode()
            await broker.start()

            async def back() -> bool:
                return await bus.check() is None

            await eventually(back, "it is connected")
            await bus.publish(envelope_of_type(subject="after"))
            await taken(reader, "after")
            assert 'license_bus_connected{service="guest"} 1.0' in (await metrics.exposition())[0].decode()
    said = [(line["session"], line["trouble"]) for line in lines if line["event"] == "broker-away"]
    assert len(said) == len(set(said)), "the same is not said at every try"
    assert not [line for line in lines if "creating transport" in line["event"]], "nor by the client"
    assert "gu%65st" not in f"{lines}{finding}"
    assert "guest:guest" not in f"{lines}{finding}"


async def test_a_delivery_whose_connection_was_lost_is_given_again_and_acknowledged_then(broker: RabbitNode) -> None:
    reader = Reader(service="toy")
    reader.hold = asyncio.Event()
    vhost = await broker.vhost()
    async with bus_at(broker.url_of(vhost), reader) as bus:
        for number in range(3):
            await bus.publish(envelope_of_type(subject=f"{number}"))

        async def begun(times: int) -> bool:
            return reader.tried == times

        await eventually(lambda: begun(3), "all are under way")
        await broker.control("close_all_connections", "--vhost", vhost, "as a test says")
        await eventually(lambda: begun(6), "all are given again")
        reader.hold.set()
        await taken(reader, "0", "1", "2")

        async def settled() -> bool:
            listed = await broker.control("list_queues", "--vhost", vhost, "--no-table-headers", "name", "messages")
            return "toy\t0" in listed

        await eventually(settled, "all are acknowledged")
    assert len(reader.taken) == 3


async def test_nothing_is_begun_by_a_connection_that_is_given_up(broker: RabbitNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be on its way twice: the next connection is given it, too."""
    monkeypatch.setattr(receiver, "_END_SECONDS", 0.1)
    reader = Reader(types=(POOL_CHANGED,), service="alarms")
    rolled_back, begun = asyncio.Event(), []

    async def deliver(envelope: Envelope) -> None:
        begun.append(envelope.subject)
        try:
            await asyncio.Event().wait()
        finally:
            await _whatever_comes(rolled_back)

    object.__setattr__(reader.subscription, "deliver", deliver)
    vhost = await broker.vhost()
    async with bus_at(broker.url_of(vhost), reader) as bus, AsyncExitStack() as stack:
        stack.callback(rolled_back.set)
        await bus.publish(envelope_of_type(POOL_CHANGED, "early"))

        async def early_begun() -> bool:
            return begun == ["early"]

        await eventually(early_begun, "one is under way")
        bus._receiver._lost.set()
        await bus.publish(envelope_of_type(POOL_CHANGED, "late"))

        async def both_out() -> bool:
            return "alarms\t2" in await broker.control("list_queues", "--vhost", vhost, "name", "messages_unacknowledged")

        await eventually(both_out, "the connection that is given up was given the late one")
        assert begun == ["early"]
        rolled_back.set()

        async def again() -> bool:
            return sorted(begun) == ["early", "early", "late"]

        await eventually(again, "both are given to the next connection")


async def _whatever_comes(event: asyncio.Event) -> None:
    """As a driver that has to clean up first."""
    while not event.is_set():
        try:
            await event.wait()
        except asyncio.CancelledError:
            continue
