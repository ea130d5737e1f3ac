"""A service tells of its own troubles: the store's past the outbox, its recovery, and every error that nobody foresaw, once."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from shared.contracts.base import Envelope
from shared.kit.bus import NotPublished
from shared.kit.clock import TestClock
from shared.kit.logs import configure_logs
from shared.kit.metrics import Metrics
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.transaction import Transaction
from tests.house import RememberingBus, eventually, running
from tests.service.kit.toy import NoteTaken, ToyErrorOccurred, ToyStoreFailed, ToyStoreRecovered, kit_of, toy_app

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logs(stream)
    yield stream
    root.handlers, root.level = before, level


async def _take(toy: httpx.AsyncClient, name: str) -> httpx.Response:
    return await toy.post("/v1/notes", json={"name": name, "words": name})


async def test_a_store_that_crashes_is_told_past_the_outbox_and_its_return_too(
    fragile: EmbeddedPostgres, bus: RememberingBus, clock: TestClock
) -> None:
    async with running(toy_app(fragile.url(), bus, clock, Metrics())) as toy:
        assert (await _take(toy, "before")).status_code == 201
        await bus.hear(NoteTaken)
        await fragile.stop(mode="immediate")
        for _ in range(3):
            away = await _take(toy, "lost")
            assert (away.status_code, away.json()["type"]) == (503, "urn:licensing:problem:data-store-unavailable")
            assert away.headers["retry-after"] == "5"
        assert (await toy.get("/livez")).status_code == 200
        ready = await toy.get("/readyz")
        assert (ready.status_code, set(ready.json()["checks"])) == (503, {"process", "database", "schema"})
        (failed,) = await bus.hear(ToyStoreFailed)
        assert (failed.service, len(failed.correlation_id)) == ("toy", 32)
        await fragile.start_again()
        (recovered,) = await bus.hear(ToyStoreRecovered)
        assert recovered.failed_at == failed.at

        async def taken() -> bool:
            return (await _take(toy, "after")).status_code == 201

        await eventually(taken, "notes are taken again")

        async def both() -> bool:
            return {fact.name for fact in bus.heard(NoteTaken)} == {"before", "after"}  # each at least once

        await eventually(both, "what was stored before and after is told")
        notes = [item["name"] for item in (await toy.get("/v1/notes")).json()["items"]]
    assert {"before", "after"} <= set(notes)
    assert "lost" not in notes
    assert len(bus.heard(ToyStoreFailed)) == len(bus.heard(ToyStoreRecovered)) == 1


async def test_an_error_that_nobody_foresaw_is_told_once_with_the_trace_of_its_request(
    toy_url: str, bus: RememberingBus, clock: TestClock, logs: io.StringIO
) -> None:
    async def fail(_tx: Transaction) -> None:
        raise LookupError("what was looked for")

    app = toy_app(toy_url, bus, clock, Metrics())
    app.state.errand = fail
    async with running(app) as toy:
        await toy.post("/v1/errands", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "licensing-caller": "ada"})
        (fact,) = await bus.hear(ToyErrorOccurred)
        await _take(toy, "later")
        await bus.hear(NoteTaken)
    assert (fact.operation, fact.correlation_id, fact.error) == ("POST /v1/errands", TRACE, "LookupError")
    assert len(bus.heard(ToyErrorOccurred)) == 1
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    (logged,) = [line for line in lines if line["event"] == "internal-error"]
    assert (logged["trace_id"], logged["caller"], logged["operation"]) == (TRACE, "ada", "POST /v1/errands")
    assert logged["exception"][0]["exc_value"] == "what was looked for"
    (access,) = [line for line in lines if line["event"] == "request" and line["trace_id"] == TRACE]
    assert (access["method"], access["path"], access["status"]) == ("POST", "/v1/errands", 500)


async def test_what_a_caller_sent_is_not_in_the_logs(toy_url: str, bus: RememberingBus, clock: TestClock, logs: io.StringIO) -> None:
    async with running(toy_app(toy_url, bus, clock, Metrics())) as toy:
        for name in ("first", "second"):
            await toy.post("/v1/notes", json={"name": name, "words": "hunter2"})
        failed = await toy.post("/v1/notes", json={"name": "first", "words": "hunter2"})
        assert failed.status_code == 500
        await bus.hear(ToyErrorOccurred, 2)
    assert "duplicate key value" in logs.getvalue()
    assert "hunter2" not in logs.getvalue()


async def test_a_collision_is_no_alarm(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    async def take_too_long(tx: Transaction) -> None:
        await tx.session.execute(text("SELECT pg_sleep(30)"))

    app = toy_app(toy_url, bus, clock, Metrics(), statement_timeout_ms=100)
    app.state.errand = take_too_long
    async with running(app) as toy:
        busy = await toy.post("/v1/errands")
        assert (busy.status_code, busy.json()["type"], busy.headers["retry-after"]) == (503, "urn:licensing:problem:busy", "1")
        await _take(toy, "after")
        await bus.hear(NoteTaken)
    assert bus.heard(ToyErrorOccurred) == []
    assert bus.heard(ToyStoreFailed) == []


async def test_a_store_that_fails_while_nobody_calls_is_told_each_time(
    fragile: EmbeddedPostgres, bus: RememberingBus, clock: TestClock
) -> None:
    async with running(toy_app(fragile.url(), bus, clock, Metrics())):
        for times in (1, 2):
            await fragile.stop(mode="immediate")
            await bus.hear(ToyStoreFailed, times)
            await fragile.start_again()
            await bus.hear(ToyStoreRecovered, times)
    assert len(bus.heard(ToyStoreFailed)) == 2


class AbsentBus(RememberingBus):
    """A broker that is away for the first ``times``."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def publish(self, envelope: Envelope) -> None:
        if self.times and envelope.type == ToyStoreFailed.type:
            self.times -= 1
            raise NotPublished("the broker is away")
        await super().publish(envelope)


async def test_a_failing_store_is_told_as_soon_as_the_bus_is_back(
    fragile: EmbeddedPostgres, clock: TestClock, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kit.faults._FIRST_PAUSE_SECONDS", 0.01)
    bus = AbsentBus(times=3)
    async with running(toy_app(fragile.url(), bus, clock, Metrics())) as toy:
        await fragile.stop(mode="immediate")
        assert (await _take(toy, "lost")).status_code == 503
        (failed,) = await bus.hear(ToyStoreFailed)
        await fragile.start_again()

        async def over() -> bool:  # an earlier test may have left others in the outbox
            return failed.at in {fact.failed_at for fact in bus.heard(ToyStoreRecovered)}

        await eventually(over, "the recovery of this failure is told")
    await bus.close()
    assert [json.loads(line)["event"] for line in logs.getvalue().splitlines()].count("fault-not-told-yet") == 3
    assert len(bus.heard(ToyStoreFailed)) == 1


async def test_what_is_noticed_late_of_a_failure_that_was_told_and_is_over_is_not_told_again(
    fragile: EmbeddedPostgres, bus: RememberingBus, clock: TestClock
) -> None:
    app = toy_app(fragile.url(), bus, clock, Metrics())
    faults = kit_of(app).faults
    lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    async with running(app):
        seen_well = clock.now()
        await faults.report(lost, "a request")

        async def over() -> bool:
            return bool(bus.heard(ToyStoreRecovered)) and faults._failed_at is None

        await eventually(over, "the failure was told and is over")
        await faults.report(lost, "timers", unless_told_since=seen_well)
        assert len(bus.heard(ToyStoreFailed)) == 1
        await faults.report(lost, "timers", unless_told_since=clock.now())
        await bus.hear(ToyStoreFailed, 2)


async def test_an_error_that_cannot_be_told_for_want_of_room_is_logged_and_no_failure_of_the_store(
    toy_url: str, bus: RememberingBus, clock: TestClock, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kit.faults._TELL_SECONDS", 0.1)
    app = toy_app(toy_url, bus, clock, Metrics(), database_pool_size=2)
    database, faults = kit_of(app).database, kit_of(app).faults
    async with running(app), AsyncExitStack() as held:
        while True:
            try:
                async with asyncio.timeout(0.5):
                    await held.enter_async_context(database.engine.connect())
            except TimeoutError:
                break  # every connection is in use
        await faults.report(LookupError("ours"), "an errand")
    events = [json.loads(line)["event"] for line in logs.getvalue().splitlines()]
    assert "internal-error-not-told" in events
    assert bus.heard(ToyStoreFailed) == []
    assert bus.heard(ToyErrorOccurred) == []
