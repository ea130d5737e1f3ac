"""What becomes of an installed file: its cluster changes, time passes, a re-host replaces it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.events.ledger import GrantsChanged
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileStateChanged
from shared.kit.clock import TestClock
from tests.house import RememberingBus
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, MAC, OLD_ID, OLDEST_ID, OTHER_ID, OTHER_MAC, made_file, made_line

GOOD = made_file()
DAY = timedelta(days=1)


async def moved(bus: RememberingBus, ledger: StubLedger, version: int, *macs: str, product_version: str = "5.0") -> None:
    """The ledger's cluster is another from now on, and the event says so."""
    ledger.put("headquarters", *macs, version=version, product_version=product_version)
    await bus.say(ledger.changed("headquarters"))


async def changes(bus: RememberingBus, count: int) -> list[tuple[str, bool, int]]:
    return [(event.state, event.granting, event.version) for event in await bus.hear(LicenseFileStateChanged, count)]


async def test_grace_runs_from_the_first_mismatch_and_then_the_units_are_taken_back(
    desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock
) -> None:
    await desk.upload(GOOD)
    await moved(bus, ledger, 2, FOREIGN_MAC)
    first = await desk.file(FILE_ID)
    assert (first["state"], first["mismatch_since"] is None) == ("host_mismatch", False)
    clock.advance(10 * DAY)
    await moved(bus, ledger, 3, MAC)
    assert (await desk.file(FILE_ID))["grace_ends_at"] is None
    clock.advance(10 * DAY)
    await moved(bus, ledger, 4, FOREIGN_MAC)
    again = await desk.file(FILE_ID)
    assert (again["mismatch_since"], again["grace_ends_at"]) == (first["mismatch_since"], first["grace_ends_at"])
    clock.advance(9 * DAY)
    await desk.tick("end_grace")
    assert (await desk.file(FILE_ID))["state"] == "host_mismatch"
    clock.advance(DAY)
    await desk.tick("end_grace")
    await desk.tick("end_grace")
    wanted = [("host_mismatch", True, 2), ("installed", True, 3), ("host_mismatch", True, 4), ("grace_exceeded", False, 5)]
    assert await changes(bus, 4) == wanted
    await moved(bus, ledger, 5, MAC)
    over = await desk.file(FILE_ID)
    assert (over["state"], over["granted"]) == ("grace_exceeded", False)
    assert codes(await desk.upload(GOOD)) == {"already_installed"}


async def test_a_raised_major_gives_the_same_grace(desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock) -> None:
    ledger.put("headquarters", MAC, product_version="4.2")
    await desk.upload(made_file(version="4.0"))
    await moved(bus, ledger, 2, MAC, product_version="5.0")
    (event,) = await bus.hear(LicenseFileStateChanged)
    assert (event.state, event.granting) == ("version_mismatch", True)
    since = datetime.fromisoformat((await desk.file(FILE_ID))["mismatch_since"])
    assert event.grace_ends_at == since + 30 * DAY
    clock.advance(30 * DAY)
    await desk.tick("end_grace")
    assert (await changes(bus, 2))[1:] == [("grace_exceeded", False, 3)]


async def test_a_file_is_valid_through_the_last_second_of_its_day(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    today = clock.now().date()
    answer = await desk.upload(made_file(expiry=today + DAY))
    assert answer.json()["expires_at"] == f"{today + DAY}T23:59:59Z"
    midnight = datetime.combine(today + 2 * DAY, datetime.min.time(), UTC)
    clock.advance(midnight - timedelta(seconds=30) - clock.now())
    await desk.tick("expire")
    assert (await desk.file(FILE_ID))["state"] == "installed"
    clock.advance(midnight - clock.now())
    await desk.tick("expire")
    assert await changes(bus, 1) == [("expired", False, 2)]
    assert codes(await desk.upload(made_file(expiry=today + DAY))) == {"already_installed", "expired"}


async def test_a_file_is_as_good_as_the_first_of_its_lines_to_expire(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    today = clock.now().date()
    lines = [made_line(1, expiry=today + 9 * DAY), made_line(2, expiry=today), made_line(3)]
    assert (await desk.upload(made_file(*lines))).json()["expires_at"] == f"{today}T23:59:59Z"
    clock.advance(DAY)
    await desk.tick("expire")
    assert await changes(bus, 1) == [("expired", False, 2)]
    assert codes(await desk.upload(made_file(*lines))) == {"already_installed", "expired"}


async def test_events_of_a_cluster_that_come_late_or_twice_change_nothing(desk: Desk, bus: RememberingBus, ledger: StubLedger) -> None:
    await desk.upload(GOOD)
    ledger.put("headquarters", FOREIGN_MAC, version=2)
    late = ledger.changed("headquarters")
    await moved(bus, ledger, 3, MAC, OTHER_MAC)
    await bus.say(late)
    await bus.say(late)
    assert (await desk.file(FILE_ID))["state"] == "installed"
    await moved(bus, ledger, 4, OTHER_MAC)
    await bus.say(ledger.changed("headquarters"))
    assert await changes(bus, 1) == [("host_mismatch", True, 2)]
    assert (await desk.file(FILE_ID))["version"] == 2


async def test_a_file_is_judged_by_the_newest_that_is_known_of_its_cluster(desk: Desk, bus: RememberingBus, ledger: StubLedger) -> None:
    """The node went away between the question to the ledger and the upload's own transaction."""
    await moved(bus, ledger, 5, OTHER_MAC)
    ledger.put("headquarters", MAC, version=4)
    assert codes(await desk.upload(GOOD)) == {"not_this_host"}


async def test_what_an_upload_learns_of_its_cluster_moves_the_other_files_too(desk: Desk, bus: RememberingBus, ledger: StubLedger) -> None:
    await desk.upload(GOOD)
    ledger.put("headquarters", OTHER_MAC, version=2)
    assert (await desk.upload(made_file(license_file_id=OTHER_ID, mac=OTHER_MAC))).status_code == 201
    await bus.say(ledger.changed("headquarters"))
    assert (await desk.file(FILE_ID))["state"] == "host_mismatch"
    assert await changes(bus, 1) == [("host_mismatch", True, 2)]


async def test_a_rehost_is_one_event_and_supersedes_the_old_file_for_good(
    desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock
) -> None:
    await desk.upload(made_file(license_file_id=OLD_ID))
    await moved(bus, ledger, 2, OTHER_MAC)
    new = made_file(mac=OTHER_MAC, original_mac=MAC, replaces=(OLD_ID, OLDEST_ID))
    assert (await desk.upload(new)).json()["replaces"] == [OLD_ID, OLDEST_ID]
    installed = (await bus.hear(LicenseFileInstalled, 2))[1]
    assert installed.replaces == [OLD_ID, OLDEST_ID]
    old = await desk.file(OLD_ID)
    assert (old["state"], old["superseded_by"], old["granted"], old["version"]) == ("superseded", FILE_ID, False, 3)
    clock.advance(60 * DAY)
    await desk.tick("end_grace")
    await moved(bus, ledger, 3, MAC, OTHER_MAC)
    for file_id in (OLD_ID, OLDEST_ID):
        assert codes(await desk.upload(made_file(license_file_id=file_id))) == {"superseded"}
    assert codes(await desk.upload(made_file(license_file_id=OLD_ID), "branch")) == {"superseded"}
    assert await changes(bus, 1) == [("host_mismatch", True, 2)]


async def test_a_rehost_that_was_never_installed_simply_adds_and_is_remembered(desk: Desk, bus: RememberingBus) -> None:
    assert (await desk.upload(made_file(replaces=(OLD_ID,)))).status_code == 201
    assert codes(await desk.upload(made_file(license_file_id=OLD_ID))) == {"superseded"}
    assert bus.heard(LicenseFileStateChanged) == []


async def test_a_rehost_into_another_cluster_takes_the_units_of_the_old_one_there(desk: Desk, bus: RememberingBus) -> None:
    await desk.upload(made_file(license_file_id=OLD_ID), "branch")
    assert (await desk.upload(made_file(replaces=(OLD_ID,)))).status_code == 201
    (event,) = await bus.hear(LicenseFileStateChanged)
    assert (event.cluster, event.license_file_id, event.state, event.granting) == ("branch", OLD_ID, "superseded", False)


async def test_a_rehost_and_its_ancestor_uploaded_at_once_never_both_grant(desk: Desk, bus: RememberingBus) -> None:
    old, new = made_file(license_file_id=OLD_ID), made_file(replaces=(OLD_ID,))
    calls = [desk.upload(content, cluster) for cluster in ("headquarters", "branch") for content in (old, new, old, new)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {201, 422}
    files = [file for cluster in ("headquarters", "branch") for file in await desk.listed(cluster)]
    assert [file["license_file_id"] for file in files if file["state"] == "installed"] == [FILE_ID]
    assert {file["state"] for file in files} <= {"installed", "superseded"}
    accepted = sorted(answer.json()["license_file_id"] for answer in answers if answer.status_code == 201)
    assert len(set(accepted)) == len(accepted)
    assert sorted(event.license_file_id for event in await bus.hear(LicenseFileInstalled, len(accepted))) == accepted


async def test_a_retired_file_stays_retired_when_a_rehost_replaces_it(desk: Desk, bus: RememberingBus) -> None:
    await desk.upload(made_file(license_file_id=OLD_ID))
    await desk.http.delete(f"/v1/clusters/headquarters/license-files/{OLD_ID}")
    await desk.upload(made_file(replaces=(OLD_ID,)))
    assert (await desk.file(OLD_ID))["state"] == "retired"
    assert codes(await desk.upload(made_file(license_file_id=OLD_ID))) == {"superseded", "retired"}


async def test_granted_follows_the_latest_version_the_ledger_answers(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    await desk.upload(GOOD)

    async def said(version: int, granted: bool, **changed: Any) -> bool:
        values = {"cluster": "headquarters", "license_file_id": FILE_ID, "version": version, "granted": granted, "at": clock.now()}
        await bus.say(GrantsChanged(**{**values, **changed}))
        return bool((await desk.file(FILE_ID))["granted"])

    assert await said(1, True)
    assert not await said(3, False)
    assert not await said(2, True)
    assert await said(4, True)
    assert await said(4, False, at=clock.now() - DAY)
    assert await said(9, True, license_file_id="starter")
