"""Processes that are killed, and processes that stand still."""

import asyncio
import signal

import pytest

from tests.faults.trial import Stage, trial

MANAGER_DOWN, INTERNAL_ERROR = "CiscoLicenseManagerDown", "CiscoLicenseInternalError"
WATCHED = {"ledger": (MANAGER_DOWN,), "licensefile": (INTERNAL_ERROR,), "calculator": (INTERNAL_ERROR,)}
"""What says that a service is away."""

STANDS_STILL_SECONDS = 20
KILLED_ALONE = ("ledger-2", "licensefile", "calculator", "alarms", "gateway")


@pytest.mark.parametrize("name", KILLED_ALONE)
async def test_a_process_that_is_killed_is_started_again_and_nobody_has_to_know(stage: Stage, name: str) -> None:
    async with trial(stage, f"SIGKILL {name}", or_perhaps=WATCHED.get(name, ())) as case:
        started = stage.production.restarts
        stage.production.signal([name], signal.SIGKILL)
        case.mended()
        await stage.production.again(name, started)


async def test_no_ledger_runs_until_the_alarm_is_raised(stage: Stage) -> None:
    made = stage.production
    async with trial(stage, "SIGKILL every ledger, away until the alarm", MANAGER_DOWN) as case:
        ledgers = made.names_of("ledger")
        made.held_down.update(ledgers)
        made.signal(ledgers, signal.SIGKILL)
        await case.unavailable()
        await case.shown(MANAGER_DOWN)
        made.held_down.difference_update(ledgers)
        case.mended()


@pytest.mark.parametrize("service", ["ledger", "licensefile", "calculator", "alarms", "gateway"])
async def test_a_service_that_stands_still_goes_on_where_it_stood(stage: Stage, service: str) -> None:
    async with trial(stage, f"SIGSTOP {service} for {STANDS_STILL_SECONDS} s", *WATCHED.get(service, ())) as case:
        names = stage.production.names_of(service)
        stage.production.signal(names, signal.SIGSTOP)
        await asyncio.sleep(STANDS_STILL_SECONDS)
        for alarm in WATCHED.get(service, ()):
            await case.shown(alarm)
        stage.production.signal(names, signal.SIGCONT)
        case.mended()
