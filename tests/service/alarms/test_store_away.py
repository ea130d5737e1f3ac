"""The data store of the alarms themselves is away: the metric and the log know at once, the row follows when the store is back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from services.alarms.actions.raise_alarm import raise_alarm
from services.alarms.actions.watch_ledger import LedgerWatch
from services.alarms.app import MIGRATIONS, create_app
from services.alarms.domain.heartbeat import Patience
from services.alarms.domain.rules import file_refused as rule
from services.alarms.settings import AlarmsSettings
from shared.contracts.events.alarms import AlarmRaised
from shared.kit.clock import TestClock
from shared.kit.data_folder import DataFolder
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, eventually, logged, running
from tests.service.alarms.facts import Alarms, beat, changed, file_refused, refused, store_failed, store_recovered


@pytest.fixture
async def own_postgres(data_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that a test may crash."""
    folder = DataFolder.open(data_path / "crashing")
    server = await EmbeddedPostgres.start(folder)
    await migrate(server.url(), "alarms", MIGRATIONS)
    yield server
    await server.stop()
    folder.close()


async def test_a_store_that_is_away_still_shows_its_error_and_the_row_follows(
    own_postgres: EmbeddedPostgres, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = create_app(AlarmsSettings(database_url=own_postgres.url()), bus, clock, metrics)
    async with running(app) as client:
        alarms = Alarms(app, client, bus, clock)
        await bus.say(file_refused(1))
        assert await alarms.active("FileError", "error", "headquarters") == 1
        await own_postgres.stop(mode="immediate")
        with logged() as lines:
            failure = asyncio.create_task(bus.say(store_failed(10)))

            async def shown() -> bool:
                return await alarms.active("DataStoreError", "error") == 1

            await eventually(shown, "the metric shows the failure while the store is away")
        (line,) = [line for line in lines if line["event"] == "alarm-told-at-once"]
        assert (line["level"], line["alarm"], line["subject"]) == ("error", "CiscoLicenseDataStoreError", "ledger")
        assert "the data store failed in PUT /v1/x" in line["reason"]
        assert await alarms.active("FileError", "error", "headquarters") == 1, "the last figures stay"
        assert not failure.done()
        assert (await client.get("/v1/alarms")).status_code == 503
        await own_postgres.start_again()
        await failure
        assert await alarms.states("DataStoreError") == [("active", 1)]
        assert await alarms.active("DataStoreError", "error") == 1
        await bus.say(store_recovered(20, failed=10))
        assert await alarms.states("DataStoreError") == [("cleared", 1)]
        assert await alarms.active("DataStoreError", "error") == 0


async def test_a_recovery_told_at_once_ends_the_figure_also_while_our_store_is_away(
    data_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    nowhere = f"postgresql+asyncpg://licensing:x@/licensing?host={data_path}/nowhere&port=5432"
    app = create_app(AlarmsSettings(database_url=nowhere), bus, clock, metrics)
    async with running(app) as client:
        alarms = Alarms(app, client, bus, clock)
        told = [asyncio.create_task(bus.say(fact)) for fact in (store_failed(10), store_recovered(20, failed=10), store_failed(30))]

        async def shown() -> bool:
            return await alarms.active("DataStoreError", "error") == 1

        await eventually(shown, "the second failure shows")
        told.append(asyncio.create_task(bus.say(store_recovered(40, failed=30))))

        async def over() -> bool:
            return await alarms.active("DataStoreError", "error") == 0

        await eventually(over, "both recoveries are known")
        await bus.close()
        assert {type(result).__name__ for result in await asyncio.gather(*told, return_exceptions=True)} == {"BusClosed"}


async def test_after_a_restart_the_figures_come_from_the_store(database_url: str, bus: RememberingBus, clock: TestClock) -> None:
    settings = AlarmsSettings(database_url=database_url)
    async with running(create_app(settings, bus, clock, Metrics())) as client:
        await bus.say(store_failed(10))
        await bus.say(file_refused(1))
        await bus.hear(AlarmRaised, 2)
    bus = RememberingBus()
    app = create_app(settings, bus, clock, Metrics())
    async with running(app) as client:
        alarms = Alarms(app, client, bus, clock)
        assert await alarms.active("DataStoreError", "error") == 1
        assert await alarms.active("FileError", "error", "headquarters") == 1
        assert await alarms.active("ManagerDown", "error") == 0
        assert await alarms.metric('license_alarms_raised_total{name="CiscoLicenseFileError",severity="error"}') == 1
        await bus.say(store_recovered(20, failed=10))
        assert await alarms.active("DataStoreError", "error") == 0
        await bus.say(changed(3, 100))
        await bus.say(refused(2, 103, 3))
        assert await alarms.listed("RequestFailed") == [], "what was free is kept in the store"
    await bus.close()


async def test_a_transaction_that_was_rolled_back_leaves_no_trace_in_the_figures(alarms: Alarms) -> None:
    database = alarms.app.state.kit.database
    signal = rule(file_refused(1))
    assert signal is not None

    async def raised_in_vain() -> None:
        async with database.transaction() as tx:
            await raise_alarm(tx, alarms.app.state.catalogue, signal)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await raised_in_vain()
    assert await alarms.metric('license_alarms_raised_total{name="CiscoLicenseFileError",severity="error"}') == 0
    assert await alarms.listed("FileError") == []


async def test_a_time_in_which_our_store_was_away_is_no_silence_of_the_ledger(
    own_postgres: EmbeddedPostgres, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = create_app(AlarmsSettings(database_url=own_postgres.url(), watch_seconds=3600), bus, clock, metrics)
    async with running(app) as client:
        alarms = Alarms(app, client, bus, clock)
        await bus.say(beat(clock.now()))
        await own_postgres.stop(mode="immediate")
        clock.advance(timedelta(minutes=1))
        with pytest.raises(Exception, match=r"."):
            await alarms.tick("watch_ledger")
        await own_postgres.start_again()

        async def looked() -> bool:
            await alarms.tick("watch_ledger")
            return True

        await eventually(looked, "the store answers")
        assert await alarms.listed("ManagerDown") == []
        clock.advance(timedelta(minutes=1))
        await alarms.tick("watch_ledger")
        assert await alarms.states("ManagerDown") == [("active", 1)]


async def test_a_time_in_which_nobody_looked_is_no_silence_of_the_ledger(alarms: Alarms) -> None:
    """Without a store the lead is lost and with it the timers; the next look may be the first after an hour."""
    watch = LedgerWatch(alarms.clock, Patience(intervals=3, grace_seconds=30), 5, alarms.bus.check)
    kit = alarms.app.state.kit

    async def look_after(seconds: float) -> list[tuple[str, int]]:
        alarms.clock.advance(timedelta(seconds=seconds))
        async with kit.database.transaction() as tx:
            await watch.look(tx, alarms.app.state.catalogue)
        return await alarms.states("ManagerDown")

    await alarms.bus.say(beat(alarms.clock.now()))
    assert await look_after(3600) == []
    assert [await look_after(9) for _ in range(3)] == [[], [], []]
    assert await look_after(4) == [("active", 1)]


async def test_a_clock_that_is_set_is_no_silence_of_the_ledger_and_hides_none(alarms: Alarms) -> None:
    """Forward, the last beat looks old; back, it lies in the future, and newer beats look older than it."""

    async def states_after(seconds: float) -> list[tuple[str, int]]:
        alarms.clock.advance(timedelta(seconds=seconds))
        await alarms.tick("watch_ledger")
        return await alarms.states("ManagerDown")

    await alarms.bus.say(beat(alarms.clock.now()))
    alarms.clock.put(timedelta(days=31))
    assert await states_after(1) == []
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await states_after(14) == []
    assert await states_after(2) == [("active", 1)]
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await states_after(1) == [("cleared", 1)]
    alarms.clock.put(timedelta(hours=-1))
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await states_after(14) == [("cleared", 1)]
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await states_after(14) == [("cleared", 1)]
    assert await states_after(2) == [("active", 1), ("cleared", 1)]
    await alarms.bus.say(beat(alarms.clock.now()))
    assert await alarms.states("ManagerDown") == [("cleared", 1), ("cleared", 1)]


async def test_a_time_in_which_the_bus_was_away_is_no_silence_of_the_ledger(alarms: Alarms) -> None:
    away: list[str] = ["the broker is away"]

    async def deaf() -> str | None:
        return away[0] if away else None

    watch = LedgerWatch(alarms.clock, Patience(intervals=3, grace_seconds=30), 5, deaf)
    kit = alarms.app.state.kit

    async def look_after(seconds: float) -> list[tuple[str, int]]:
        alarms.clock.advance(timedelta(seconds=seconds))
        async with kit.database.transaction() as tx:
            await watch.look(tx, alarms.app.state.catalogue)
        return await alarms.states("ManagerDown")

    await alarms.bus.say(beat(alarms.clock.now()))
    assert [await look_after(9) for _ in range(5)] == [[]] * 5
    away.clear()
    assert [await look_after(9) for _ in range(3)] == [[]] * 3
    assert await look_after(4) == [("active", 1)]


async def test_a_beat_that_was_heard_and_could_not_be_noted_is_no_silence_of_the_ledger(alarms: Alarms) -> None:
    """As with a disk without room: what is noted can be read, and nothing new is noted."""
    await alarms.bus.say(beat(alarms.clock.now()))
    async with alarms.app.state.kit.database.transaction() as tx:
        await tx.session.execute(text("ALTER TABLE alarms.heartbeat ADD CONSTRAINT full_disk CHECK (false) NOT VALID"))
    alarms.clock.advance(timedelta(seconds=14))
    await alarms.bus.say(beat(alarms.clock.now()))  # until it is put aside
    alarms.clock.advance(timedelta(seconds=14))
    await alarms.tick("watch_ledger")
    assert await alarms.listed("ManagerDown") == []
    alarms.clock.advance(timedelta(seconds=30))
    await alarms.tick("watch_ledger")
    assert await alarms.states("ManagerDown") == [("active", 1)]
