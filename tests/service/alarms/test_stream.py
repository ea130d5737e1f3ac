"""The live stream: what listeners are told, how they go on where they stopped, and that a slow one holds up nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.alarms.actions.stream import Stream
from services.alarms.store import changes
from shared.kit.tasks import ended
from tests.service.alarms.facts import Alarms, file_installed, file_refused

PATIENCE = 20


class Ear:
    """One listener, reading event by event."""

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        self._events = events

    async def next(self) -> tuple[str, int, dict[str, Any]]:
        """The next event: its name, its id, its data. Beats are passed over."""
        while True:
            text = (await asyncio.wait_for(anext(self._events), PATIENCE)).decode()
            if not text.startswith(":"):
                fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
                return fields["event"], int(fields["id"]), json.loads(fields["data"])

    async def close(self) -> None:
        await self._events.aclose()  # type: ignore[attr-defined]


@pytest.fixture
async def ear(alarms: Alarms) -> AsyncIterator[Callable[[int | None], Ear]]:
    ears: list[Ear] = []

    def listen(last: int | None = None) -> Ear:
        ears.append(Ear(alarms.app.state.stream.listen(alarms.app.state.kit.database, last)))
        return ears[-1]

    yield listen
    for one in ears:
        await one.close()


Listen = Callable[..., Ear]


async def test_a_listener_is_told_what_happens_in_its_order_with_the_alarm_as_it_is_listed(alarms: Alarms, ear: Listen) -> None:
    one = ear()
    assert (await one.next())[0] == "ready"
    await alarms.bus.say(file_refused(1))
    name, _, data = await one.next()
    assert (name, data) == ("raised", await alarms.only("FileError"))
    door = f"/v1/alarms/{data['alarm_id']}"
    await alarms.http.post(f"{door}/acknowledgement")
    await alarms.http.post(f"{door}/comments", json={"comment": "…"})
    await alarms.bus.say(file_installed(2))
    seen = [await one.next() for _ in range(3)]
    assert [(name, data["state"]) for name, _, data in seen] == [
        ("acknowledged", "acknowledged"),
        ("commented", "acknowledged"),
        ("cleared", "cleared"),
    ]
    assert len({position for _, position, _ in seen}) == 3


async def test_who_comes_back_goes_on_where_it_stopped_and_hears_nothing_twice(alarms: Alarms, ear: Listen) -> None:
    await alarms.bus.say(file_refused(1, cluster="c0"))
    first = ear()
    _, start, _ = await first.next()
    await first.close()
    for number in range(1, 6):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
    again = ear(start)
    assert (await again.next())[0] == "ready"
    heard = [await again.next() for _ in range(3)]
    await again.close()
    last = ear(heard[-1][1])
    await last.next()
    await alarms.bus.say(file_refused(1, cluster="c6"))
    heard += [await last.next() for _ in range(3)]
    assert [data["cluster"] for _, _, data in heard] == [f"c{number}" for number in range(1, 7)]


async def test_a_position_that_is_forgotten_is_answered_with_reset(alarms: Alarms, ear: Listen) -> None:
    for number in range(4):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
    first = ear(0)
    await first.next()
    positions = [(await first.next())[1] for _ in range(4)]
    kit = alarms.app.state.kit
    async with kit.database.transaction() as tx:
        await changes.forget(tx, tx.now + timedelta(seconds=1), keep=2)
    for unknown in (positions[0], positions[-1] + 1000):
        one = ear(unknown)
        assert (await one.next())[:2] == ("reset", positions[-1])
    known = ear(positions[1])
    assert (await known.next())[0] == "ready"
    assert [(await known.next())[1] for _ in range(2)] == positions[2:]


async def test_a_listener_that_does_not_read_is_let_go_and_loses_nothing(
    alarms: Alarms, ear: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.alarms.actions.stream._BUFFER", 4)
    slow, quick = ear(), ear()
    await slow.next()
    await quick.next()
    await alarms.bus.say(file_refused(1, cluster="first"))
    _, start, _ = await slow.next()
    await quick.next()
    for number in range(8):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
        await quick.next()
    assert len(alarms.app.state.stream) == 1
    with pytest.raises(StopAsyncIteration):
        await slow.next()
    back = ear(start)
    await back.next()
    assert [(await back.next())[2]["cluster"] for _ in range(8)] == [f"c{number}" for number in range(8)]


async def test_changes_that_commit_side_by_side_are_heard_all_and_once(alarms: Alarms, ear: Listen) -> None:
    one = ear()
    await one.next()
    await asyncio.gather(*(alarms.bus.say(file_refused(1, cluster=f"c{number}")) for number in range(40)))
    heard = [await one.next() for _ in range(40)]
    assert {data["cluster"] for _, _, data in heard} == {f"c{number}" for number in range(40)}
    positions = [position for _, position, _ in heard]
    assert positions == sorted(positions)


async def test_what_happens_between_a_listener_and_the_first_reading_of_its_process_is_not_lost(alarms: Alarms) -> None:
    kit = alarms.app.state.kit
    early = Stream(beat_seconds=15, poll_seconds=1, most_listeners=10)
    one = Ear(early.listen(kit.database, None))
    assert (await one.next())[0] == "ready"
    await alarms.bus.say(file_refused(1))
    reading = asyncio.create_task(early.run(kit))
    assert (await one.next())[0] == "raised"
    await ended([reading])
    await one.close()


async def test_where_nothing_happens_a_beat_shows_that_the_line_stands(alarms: Alarms) -> None:
    quiet = Stream(beat_seconds=0.01, poll_seconds=1, most_listeners=10)
    events = quiet.listen(alarms.app.state.kit.database, None)
    assert b"event: ready" in await anext(events)
    assert await anext(events) == b": beat\n\n"
    await events.aclose()  # type: ignore[attr-defined]
    assert len(quiet) == 0


async def test_a_process_that_stops_ends_all_listening(alarms: Alarms, ear: Listen) -> None:
    one = ear()
    await one.next()
    alarms.app.state.kit.life.stop()
    with pytest.raises(StopAsyncIteration):
        await one.next()


async def test_there_is_no_room_for_more_listeners_than_the_limit(alarms: Alarms, ear: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    one = ear()
    await one.next()
    monkeypatch.setattr(alarms.app.state.stream, "_most", 1)
    answer = await alarms.http.get("/v1/alarms/stream")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:licensing:problem:too-many-listeners")


@pytest.mark.parametrize("text", ["-1", "x", "1" * 19])
async def test_an_id_that_we_never_gave_is_refused(alarms: Alarms, text: str) -> None:
    assert (await alarms.http.get("/v1/alarms/stream", headers={"last-event-id": text})).status_code == 422
