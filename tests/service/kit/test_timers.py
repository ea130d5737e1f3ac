"""Timers: one replica's run, a failure is reported and tried again, and a lost lead is given up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction
from tests.house import RememberingBus, eventually, running
from tests.service.kit.toy import NoteTaken, ToyErrorOccurred, kit_of, toy_app, write

OFTEN = 0.01


def _counting(runs: list[str], name: str) -> Timers:
    async def count(_tx: Transaction) -> None:
        runs.append(name)

    timers = Timers()
    timers.every(OFTEN, count)
    return timers


def _more_than(runs: list[str], count: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(runs) > count

    return look


async def test_a_timer_that_fails_is_told_and_tried_again(toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> None:
    tried: list[str] = []

    async def write_with_trouble(tx: Transaction) -> None:
        tried.append("run")
        if len(tried) < 3:
            raise LookupError
        if len(tried) == 3:
            await write(tx, "by the clock", "w")

    timers = Timers()
    timers.every(OFTEN, write_with_trouble)
    async with running(toy_app(toy_url, bus, clock, metrics, timers=timers)):
        assert [fact.name for fact in await bus.hear(NoteTaken)] == ["by the clock"]
        faults = await bus.hear(ToyErrorOccurred, 2)
    assert {fault.operation for fault in faults} == {"timer write_with_trouble"}
    assert len({fault.correlation_id for fault in faults}) == 2


async def test_a_timer_that_never_ends_does_not_keep_the_others(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    runs: list[str] = []
    timers = _counting(runs, "runs")

    async def wait_for_ever(_tx: Transaction) -> None:
        await asyncio.Event().wait()

    timers.every(OFTEN, wait_for_ever)
    async with running(toy_app(toy_url, bus, clock, Metrics(), timers=timers)):
        await eventually(_more_than(runs, 3), "the other timer runs")


async def test_of_two_replicas_one_runs_the_timers_and_the_other_takes_over(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    runs: list[str] = []
    first = toy_app(toy_url, bus, clock, Metrics(), timers=_counting(runs, "first"))
    second = toy_app(toy_url, bus, clock, Metrics(), timers=_counting(runs, "second"))
    async with running(first):
        await eventually(_more_than(runs, 0), "the first runs")
        async with running(second):
            await eventually(_more_than(runs, 20), "the first runs on")
            assert set(runs) == {"first"}
        await eventually(_more_than(runs, len(runs)), "the first still runs")
        assert set(runs) == {"first"}
    runs.clear()
    async with running(second):
        await eventually(_more_than(runs, 0), "the second runs once the first is gone")


async def test_a_lost_lead_stops_the_timers(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    """Otherwise two replicas would run them for ever after a short absence of the database."""
    runs: list[str] = []
    app = toy_app(toy_url, bus, clock, Metrics())
    kit, timers = kit_of(app), _counting(runs, "runs")
    async with kit.database.connection() as lead:
        process = await lead.scalar(text("SELECT pg_backend_pid()"))
        leading = asyncio.create_task(timers._lead(lead, kit.database, kit.faults))
        await eventually(_more_than(runs, 0), "the timer runs")
        assert "timer count" in {task.get_name() for task in asyncio.all_tasks()}
        async with kit.database.transaction() as tx:
            await tx.session.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
        with pytest.raises(DBAPIError):
            await leading
        assert "timer count" not in {task.get_name() for task in asyncio.all_tasks()}
    await kit.database.close()


async def test_a_test_may_run_a_timer_and_what_is_old_is_forgotten(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    app = toy_app(toy_url, bus, clock, Metrics())
    async with running(app) as toy:
        kit = kit_of(app)
        inbox, idempotency = kit.database.tables.inbox, kit.database.tables.idempotency
        await toy.post("/v1/notes", json={"name": "a", "words": "w"}, headers={"Idempotency-Key": "k"})
        async with kit.database.transaction() as tx:
            await tx.session.execute(inbox.insert().values(event_id="4bf92f35-77b3-4da6-a3ce-929d0e0e4736"))

        async def kept() -> list[int]:
            await kit.plan.timers.run_once(kit.database, "forget_old_ids")
            async with kit.database.transaction() as tx:
                return [await tx.session.scalar(select(func.count()).select_from(table)) or 0 for table in (inbox, idempotency)]

        clock.advance(timedelta(days=13))
        assert await kept() == [1, 1]
        clock.advance(timedelta(days=2))
        assert await kept() == [0, 0]
