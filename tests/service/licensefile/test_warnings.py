"""Warnings ahead of an end: at every step once, whatever sleeps, restarts or runs twice meanwhile."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from shared.contracts.events.licensefile import LicenseFileExpiryApproached, LicenseFileGraceEndApproached, LicenseFileStateChanged
from shared.kit.clock import TestClock
from tests.house import RememberingBus, eventually, running
from tests.service.licensefile.conftest import Desk, StubLedger
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, MAC, OLD_ID, OTHER_ID, made_file

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(clock: TestClock) -> None:
    """Begin at noon, so that no test comes to midnight on its own."""
    noon = datetime.combine(clock.now().date() + DAY, time(12), UTC)
    clock.advance(noon - clock.now())


async def upload(desk: Desk, clock: TestClock, days: int, **changes: str) -> None:
    """A file whose last day is so many days ahead."""
    answer = await desk.upload(made_file(expiry=clock.now().date() + days * DAY, **changes))
    assert answer.status_code == 201, answer.text


async def told(desk: Desk, bus: RememberingBus) -> list[tuple[str, int]]:
    """All that is in the outbox has left."""

    async def drained() -> bool:
        return not await outbox(desk)

    await eventually(drained, "the outbox is empty")
    return [(event.license_file_id, event.days_left) for event in bus.heard(LicenseFileExpiryApproached)]


async def outbox(desk: Desk) -> int:
    kit = desk.app.state.kit
    async with kit.database.transaction() as tx:
        return len((await tx.session.execute(kit.database.tables.outbox.select())).all())


async def test_a_month_day_by_day(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    await upload(desk, clock, 30)
    for _ in range(32):
        await desk.tick("expire")
        await desk.tick("warn_of_ends")
        await desk.tick("warn_of_ends")
        clock.advance(DAY)
    days = [28, 21, 14, 7, 6, 5, 4, 3, 2, 1, 0]
    assert await told(desk, bus) == [(FILE_ID, day) for day in days]


async def test_what_a_warning_says(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    await upload(desk, clock, 21)
    await desk.tick("warn_of_ends")
    (event,) = await bus.hear(LicenseFileExpiryApproached)
    file = await desk.file(FILE_ID)
    assert (event.cluster, event.version, event.file_name, event.mac) == ("headquarters", 1, "a.lic", MAC)
    assert event.expires_at == datetime.fromisoformat(file["expires_at"])
    assert [(g.feature, g.units, g.overdraft_units) for g in event.grants] == [("PHONE_UNIT", 1000, 50), ("CCM_NODE", 15, 0)]
    assert (file["expires_in_days"], file["grace_ends_in_days"]) == (21, None)
    assert file == (await desk.listed())[0]


async def test_who_slept_through_several_steps_hears_of_the_nearest_alone(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    await upload(desk, clock, 40)
    clock.advance(16 * DAY)
    await desk.tick("warn_of_ends")
    clock.advance(19 * DAY)
    await desk.tick("warn_of_ends")
    assert await told(desk, bus) == [(FILE_ID, 24), (FILE_ID, 5)]
    clock.put(-10 * DAY)
    await desk.tick("warn_of_ends")
    assert await told(desk, bus) == [(FILE_ID, 24), (FILE_ID, 5)]


async def test_a_step_is_told_once_by_however_many_and_after_a_restart(
    app: FastAPI, bus: RememberingBus, clock: TestClock, ledger: StubLedger
) -> None:
    async with running(app) as client:
        desk = Desk(client, app)
        await upload(desk, clock, 7)
        await asyncio.gather(*(desk.tick("warn_of_ends") for _ in range(8)))
        assert await told(desk, bus) == [(FILE_ID, 7)]
    async with running(app) as client:
        again = Desk(client, app)
        await again.tick("warn_of_ends")
        assert await told(again, bus) == [(FILE_ID, 7)]


async def test_a_file_that_grants_no_more_or_for_ever_or_long_enough_warns_of_nothing(
    desk: Desk, bus: RememberingBus, clock: TestClock
) -> None:
    await upload(desk, clock, 40, license_file_id=OLD_ID)
    assert (await desk.upload(made_file(license_file_id=OTHER_ID, replaces=(OLD_ID,)))).status_code == 201
    await upload(desk, clock, 40)
    await desk.http.delete(f"/v1/clusters/headquarters/license-files/{FILE_ID}")
    clock.advance(33 * DAY)
    await upload(desk, clock, 29, license_file_id="20260314092653501")
    await desk.tick("warn_of_ends")
    assert await told(desk, bus) == []
    listed = {file["license_file_id"]: file["expires_in_days"] for file in await desk.listed()}
    assert listed == {OLD_ID: None, OTHER_ID: None, FILE_ID: None, "20260314092653501": 29}


async def test_a_file_of_a_revoked_key_warns_of_nothing_until_that_is_taken_back(
    desk: Desk, bus: RememberingBus, clock: TestClock, keys: Path
) -> None:
    await upload(desk, clock, 40)
    trusted = keys / "vendor.pub"
    trusted.rename(keys / "vendor.revoked")
    await desk.tick("follow_keys")
    clock.advance(33 * DAY)
    await desk.tick("warn_of_ends")
    assert await ends(desk) == {}
    (keys / "vendor.revoked").rename(trusted)
    await desk.tick("follow_keys")
    assert await told(desk, bus) == []
    await desk.tick("warn_of_ends")
    assert await told(desk, bus) == [(FILE_ID, 7)]


async def test_the_end_of_a_grace_is_warned_of_while_the_file_does_not_fit(
    desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock
) -> None:
    await desk.upload(made_file())
    ledger.put("headquarters", FOREIGN_MAC, version=2)
    await bus.say(ledger.changed("headquarters"))
    await desk.tick("warn_of_ends")
    assert bus.heard(LicenseFileGraceEndApproached) == []
    clock.advance(9 * DAY - timedelta(hours=1))  # an hour before noon: the last day is seen before the grace ends on it
    await desk.tick("warn_of_ends")
    (event,) = await bus.hear(LicenseFileGraceEndApproached)
    file = await desk.file(FILE_ID)
    assert (event.state, event.days_left, event.grace_ends_at) == ("host_mismatch", 21, datetime.fromisoformat(file["grace_ends_at"]))
    assert (file["grace_ends_in_days"], event.version, FILE_ID) == (21, 2, event.license_file_id)
    ledger.put("headquarters", MAC, version=3)
    await bus.say(ledger.changed("headquarters"))
    clock.advance(10 * DAY)
    await desk.tick("warn_of_ends")
    ledger.put("headquarters", FOREIGN_MAC, version=4)
    await bus.say(ledger.changed("headquarters"))
    for _ in range(13):
        await desk.tick("end_grace")
        await desk.tick("warn_of_ends")
        clock.advance(DAY)
    await bus.hear(LicenseFileStateChanged, 4)
    # While it fitted nobody was warned; then of the nearest step first.
    assert [event.days_left for event in await bus.hear(LicenseFileGraceEndApproached, 10)] == [21, 11, 7, 6, 5, 4, 3, 2, 1, 0]


async def test_a_scrape_tells_how_near_the_next_end_is(desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock) -> None:
    await upload(desk, clock, 90)
    await upload(desk, clock, 40, license_file_id=OTHER_ID)
    ledger.put("branch", FOREIGN_MAC, version=2)
    assert (await desk.upload(made_file(license_file_id=OLD_ID, mac=FOREIGN_MAC), "branch")).status_code == 201
    ledger.put("branch", MAC, version=3)
    await bus.say(ledger.changed("branch"))
    assert await ends(desk) == {
        ("headquarters", "expiry"): datetime.combine(clock.now().date() + 41 * DAY, time(), UTC).timestamp(),
        ("branch", "grace"): datetime.fromisoformat((await desk.file(OLD_ID, "branch"))["grace_ends_at"]).timestamp(),
    }
    await desk.http.delete(f"/v1/clusters/headquarters/license-files/{OTHER_ID}")
    later = datetime.combine(clock.now().date() + 91 * DAY, time(), UTC).timestamp()
    assert (await ends(desk))["headquarters", "expiry"] == later


async def ends(desk: Desk) -> dict[tuple[str, str], float]:
    """The figures of a scrape by cluster and ending."""
    shown = text_string_to_metric_families((await desk.http.get("/metrics")).text)
    samples = next(family.samples for family in shown if family.name == "license_file_end_timestamp_seconds")
    return {(sample.labels["cluster"], sample.labels["ending"]): sample.value for sample in samples}
