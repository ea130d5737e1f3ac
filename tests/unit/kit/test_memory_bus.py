"""The memory bus: again after a failure, buried after too many, patient while the store is away."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.kit import delivery
from shared.kit.bus import BusClosed
from shared.kit.memory_bus import MemoryBus
from tests.reader import LIMIT, Reader, envelope_of_type


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the bus would have paused, without the waiting."""
    taken: list[float] = []

    async def pause(_closing: asyncio.Event, seconds: float) -> None:
        taken.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(delivery, "_pause", pause)
    return taken


async def _bus_with(*readers: Reader) -> MemoryBus:
    bus = MemoryBus()
    for reader in readers:
        await bus.subscribe(reader.subscription)
    return bus


async def test_an_event_reaches_every_reader_of_its_type_and_no_other() -> None:
    first, second, other = Reader(), Reader(), Reader(types=("toy.other.v1",))
    envelope = envelope_of_type()
    await (await _bus_with(first, second, other)).publish(envelope)
    assert (first.taken, second.taken, other.taken) == ([envelope], [envelope], [])


async def test_a_failed_delivery_is_tried_again_until_it_succeeds(pauses: list[float]) -> None:
    reader = Reader(ValueError(), ValueError())
    await (await _bus_with(reader)).publish(envelope_of_type())
    assert (reader.tried, len(reader.taken), reader.buried) == (3, 1, [])
    assert len(pauses) == 2


async def test_a_poison_event_is_buried_after_the_delivery_limit_with_its_last_error(pauses: list[float]) -> None:
    reader = Reader(*(ValueError(number) for number in range(10)))
    envelope = envelope_of_type()
    await (await _bus_with(reader)).publish(envelope)
    assert (reader.tried, reader.taken) == (LIMIT, [])
    assert reader.buried == [(envelope, "ValueError(2)")]


async def test_a_store_that_is_away_or_without_room_is_waited_for_without_counting(pauses: list[float]) -> None:
    away = [asyncpg.CannotConnectNowError() for _ in range(20)]
    without_room = [PoolTimeout() for _ in range(200)]
    reader = Reader(*away, *without_room, asyncpg.DeadlockDetectedError(), ValueError(), ValueError())
    await (await _bus_with(reader)).publish(envelope_of_type())
    assert (reader.tried, len(reader.taken), reader.buried) == (224, 1, [])


async def test_an_event_that_always_collides_is_buried_too_but_after_eight_times_as_many_tries(pauses: list[float]) -> None:
    reader = Reader(*(asyncpg.QueryCanceledError("statement timeout") for _ in range(1000)))
    envelope = envelope_of_type()
    await (await _bus_with(reader)).publish(envelope)
    assert (reader.tried, reader.taken) == (8 * LIMIT, [])
    assert reader.buried == [(envelope, "QueryCanceledError('statement timeout')")]


async def test_a_burial_that_fails_is_tried_again_and_the_event_stays(pauses: list[float]) -> None:
    reader = Reader(*(ValueError(number) for number in range(LIMIT + 1)))
    reader.burials_that_fail = 1
    await (await _bus_with(reader)).publish(envelope_of_type())
    assert (reader.tried, reader.taken, len(reader.buried)) == (LIMIT + 1, [], 1)


async def test_pauses_grow_to_a_limit(pauses: list[float]) -> None:
    await (await _bus_with(Reader(*(asyncpg.CannotConnectNowError() for _ in range(12))))).publish(envelope_of_type())
    assert pauses[0] <= delivery._FIRST_PAUSE_SECONDS
    for earlier, later in zip(pauses, pauses[2:], strict=False):
        assert later >= min(earlier, delivery._LONGEST_PAUSE_SECONDS / 2)
    assert delivery._LONGEST_PAUSE_SECONDS / 2 <= pauses[-1] <= delivery._LONGEST_PAUSE_SECONDS


async def test_closing_leaves_the_event_with_its_sender() -> None:
    """Never acknowledged: the outbox keeps it for the next process."""
    reader = Reader(*(asyncpg.CannotConnectNowError() for _ in range(1000)))
    bus = await _bus_with(reader)
    publishing = asyncio.create_task(bus.publish(envelope_of_type()))
    while not reader.tried:
        await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(BusClosed):
        await publishing
    assert (reader.taken, reader.buried) == ([], [])


async def test_a_failing_reader_does_not_keep_the_event_from_the_others() -> None:
    stuck, well = Reader(*(asyncpg.CannotConnectNowError() for _ in range(1000))), Reader()
    bus = await _bus_with(stuck, well)
    publishing = asyncio.create_task(bus.publish(envelope_of_type()))
    while not (stuck.tried and well.taken):
        await asyncio.sleep(0)
    assert not publishing.done()
    await bus.close()
    with pytest.raises(BusClosed):
        await publishing
