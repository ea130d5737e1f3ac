"""The life of an event: outbox, relay, bus, inbox, dead letter. At least once on the way, once in its effect."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from shared.contracts.base import Envelope
from shared.kit.clock import TestClock
from shared.kit.consumers import Consumers
from shared.kit.metrics import Metrics
from shared.kit.trace import current_trace
from shared.kit.transaction import Transaction
from tests.house import RememberingBus, eventually, logged, running
from tests.service.kit.plumbing import drained, rows
from tests.service.kit.toy import NoteTaken, kit_of, toy_app

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
Handler = Callable[[Transaction, NoteTaken], Awaitable[None]]


class DyingBus(RememberingBus):
    """A process that dies ``deaths`` times after the event was handed over and before the sender knows."""

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self.deaths = deaths

    async def publish(self, envelope: Envelope) -> None:
        await super().publish(envelope)
        if self.deaths:
            self.deaths -= 1
            raise ConnectionResetError("died between hand-over and deletion")


class SlowBus(RememberingBus):
    """Keeps every hand-over waiting until it is let go; remembers how many there were of one event at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.cancelled = 0
        self.most_at_once = 0
        self._now: Counter[UUID] = Counter()

    async def publish(self, envelope: Envelope) -> None:
        self._now[envelope.id] += 1
        self.most_at_once = max(self.most_at_once, *self._now.values())
        try:
            await super().publish(envelope)
            await self.go.wait()
            if self.cancelled:
                self.cancelled -= 1
                raise asyncio.CancelledError
        finally:
            self._now[envelope.id] -= 1


def _consuming(handler: Handler) -> Consumers:
    consumers = Consumers()
    consumers.on(NoteTaken)(handler)
    return consumers


async def test_an_event_leaves_the_outbox_when_its_reader_has_it_and_is_handled_once(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    heard: list[str] = []

    async def hear(_tx: Transaction, event: NoteTaken) -> None:
        heard.append(event.name)

    app = toy_app(toy_url, bus, clock, metrics, consumers=_consuming(hear))
    async with running(app) as toy:
        await toy.post("/v1/notes", json={"name": "a", "words": "w"})
        await drained(kit_of(app))
        assert heard == ["a"]
        assert await rows(kit_of(app), "inbox") == 1
        (envelope,) = bus.envelopes
        await bus.publish(envelope)  # a repetition
        await bus.publish(envelope)
        text_ = (await toy.get("/metrics")).text
    assert heard == ["a"]
    assert 'license_events_handled_total{outcome="handled",service="toy",type="toy.note-taken.v1"} 1.0' in text_
    assert 'license_events_handled_total{outcome="repeated",service="toy",type="toy.note-taken.v1"} 2.0' in text_
    assert 'license_events_published_total{service="toy",type="toy.note-taken.v1"} 1.0' in text_


async def test_a_death_between_hand_over_and_deletion_repeats_the_event_and_the_inbox_makes_it_once(
    toy_url: str, clock: TestClock, metrics: Metrics
) -> None:
    heard: list[str] = []

    async def hear(_tx: Transaction, event: NoteTaken) -> None:
        heard.append(event.name)

    bus = DyingBus(deaths=2)
    app = toy_app(toy_url, bus, clock, metrics, consumers=_consuming(hear))
    async with running(app) as toy:
        await toy.post("/v1/notes", json={"name": "a", "words": "w"})
        await drained(kit_of(app))
    await bus.close()
    assert [envelope.subject for envelope in bus.envelopes] == ["a", "a", "a"]
    assert heard == ["a"]


async def test_a_poison_event_becomes_a_dead_letter_is_counted_and_holds_nobody_up(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    heard: list[str] = []

    async def hear(tx: Transaction, event: NoteTaken) -> None:
        await tx.session.execute(text("INSERT INTO toy.note VALUES (:name, :name)"), {"name": f"heard {event.name}"})
        if event.name == "poison":
            raise LookupError("cannot be handled")
        heard.append(event.name)

    app = toy_app(toy_url, bus, clock, metrics, consumers=_consuming(hear), delivery_limit=3)
    async with running(app) as toy:
        for name in ("poison", "well"):
            await toy.post("/v1/notes", json={"name": name, "words": name})
        await drained(kit_of(app))
        counted = (await toy.get("/metrics")).text
        names = [item["name"] for item in (await toy.get("/v1/notes")).json()["items"]]
        dead = kit_of(app).database.tables.dead_letter
        async with kit_of(app).database.transaction() as tx:
            (letter,) = (await tx.session.execute(select(dead))).all()
        assert 'license_dead_letter_rows{service="toy"} 1.0' in counted
        for days, kept in ((179, 1), (2, 0)):
            clock.advance(timedelta(days=days))
            await kit_of(app).plan.timers.run_once(kit_of(app).database, "forget_old_ids")
            assert await rows(kit_of(app), "dead_letter") == kept
        assert 'license_dead_letter_rows{service="toy"} 0.0' in (await toy.get("/metrics")).text
    assert heard == ["well"]
    assert names == ["heard well", "poison", "well"]
    assert (letter.envelope["subject"], letter.error) == ("poison", "LookupError('cannot be handled')")
    assert 'license_events_handled_total{outcome="buried",service="toy",type="toy.note-taken.v1"} 1.0' in counted


async def test_events_that_fail_again_and_again_hold_up_no_later_one(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    heard: list[str] = []

    async def hear(_tx: Transaction, event: NoteTaken) -> None:
        if event.name.startswith("poison"):
            raise LookupError("cannot be handled")
        heard.append(event.name)

    app = toy_app(toy_url, bus, clock, metrics, consumers=_consuming(hear), delivery_limit=1_000_000)
    async with running(app) as toy:
        for name in (*(f"poison {n}" for n in range(20)), "well"):
            await toy.post("/v1/notes", json={"name": name, "words": name})

        async def passed() -> bool:
            return await rows(kit_of(app), "outbox") == 20

        await eventually(passed, "the later event has passed those that fail")
        assert heard == ["well"]
        await toy.post("/v1/notes", json={"name": "later", "words": "later"})
        await eventually(passed, "and so has the next")
    assert heard == ["well", "later"]


async def test_a_row_is_handed_over_once_at_a_time_however_long_that_takes(toy_url: str, clock: TestClock, metrics: Metrics) -> None:
    bus = SlowBus()
    app = toy_app(toy_url, bus, clock, metrics, outbox_poll_seconds=0.01)
    async with running(app) as toy:
        for number in range(12):
            await toy.post("/v1/notes", json={"name": f"{number}", "words": f"{number}"})

        async def all_begun() -> bool:
            return len(bus.envelopes) == 12

        await eventually(all_begun, "all are under way, those of later commits too")
        waiting = (await toy.get("/metrics")).text
        bus.cancelled = 1
        bus.go.set()
        await drained(kit_of(app))
    await bus.close()
    assert bus.most_at_once == 1
    assert len(bus.envelopes) == 13, "only the one that was cancelled on the way was handed over again"
    (age,) = [line for line in waiting.splitlines() if line.startswith("license_outbox_oldest_seconds{")]
    assert float(age.split()[-1]) > 0


async def test_rows_that_all_fail_for_one_reason_are_told_of_once(toy_url: str, clock: TestClock, metrics: Metrics) -> None:
    bus = DyingBus(deaths=24)
    app = toy_app(toy_url, bus, clock, metrics)
    with logged() as lines:
        async with running(app) as toy:
            for number in range(12):
                await toy.post("/v1/notes", json={"name": f"{number}", "words": f"{number}"})
            await drained(kit_of(app))
    told = [(line["service"], line["error"], line["left_out"]) for line in lines if line["event"] == "hand-over-failed"]
    assert told == [("toy", "ConnectionResetError('died between hand-over and deletion')", 0)]


async def test_a_bus_that_closes_first_leaves_the_events_in_the_outbox_and_nothing_to_warn_of(
    toy_url: str, clock: TestClock, metrics: Metrics
) -> None:
    bus = RememberingBus()
    app = toy_app(toy_url, bus, clock, metrics)
    with logged() as lines:
        async with running(app) as toy:
            await bus.close()
            for number in range(3):
                await toy.post("/v1/notes", json={"name": f"{number}", "words": f"{number}"})

            async def tried() -> bool:
                return len(bus.envelopes) == 3

            await eventually(tried, "every event was offered to the bus")
            assert await rows(kit_of(app), "outbox") == 3
    assert [line for line in lines if line["level"] != "info"] == []
    assert len(bus.envelopes) == 3


async def test_the_trace_and_the_caller_of_a_request_reach_its_readers(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    traces: list[tuple[str, str]] = []

    async def hear(_tx: Transaction, _event: NoteTaken) -> None:
        traces.append((current_trace().trace_id, current_trace().caller))

    app = toy_app(toy_url, bus, clock, metrics, consumers=_consuming(hear))
    async with running(app) as toy:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        await toy.post("/v1/notes", json={"name": "a", "words": "w"}, headers=headers)
        await drained(kit_of(app))
    assert traces == [(TRACE, "toy")]
    (envelope,) = bus.envelopes
    assert (envelope.source, envelope.traceparent and envelope.traceparent.split("-")[1]) == ("/toy", TRACE)


async def test_of_two_replicas_one_relays_and_the_other_takes_over(toy_url: str, clock: TestClock) -> None:
    """Each replica has its bus; every event is published by exactly one of them, also after the first is gone."""
    first_bus, second_bus = RememberingBus(), RememberingBus()
    first, second = (toy_app(toy_url, bus, clock, Metrics()) for bus in (first_bus, second_bus))

    async def take(toy: httpx.AsyncClient, name: str) -> None:
        assert (await toy.post("/v1/notes", json={"name": name, "words": name})).status_code == 201
        await drained(kit_of(second))

    async with running(second) as other:
        async with running(first) as one:
            for name in ("a", "b", "c"):
                await take(one, name)
            published = sorted(envelope.subject for bus in (first_bus, second_bus) for envelope in bus.envelopes)
            assert published == ["a", "b", "c"]
            assert [] in (first_bus.envelopes, second_bus.envelopes)
        await take(other, "d")
    assert sorted(envelope.subject for bus in (first_bus, second_bus) for envelope in bus.envelopes) == ["a", "b", "c", "d"]


async def test_at_once_is_told_before_the_store_is_asked(toy_url: str, bus: RememberingBus, clock: TestClock) -> None:
    told: list[str] = []
    consumers = Consumers()

    @consumers.at_once(NoteTaken)
    def tell(event: NoteTaken) -> None:
        told.append(f"at once {event.name}")

    @consumers.on(NoteTaken)
    async def hear(_tx: Transaction, event: NoteTaken) -> None:
        told.append(f"kept {event.name}")

    async with running(toy_app(toy_url, bus, clock, Metrics(), consumers=consumers)):
        await bus.say(NoteTaken(name="a"))
    assert told == ["at once a", "kept a"]


async def test_two_handlers_for_one_type_are_a_mistake_found_at_the_start(app: FastAPI) -> None:
    async def hear(_tx: Transaction, _event: NoteTaken) -> None:
        return

    consumers = _consuming(hear)
    with pytest.raises(AssertionError, match=r"two handlers for toy\.note-taken\.v1"):
        consumers.on(NoteTaken)(hear)
    await kit_of(app).database.close()
