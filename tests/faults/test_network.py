"""Connections between processes that are cut in the middle of an answer, refused, and stalled."""

import pytest

from tests.faults.trial import Stage, trial

STORE_ERROR, MANAGER_DOWN = "CiscoLicenseDataStoreError", "CiscoLicenseManagerDown"
BROKER_AWAY = "CiscoLicenseInternalError"
"""Where it does not come back soon enough."""

CUTS = 8


@pytest.mark.parametrize(
    ("way", "answered_bytes"),
    [
        ("ledger-1→database", 3_000),
        ("ledger-1→broker", 400),
        ("alarms→database", 3_000),
        ("alarms→broker", 2_000),
        ("gateway→ledger-1", 900),
    ],
)
async def test_connections_that_are_cut_in_the_middle_of_an_answer(stage: Stage, way: str, answered_bytes: int) -> None:
    line = stage.production.lines[way]
    perhaps = BROKER_AWAY if way == "alarms→broker" else STORE_ERROR
    async with trial(stage, f"cut half-way: {way}", or_perhaps=(perhaps,)) as case:
        before = line.cuts
        line.cut_after(answered_bytes)
        await case.cut(line, before + CUTS)
        line.resume()
        case.mended()


async def test_a_network_that_swallows_everything_between_ledger_and_database(stage: Stage) -> None:
    line = stage.production.lines["ledger-1→database"]
    async with trial(stage, "stalled: ledger-1→database", or_perhaps=(STORE_ERROR,)) as case:
        line.stall()
        await case.unavailable()
        line.cut()
        line.resume()
        case.mended()
