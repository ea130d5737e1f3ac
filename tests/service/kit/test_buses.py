"""What both buses promise: at least once, to everybody who asked, one failing event holding up no other, and in no promised order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.contracts.base import Envelope
from shared.kit import delivery
from shared.kit.bus import Bus, BusClosed
from shared.kit.memory_bus import MemoryBus
from shared.kit.metrics import Metrics
from shared.kit.rabbit import RabbitBus, receiver
from shared.kit.tasks import ended
from tests.house import eventually, logged
from tests.reader import LIMIT, Reader, envelope_of_type


@dataclass
class Place:
    """A bus, and what is being said on it: the memory bus comes back when everybody has it, RabbitMQ when the broker has it."""

    bus: Bus
    said: set["asyncio.Task[None]"] = field(default_factory=set)

    async def with_readers(self, *readers: Reader) -> None:
        for reader in readers:
            await self.bus.subscribe(reader.subscription)

    def say(self, envelope: Envelope) -> None:
        task = asyncio.create_task(self.bus.publish(envelope))
        self.said.add(task)


@pytest.fixture(params=["memory", "rabbit"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of the broker, for the bus that has one."""
    found: str | None = request.getfixturevalue("amqp_url") if request.param == "rabbit" else None
    return found


@pytest.fixture
async def place(url: str | None) -> AsyncIterator[Place]:
    place = Place(RabbitBus(url, Metrics()) if url else MemoryBus())
    if isinstance(place.bus, RabbitBus):
        await place.bus.start()
    yield place
    await place.bus.close()
    done, hanging = await asyncio.wait(place.said, timeout=0) if place.said else (set(), set())
    await ended(hanging)
    assert [error for task in done if (error := task.exception()) is not None and not isinstance(error, BusClosed)] == []


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(receiver, "_END_SECONDS", 0.1)


async def _taken(reader: Reader, *subjects: str) -> None:
    async def all_there() -> bool:
        return set(reader.subjects) >= set(subjects)

    await eventually(all_there, f"{subjects} reached {reader.subscription.service}")


async def test_an_event_reaches_every_reader_of_its_type_and_no_other(place: Place) -> None:
    first, second, other = Reader(service="first"), Reader(service="second"), Reader(types=("toy.other.v1",), service="other")
    await place.with_readers(first, second, other)
    said = envelope_of_type(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", data={"a": [1, "ü"]})
    place.say(said)
    place.say(envelope_of_type("toy.other.v1", "another"))
    await _taken(first, "x")
    await _taken(second, "x")
    await _taken(other, "another")
    assert first.taken == second.taken == [said]
    assert other.subjects == ["another"]


async def test_a_hundred_events_at_once_reach_their_reader_once_each(place: Place) -> None:
    reader = Reader()
    await place.with_readers(reader)
    for number in range(100):
        place.say(envelope_of_type(subject=f"{number}"))
    await _taken(reader, *map(str, range(100)))
    assert len(reader.taken) == 100


async def test_a_failed_delivery_is_tried_again_until_it_succeeds(place: Place) -> None:
    reader = Reader(ValueError(), ValueError())
    await place.with_readers(reader)
    place.say(envelope_of_type())
    await _taken(reader, "x")
    assert (reader.tried, reader.buried) == (3, [])


async def test_a_poison_event_is_buried_after_the_delivery_limit_and_the_next_is_delivered(place: Place) -> None:
    reader = Reader(*(ValueError(number) for number in range(LIMIT)))
    reader.burials_that_fail = 1
    reader._errors.append(ValueError("and once more, for the burial that failed"))
    await place.with_readers(reader)
    place.say(poison := envelope_of_type(subject="poison"))

    async def buried() -> bool:
        return bool(reader.buried)

    await eventually(buried, "it was put aside")
    place.say(envelope_of_type(subject="next"))
    await _taken(reader, "next")
    assert reader.buried == [(poison, "ValueError('and once more, for the burial that failed')")]
    assert reader.subjects == ["next"]


async def test_an_event_is_kept_while_the_readers_store_is_away(place: Place) -> None:
    reader = Reader(*(asyncpg.CannotConnectNowError() for _ in range(5 * LIMIT)), *(PoolTimeout() for _ in range(5 * LIMIT)))
    with logged() as lines:
        await place.with_readers(reader)
        place.say(envelope_of_type())
        await _taken(reader, "x")
    assert (reader.tried, reader.buried) == (10 * LIMIT + 1, [])
    told = [line["error"] for line in lines if line["event"] == "delivery-failed"]
    assert told == ["CannotConnectNowError()", "TimeoutError()"], "one line a reason, and not one a try"


async def test_a_reader_that_fails_or_hangs_keeps_no_event_from_the_others_and_no_later_one_from_itself(place: Place) -> None:
    stuck, well = Reader(service="stuck"), Reader(service="well")
    hanging: set[str] = set()

    async def deliver(envelope: Envelope) -> None:
        if envelope.subject == "hangs":
            hanging.add("hangs")
            await asyncio.Event().wait()
        if envelope.subject == "fails":
            hanging.add("fails")
            raise asyncpg.CannotConnectNowError
        stuck.taken.append(envelope)

    object.__setattr__(stuck.subscription, "deliver", deliver)
    await place.with_readers(stuck, well)
    for subject in ("hangs", "fails"):
        place.say(envelope_of_type(subject=subject))
    await _taken(well, "hangs", "fails")

    async def both_stuck() -> bool:
        return hanging == {"hangs", "fails"}

    await eventually(both_stuck, "one hangs and one fails")
    place.say(envelope_of_type(subject="later"))
    await _taken(stuck, "later")
    await _taken(well, "later")
    assert stuck.subjects == ["later"]


async def test_hundreds_of_events_that_fail_hold_up_no_later_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.5)  # hundreds that come back at once would leave no time for anything else
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 2.0)
    reader = Reader()
    failed: set[str] = set()

    async def deliver(envelope: Envelope) -> None:
        if envelope.subject != "later":
            failed.add(envelope.subject)
            raise asyncpg.CannotConnectNowError
        reader.taken.append(envelope)

    object.__setattr__(reader.subscription, "deliver", deliver)
    await place.with_readers(reader)
    for number in range(300):
        place.say(envelope_of_type(subject=f"{number}"))

    async def all_tried() -> bool:
        return len(failed) == 300

    await eventually(all_tried, "each has its turn")
    place.say(envelope_of_type(subject="later"))
    await _taken(reader, "later")


async def test_a_sign_of_life_that_has_become_stale_is_let_go_instead_of_being_tried_for_ever(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SECONDS_TO_LIVE", {"ledger.heart-beaten.v1": -1.0})
    reader = Reader(asyncpg.CannotConnectNowError(), types=("ledger.heart-beaten.v1",), service="alarms")
    await place.with_readers(reader)
    place.say(envelope_of_type("ledger.heart-beaten.v1", "stale"))

    async def tried() -> bool:
        return reader.tried == 1

    await eventually(tried, "it was tried")
    place.say(envelope_of_type("ledger.heart-beaten.v1", "fresh"))
    await _taken(reader, "fresh")
    assert (reader.tried, reader.subjects) == (2, ["fresh"])


async def test_a_closed_bus_takes_nothing_more(place: Place) -> None:
    await place.bus.close()
    with pytest.raises(BusClosed):
        await place.bus.publish(envelope_of_type())
