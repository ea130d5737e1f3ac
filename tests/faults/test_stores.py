"""The database and the broker away, dead, out of room; connections cut in the middle of an answer."""

from tests.debian import missing
from tests.faults.trial import Stage, trial

STORE_ERROR = "CiscoLicenseDataStoreError"
INTERNAL_ERROR = "CiscoLicenseInternalError"
"""Of the broker, where it is away for long enough."""
_REFUSED = 12
"""So many callers meet the fault before it is mended."""


async def test_a_broker_that_is_stopped_keeps_no_check_out_waiting(stage: Stage) -> None:
    broker = stage.production.broker
    async with trial(stage, "broker stopped and started", or_perhaps=(INTERNAL_ERROR,)) as case:
        await broker.stop_app()
        await case.acknowledged(40)
        await broker.start_app()
        case.mended()
    assert all(call.answer == "acknowledged" for book in case.books for call in book.calls), "check-outs need no broker"


async def test_a_broker_that_is_killed_loses_no_event(stage: Stage) -> None:
    broker = stage.production.broker
    async with trial(stage, "broker killed", or_perhaps=(INTERNAL_ERROR,)) as case:
        await broker.kill()
        await case.acknowledged(40)
        await broker.start()
        case.mended()
    assert all(call.answer == "acknowledged" for book in case.books for call in book.calls), "check-outs need no broker"


async def test_a_database_that_crashes_is_told_and_loses_nothing(stage: Stage) -> None:
    postgres = stage.production.postgres
    async with trial(stage, "database stopped -m immediate", STORE_ERROR) as case:
        await postgres.stop("immediate")
        await case.unavailable(_REFUSED)
        await case.shown(STORE_ERROR)
        await postgres.start_again()
        case.mended()
    assert {call.answer for book in case.books for call in book.calls} <= {"acknowledged", "unavailable"}, "away is 503 and nothing else"


async def test_a_disk_without_room_is_told_and_goes_on_when_room_is_made(stage: Stage) -> None:
    disk = stage.production.disk
    if disk.why_not:
        missing(f"the database has no disk of its own to fill: {disk.why_not}")
    async with trial(stage, "database's disk full", STORE_ERROR) as case:
        disk.fill()
        await case.unavailable(_REFUSED)
        await case.shown(STORE_ERROR)
        disk.make_room()
        await stage.production.revive_database()
        case.mended()
