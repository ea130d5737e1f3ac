"""Stopped while devices come and go by several replicas: what is told after the stop is the stop, whichever way a request takes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from services.ledger.store import devices
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.ledger.conftest import LedgerUnderTest
from tests.service.ledger.switching import switch, switched


@pytest.fixture
async def second(hq: LedgerUnderTest, database_url: str, bus: RememberingBus, clock: TestClock) -> AsyncIterator[LedgerUnderTest]:
    """Another instance beside ``hq``, on the same database and the same bus."""
    app = create_app(LedgerSettings(database_url=database_url), bus, clock, Metrics())
    async with running(app) as http:
        yield LedgerUnderTest(http, bus, app)


async def entries(ledger: LedgerUnderTest) -> list[tuple[str, str, str]]:
    rows = await ledger.rows("SELECT kind, subject, reason FROM journal_entry WHERE cluster = 'hq' ORDER BY sequence")
    return [(str(kind), str(subject), str(reason)) for kind, subject, reason in rows]


async def test_after_the_stop_nothing_is_checked_out_or_in_by_any_replica(hq: LedgerUnderTest, second: LedgerUnderTest) -> None:
    await hq.install(2, ("PHONE_UNIT", 10_000, 0))
    done = False
    told: list[tuple[str, int]] = []

    async def more_told(many: int) -> None:
        async def enough() -> bool:
            return len(told) >= many

        await eventually(enough, f"{many} requests are answered")

    async def come_and_go(ledger: LedgerUnderTest, name: str) -> None:
        number = 0
        while not done:
            number += 1
            device = f"{name}-{number}"
            told.append((device, (await ledger.put(device)).status_code))
            told.append((device, (await ledger.delete(device)).status_code))

    callers = [asyncio.create_task(come_and_go((hq, second)[n % 2], f"d{n}")) for n in range(6)]
    for round_ in range(4):
        ledger, other = (hq, second) if round_ % 2 else (second, hq)
        await more_told(len(told) + 20)
        await switched(ledger, "stop")
        refused = await asyncio.gather(hq.put(f"late-{round_}"), second.put(f"late-{round_}"))
        assert [answer.status_code for answer in refused] == [503, 503]
        await more_told(len(told) + 20)
        await switched(other, "start")
    done = True
    await asyncio.gather(*callers)
    assert {status for _, status in told} == {201, 204, 503}
    _assert_nothing_between_stop_and_start(await entries(hq))
    out = [device for device, status in told if status == 201]
    assert sorted(out) == sorted(subject for kind, subject, _ in await entries(hq) if kind == "check_out" and "-" in subject)
    await hq.assert_sums()
    await hq.assert_journal()


def _assert_nothing_between_stop_and_start(journal: list[tuple[str, str, str]]) -> None:
    started, switches = True, 0
    for kind, subject, reason in journal:
        if kind == "service":
            started, switches = reason != "stopped", switches + 1
        else:
            assert started, (kind, subject)
    assert switches == 8


async def _load_and_meet_the_stop(hq: LedgerUnderTest, second: LedgerUnderTest, device: str) -> httpx.Response:
    """A check-out through ``hq`` that has loaded a started cluster when ``second`` stops it."""
    load, met = devices.load, False

    async def meeting(*given: object) -> devices.Loaded:
        nonlocal met
        loaded = await load(*given)  # type: ignore[arg-type]
        if not met:
            met = True
            assert (await switch(second, "stop")).status_code == 200
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "load", meeting)
        return await hq.put(device)


async def test_a_check_out_that_was_decided_before_the_stop_and_not_written_is_refused(
    hq: LedgerUnderTest, second: LedgerUnderTest
) -> None:
    answer = await _load_and_meet_the_stop(hq, second, "new")
    assert (answer.status_code, await hq.pool()) == (503, (20, 0, 4, "within"))


async def test_what_was_remembered_of_a_started_cluster_is_not_believed(hq: LedgerUnderTest, second: LedgerUnderTest) -> None:
    for number in range(3):
        assert (await hq.put(f"d{number}")).status_code == 201  # the next would be decided upon what is remembered
    await switched(second, "stop")
    assert (await hq.put("d3")).status_code == 503
    await switched(second, "start")
    assert (await hq.put("d3")).status_code == 201
    await hq.assert_sums()
