"""Two replicas of the alarms share the broker's queues: what one hears holds for the other, and for whoever leads the timers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from services.alarms.app import create_app
from services.alarms.settings import AlarmsSettings
from shared.contracts.base import Event
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Kit
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.kit.rabbit import RabbitBus
from shared.kit.transaction import envelope_of
from tests.house import eventually, running
from tests.service.alarms.facts import beat, store_failed, store_recovered

STORE_ERROR = 'license_alarms_active{cluster="",name="CiscoLicenseDataStoreError",'


class Replica:
    """A running alarms service. It watches the ledger when a test says so: while a clock jumps nobody looked."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self._kit: Kit = app.state.kit
        self.get = client.get

    async def look(self) -> None:
        await self._kit.plan.timers.run_once(self._kit.database, "watch_ledger")


@asynccontextmanager
async def _replica(database_url: str, amqp_url: str, clock: TestClock) -> AsyncIterator[Replica]:
    metrics = Metrics()
    bus = RabbitBus(amqp_url, metrics)
    await bus.start()
    settings = AlarmsSettings(database_url=database_url, watch_seconds=3600, outbox_poll_seconds=0.05)
    async with AsyncExitStack() as undo:
        app = create_app(settings, bus, clock, metrics)
        client = await undo.enter_async_context(running(app))
        undo.push_async_callback(bus.close)
        yield Replica(app, client)


@pytest.fixture
async def replicas(database_url: str, amqp_url: str, clock: TestClock) -> AsyncIterator[list[Replica]]:
    async with _replica(database_url, amqp_url, clock) as first, _replica(database_url, amqp_url, clock) as second:
        yield [first, second]


@pytest.fixture
async def ledgers_bus(amqp_url: str) -> AsyncIterator[RabbitBus]:
    bus = RabbitBus(amqp_url, Metrics())
    await bus.start()
    yield bus
    await bus.close()


async def _figures(replicas: list[Replica], sample: str) -> list[float]:
    """The value of a sample on each replica; 0 where it does not show it."""
    pages = [(await replica.get("/metrics")).text for replica in replicas]
    return [sum(float(row.rpartition(" ")[2]) for row in page.splitlines() if row.startswith(sample)) for page in pages]


async def _say(bus: RabbitBus, fact: Event, clock: TestClock) -> None:
    await bus.publish(envelope_of(fact, "ledger", clock.now()))


async def _down(replicas: list[Replica]) -> list[list[str]]:
    """The states of ManagerDown as each replica tells them."""
    pages = [await replica.get("/v1/alarms", params={"name": "CiscoLicenseManagerDown"}) for replica in replicas]
    return [[alarm["state"] for alarm in page.json()["items"]] for page in pages]


async def test_a_heartbeat_that_either_replica_hears_is_a_sign_of_life_for_the_one_that_watches(
    replicas: list[Replica], ledgers_bus: RabbitBus, clock: TestClock
) -> None:
    handled = f'license_events_handled_total{{outcome="handled",service="alarms",type="{LedgerHeartBeaten.type}"}}'
    for number in range(1, 11):
        await _say(ledgers_bus, beat(clock.now()), clock)

        async def noted(so_many: int = number) -> bool:
            return sum(await _figures(replicas, handled)) == so_many

        await eventually(noted, "the beat was noted")
        clock.advance(timedelta(seconds=8))  # too long twice over, were it not for the beats of the other
        for replica in replicas:
            await replica.look()
    assert all(await _figures(replicas, handled)), "both heard some of them"
    assert await _down(replicas) == [[], []]
    clock.advance(timedelta(seconds=8))
    await replicas[0].look()
    assert await _down(replicas) == [["active"], ["active"]]
    await _say(ledgers_bus, beat(clock.now()), clock)

    async def up() -> bool:
        return await _down(replicas) == [["cleared"], ["cleared"]]

    await eventually(up, "the next beat ends it")


async def test_a_failing_store_is_shown_by_both_replicas_whichever_heard_of_it(
    replicas: list[Replica], ledgers_bus: RabbitBus, clock: TestClock
) -> None:
    for failed_at in (0, 100, 200):
        for fact, shown in ((store_failed(failed_at), 1.0), (store_recovered(failed_at + 50, failed_at), 0.0)):
            await _say(ledgers_bus, fact, clock)

            async def both_show(wanted: float = shown) -> bool:
                return await _figures(replicas, STORE_ERROR) == [wanted, wanted]

            await eventually(both_show, f"both show {shown:g} after {fact}")
