"""The watchdog over real HTTP: servers that come and go, a bus that is away, and a courier that needs neither."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.alarms.app import create_app
from services.alarms.settings import AlarmsSettings
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.rabbitmq import free_port
from tests.service.alarms.facts import Alarms, beat, internal_error
from tests.service.alarms.receivers import Receivers

NAMES = ("ledger", "licensefile")


class AwayBus(RememberingBus):
    """A bus that says why it is away, as long as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: str | None = None

    async def check(self) -> str | None:
        return self.trouble


class Live:
    """A process on loopback that answers /livez with 200, or not at all."""

    def __init__(self) -> None:
        self.port, self.asked = free_port(), 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        status = b"200 OK" if request.startswith(b"GET /livez ") else b"404 Not Found"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()


class Scene:
    """Everything watched, and one or two replicas of the alarms that watch."""

    def __init__(self, servers: dict[str, list[Live]], bus: AwayBus, replicas: list[Alarms]) -> None:
        self.servers, self.bus, self.replicas = servers, bus, replicas
        self.alarms = replicas[0]

    async def of(self, name: str, subject: str) -> list[tuple[str, int]]:
        """State and count of the alarms of a name and subject, newest first."""
        return [(one["state"], one["count"]) for one in await self.alarms.listed(name) if one["subject"] == subject]

    async def become(self, name: str, subject: str, *states: str) -> None:
        wanted = [(state, 1) for state in states]

        async def look() -> bool:
            return await self.of(name, subject) == wanted

        await eventually(look, f"{name} of {subject} becomes {states}")

    async def looked(self, times: int = 8) -> None:
        """Wait until the licensefile server, which is there, was asked so many times more."""
        server = self.servers["licensefile"][0]
        until = server.asked + times

        async def look() -> bool:
            return server.asked >= until

        await eventually(look, "more looks")


Make = Callable[..., Any]


@pytest.fixture
def make(database_url: str, clock: TestClock) -> Make:
    @asynccontextmanager
    async def scene(replicas: int = 1, **more: Any) -> AsyncIterator[Scene]:
        servers, bus = {"ledger": [Live()], "licensefile": [Live(), Live()]}, AwayBus()
        watched = {name: tuple(f"http://127.0.0.1:{one.port}" for one in servers[name]) for name in NAMES}
        # The heartbeat's own watch looks so seldom that it says nothing here.
        settings = AlarmsSettings(
            database_url=database_url,
            alarms_watched=watched,
            **{"watch_seconds": 0.03, "start_up_grace_seconds": 3600, "delivery_poll_seconds": 0.05, **more},
        )
        async with AsyncExitStack() as undo:
            for one in [one for group in servers.values() for one in group]:
                await one.start()
                undo.push_async_callback(one.stop)
            made = []
            for _ in range(replicas):
                app = create_app(settings, bus, clock, Metrics())
                made.append(Alarms(app, await undo.enter_async_context(running(app)), bus, clock))
            result = Scene(servers, bus, made)
            await result.looked(4)
            yield result

    return scene


async def test_a_service_that_ends_is_said_once_and_its_return_ends_it(make: Make) -> None:
    async with make() as scene:
        first, second = scene.servers["licensefile"]
        await second.stop()
        await scene.looked()
        assert await scene.alarms.listed("InternalError") == [], "one replica that answers is enough"
        await second.start()
        await first.stop()
        await second.stop()
        await scene.become("InternalError", "licensefile away", "active")
        (alarm,) = await scene.alarms.listed("InternalError")
        assert f"http://127.0.0.1:{first.port}: ConnectError" in alarm["reason"]
        figures = (await scene.alarms.http.get("/metrics")).text
        assert 'license_watched_up{service="licensefile"} 0.0' in figures
        assert 'license_watched_up{service="ledger"} 1.0' in figures
        await second.start()
        await scene.become("InternalError", "licensefile away", "cleared")
        await second.stop()
        await scene.become("InternalError", "licensefile away", "active", "cleared")


async def test_an_absence_outlasts_the_quiet_that_ends_errors_and_does_not_touch_those_of_the_service(make: Make) -> None:
    async with make() as scene:
        await scene.bus.say(internal_error(scene.alarms.clock.now()))
        for one in scene.servers["licensefile"]:
            await one.stop()
        await scene.become("InternalError", "licensefile away", "active")
        scene.alarms.clock.advance(timedelta(hours=2))
        await scene.alarms.tick("end_quiet_alarms")
        assert await scene.of("InternalError", "licensefile") == [("cleared", 1)]
        assert await scene.of("InternalError", "licensefile away") == [("active", 1)]


async def test_the_ledgers_death_is_noticed_without_a_broker_and_told_and_its_return_too(make: Make) -> None:
    async with make() as scene:
        receivers = Receivers(scene.alarms)
        scene.alarms.app.state.courier.send = receivers.send
        await receivers.add()
        scene.bus.trouble = "the broker is away: refused"
        await scene.become("InternalError", "broker", "active")
        await scene.looked()
        assert await scene.alarms.listed("ManagerDown") == [], "a ledger that answers is not down"
        (ledger,) = scene.servers["ledger"]
        await ledger.stop()
        await scene.become("ManagerDown", "ledger", "active")
        await receivers.expect("raised", "raised")
        await ledger.start()
        await scene.become("ManagerDown", "ledger", "cleared")
        scene.bus.trouble = None
        await scene.become("InternalError", "broker", "cleared")
        got = await receivers.expect("raised", "raised", "cleared", "cleared")
        assert [message.subject for message in got] == ["broker", "ledger", "ledger", "broker"]


async def test_a_ledger_that_beats_is_not_down_and_with_the_broker_there_its_beat_ends_the_alarm(make: Make) -> None:
    async with make() as scene:
        await scene.bus.say(beat(scene.alarms.clock.now()))
        (ledger,) = scene.servers["ledger"]
        await ledger.stop()
        await scene.looked()
        assert await scene.alarms.listed("ManagerDown") == []
        scene.alarms.clock.advance(timedelta(seconds=16))
        await scene.become("ManagerDown", "ledger", "active")
        await ledger.start()
        await scene.bus.say(beat(scene.alarms.clock.now()))
        await scene.become("ManagerDown", "ledger", "cleared")


async def test_of_two_replicas_one_says_it_and_one_shows_it(make: Make) -> None:
    async with make(replicas=2) as scene:
        scene.bus.trouble = "the broker is away: refused"
        await scene.become("InternalError", "broker", "active")
        await scene.looked()
        assert await scene.of("InternalError", "broker") == [("active", 1)]
        pages = [(await one.http.get("/metrics")).text for one in scene.replicas]
        assert sum('license_watched_up{service="broker"} 0.0' in page for page in pages) == 1


async def test_a_clock_that_is_set_back_makes_nobody_absent_and_hides_nobody(make: Make) -> None:
    async with make() as scene:
        scene.bus.trouble = "the broker is away: refused"
        await scene.become("InternalError", "broker", "active")
        scene.alarms.clock.put(timedelta(hours=-1))
        scene.bus.trouble = None
        await scene.become("InternalError", "broker", "cleared")
        await scene.looked()
        scene.bus.trouble = "the broker is away: refused"
        await scene.become("InternalError", "broker", "active", "cleared")
        assert await scene.alarms.listed("ManagerDown") == []


async def test_what_is_watched_no_longer_stands_no_longer(make: Make, database_url: str, clock: TestClock) -> None:
    async with make() as scene:
        for one in scene.servers["licensefile"]:
            await one.stop()
        await scene.become("InternalError", "licensefile away", "active")
    app = create_app(AlarmsSettings(database_url=database_url, watch_seconds=0.03), AwayBus(), clock, Metrics())
    async with running(app) as client:

        async def ended() -> bool:
            answer: httpx.Response = await client.get("/v1/alarms")
            return [one["state"] for one in answer.json()["items"]] == ["cleared"]

        await eventually(ended, "the alarm of a service that nobody watches is cleared")
