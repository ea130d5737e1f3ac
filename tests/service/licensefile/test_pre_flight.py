"""The pre-flight through its door: what it foretells then happens, and asking for it changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.licensefile.tables import LICENSEFILE
from shared.contracts.bodies.registration import NewOrder, NewRehost
from shared.kit.clock import TestClock
from tests.house import RememberingBus, eventually
from tests.service.licensefile.conftest import Desk, StubLedger
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, MAC, OLD_ID, OTHER_ID, OTHER_MAC, made_file, made_line

DAY = timedelta(days=1)
EMAIL = {"email": "it@example.com"}


def feature(name: str, authorized: int, overdraft_allowed: int, used: int) -> dict[str, Any]:
    shown = {"remaining": 0, "overdraft": 0, "status": "within"}  # the pre-flight has to work these out for itself
    return {"feature": name, "authorized": authorized, "overdraft_allowed": overdraft_allowed, "used": used, **shown}


@pytest.fixture
async def cluster(desk: Desk, ledger: StubLedger, clock: TestClock) -> None:
    """At 5.0 with two nodes: a file of each, one that is for a day in ten, and one of 5.0's software license."""
    ledger.put("headquarters", MAC, OTHER_MAC)
    short = (clock.now() + 10 * DAY).date()
    await desk.upload(made_file())
    await desk.upload(made_file(license_file_id=OTHER_ID, mac=OTHER_MAC))
    await desk.upload(made_file(made_line(1, license_file_id=OLD_ID, mac=OTHER_MAC, units=200, overdraft_units=0, expiry=short)))
    ledger.granted = [FILE_ID, OTHER_ID, OLD_ID]
    ledger.features = [feature("CCM_NODE", 30, 0, 2), feature("PHONE_UNIT", 2200, 100, 1040)]


async def ask(desk: Desk, cluster: str = "headquarters", **change: Any) -> httpx.Response:
    return await desk.http.post(f"/v1/clusters/{cluster}/pre-flight", json=change)


async def told(desk: Desk, **change: Any) -> dict[str, Any]:
    answer = await ask(desk, **change)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:licensing:problem:")


@pytest.mark.usefixtures("cluster")
async def test_another_mac_for_the_first_node(desk: Desk) -> None:
    body = await told(desk, first_node_mac="00:15:c5:f3:a1:ff")
    broken = body["license_files"][0]
    assert (broken["license_file_id"], broken["breaks"], broken["before"]["state"]) == (FILE_ID, True, "installed")
    assert (broken["after"]["state"], broken["after"]["granting"]) == ("host_mismatch", True)
    ends = datetime.fromisoformat(body["grace_ends_at"])
    assert ends - datetime.fromisoformat(body["at"]) == 30 * DAY
    assert datetime.fromisoformat(broken["units_end_at"]) == ends
    assert (body["breaking"], body["license_files_total"]) == (1, 3)
    units = {when: next(p for p in body[when]["pools"] if p["feature"] == "PHONE_UNIT") for when in ("before", "after", "in_the_end")}
    assert [(u["authorized"], u["status"]) for u in units.values()] == [(2200, "within"), (2200, "within"), (1000, "overdraft")]
    assert (units["in_the_end"]["remaining"], units["in_the_end"]["overdraft"]) == (0, 40)
    assert [m["node"] for m in (body[when]["license_manager"] for when in units)] == ["cm1", "cm2", "cm2"]
    assert body["summary"] == "License files that break: 1 of 3. PHONE_UNIT loses 1200 later. CCM_NODE loses 15 later."
    assert body["starter"] is None


@pytest.mark.usefixtures("cluster")
async def test_the_calls_at_the_vendors_desk_are_as_it_takes_them(desk: Desk) -> None:
    (rehost,) = (await told(desk, first_node_mac=FOREIGN_MAC))["requests"]
    assert (rehost["kind"], rehost["call"]["path"], rehost["call"]["to_fill_in"]) == ("rehost", "/v1/rehosts", ["email"])
    wanted = NewRehost.model_validate({**rehost["call"]["body"], **EMAIL})
    assert (wanted.license_file_id, wanted.mac) == (FILE_ID, FOREIGN_MAC)
    (software,) = (await told(desk, product_version="6.0"))["requests"]
    assert (software["kind"], software["license_file_id"]) == ("software_license", None)
    assert (software["call"]["path"], software["call"]["to_fill_in"]) == ("/v1/orders", ["customer", "email"])
    order = NewOrder.model_validate({**software["call"]["body"], **EMAIL, "customer": "Example Ltd"})
    assert (order.product_version, order.nodes + order.units > 0) == ("6.0", True)


@pytest.mark.usefixtures("cluster")
async def test_a_raised_version_says_that_the_software_license_is_missing(desk: Desk) -> None:
    body = await told(desk, product_version="6.0")
    assert (body["breaking"], body["before"]["software_license_missing"], body["after"]["software_license_missing"]) == (0, False, True)
    assert "New check-outs are refused at 6.x" in body["summary"]


CHANGES: list[tuple[dict[str, str], tuple[str, ...], str]] = [
    ({}, (MAC, OTHER_MAC), "5.0"),
    ({"first_node_mac": FOREIGN_MAC}, (FOREIGN_MAC, OTHER_MAC), "5.0"),
    ({"product_version": "7.0"}, (MAC, OTHER_MAC), "7.0"),
    ({"first_node_mac": FOREIGN_MAC, "product_version": "6.0"}, (FOREIGN_MAC, OTHER_MAC), "6.0"),
]


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("change", "macs", "version"), CHANGES)
async def test_what_is_foretold_then_happens(
    desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock, change: dict[str, str], macs: tuple[str, ...], version: str
) -> None:
    """The change is made in four days, and then every moment of the timeline comes."""
    body = await told(desk, **change, at=(clock.now() + 4 * DAY).isoformat())
    expected = {file["license_file_id"]: file["before"]["state"] for file in body["license_files"]}
    assert expected == {file["license_file_id"]: file["state"] for file in await desk.listed()}
    for moment in body["timeline"]:
        expected |= {moved["license_file_id"]: moved["state"] for moved in moment["license_files"]}
        # The change is made on time, and everything else is looked at a little later: its grace begins with it.
        later = timedelta() if moment["at"] == body["at"] else timedelta(minutes=10)
        clock.advance(datetime.fromisoformat(moment["at"]) + later - clock.now())
        if moment["at"] == body["at"]:
            ledger.put("headquarters", *macs, version=2, product_version=version)
            await bus.say(ledger.changed("headquarters"))
        for timer in ("expire", "end_grace"):
            await desk.tick(timer)
        listed = {file["license_file_id"]: file for file in await desk.listed()}
        assert {file_id: file["state"] for file_id, file in listed.items()} == expected
    assert len(body["timeline"]) == (3 if "first_node_mac" in change else 2)
    # It is over: asked again, nothing is left to come but what is.
    left = await told(desk)
    assert {file["license_file_id"] for file in left["license_files"]} == {i for i, state in expected.items() if state == "installed"}
    assert left["timeline_total"] == 1


@pytest.mark.usefixtures("cluster")
async def test_grace_that_runs_is_foretold_to_the_second(desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock) -> None:
    ledger.put("headquarters", FOREIGN_MAC, OTHER_MAC, version=2)
    await bus.say(ledger.changed("headquarters"))
    runs = await desk.file(FILE_ID)
    clock.advance(3 * DAY)
    body = await told(desk, first_node_mac="0015C5F3A1EE")
    (file,) = [file for file in body["license_files"] if file["license_file_id"] == FILE_ID]
    assert (file["breaks"], file["after"]["grace_ends_at"], file["units_end_at"]) == (False, runs["grace_ends_at"], runs["grace_ends_at"])
    assert body["requests"][0]["call"]["body"]["mac"] == "0015C5F3A1EE"
    mended = await told(desk, first_node_mac=MAC)
    assert [file["after"]["state"] for file in mended["license_files"]] == ["installed"] * 3


async def rows(desk: Desk) -> dict[str, list[str]]:
    """Every row of the service's schema, with the transaction that wrote it."""
    async with desk.app.state.kit.database.engine.connect() as connection:
        found = await connection.execute(text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'licensefile'"))
        read: dict[str, list[str]] = {}
        for table in found.scalars().all():
            stored = await connection.execute(text(f'SELECT xmin::text || to_jsonb(t)::text FROM licensefile."{table}" t ORDER BY 1'))
            read[table] = list(stored.scalars())
    return read


@pytest.mark.usefixtures("cluster")
async def test_nothing_is_changed_by_asking(desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock) -> None:
    """Not even what is learnt of the cluster on the way, nor a state that its files have by now."""
    ledger.put("headquarters", FOREIGN_MAC, OTHER_MAC, version=9)
    clock.advance(20 * DAY)

    async def handed_over() -> bool:
        found = await rows(desk)
        return (len(found["outbox"]), len(found["handed_over"])) == (0, 3)

    await eventually(handed_over, "the three uploads are told")
    before, said = await rows(desk), len(bus.envelopes)
    assert {table.name for table in LICENSEFILE.metadata.tables.values()} | {"outbox", "idempotency"} <= before.keys()
    assert len(before["license_file"]) == 3
    states = {file["license_file_id"]: file["before"]["state"] for file in (await told(desk))["license_files"]}
    assert states == {FILE_ID: "host_mismatch", OTHER_ID: "installed", OLD_ID: "expired"}
    for change in (
        *(change for change, *_ in CHANGES),
        {"first_node_mac": "nonsense"},
        {"first_node_mac": OTHER_MAC},
        {"product_version": "4.0"},
    ):
        assert (await ask(desk, **change)).status_code in (200, 409, 422)
    assert await rows(desk) == before
    assert len(bus.envelopes) == said


@pytest.mark.usefixtures("cluster")
async def test_what_cannot_be_is_refused_in_the_ledgers_words(desk: Desk, bus: RememberingBus, ledger: StubLedger) -> None:
    ledger.put("branch", FOREIGN_MAC, version=2)
    await bus.say(ledger.changed("branch"))
    elsewhere = await ask(desk, first_node_mac=FOREIGN_MAC)
    assert (problem(elsewhere), elsewhere.json()["used_by_cluster"]) == ((409, "mac-in-use"), "branch")
    here = await ask(desk, first_node_mac=OTHER_MAC)
    assert (problem(here), here.json()["used_by_node"]) == ((409, "mac-in-use"), "cm2")
    assert problem(await ask(desk, product_version="4.9")) == (409, "major-lowered")
    assert problem(await ask(desk, first_node_mac="0015C5F3A1")) == (422, "invalid-mac")
    ledger.put("bare", product_version="5.0")
    assert problem(await ask(desk, "bare", first_node_mac=FOREIGN_MAC.replace("FF", "EE"))) == (409, "first-node-missing")
    assert problem(await ask(desk, "nowhere")) == (404, "not-found")
    ledger.away = True
    assert problem(await ask(desk)) == (503, "upstream-unavailable")


@pytest.mark.usefixtures("cluster")
async def test_a_day_means_its_first_moment_and_an_instant_needs_its_offset(desk: Desk, clock: TestClock) -> None:
    day = (clock.now() + 20 * DAY).date()
    body = await told(desk, at=day.isoformat())
    assert datetime.fromisoformat(body["at"]) == datetime(day.year, day.month, day.day, tzinfo=UTC)
    (expired,) = [file for file in body["license_files"] if file["breaks"]]
    assert (expired["license_file_id"], expired["after"]["state"]) == (OLD_ID, "expired")
    assert [(request["kind"], request["call"]["body"]["units"]) for request in body["requests"]] == [("new_file", 200)]
    assert (await ask(desk, at=clock.now().date().isoformat())).status_code == 200
    east = await told(desk, at=f"{day}T10:00:00+02:00")
    assert datetime.fromisoformat(east["at"]) == datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    assert problem(await ask(desk, at="2020-01-01")) == (422, "invalid-instant")
    assert problem(await ask(desk, at="9999-12-31")) == (422, "invalid-instant")
    for nonsense in (f"{day}T10:00:00", 1_800_000_000, True, "soon", "0001-01-01T00:00:00+14:00"):
        assert problem(await ask(desk, at=nonsense))[0] == 422, nonsense
    assert problem(await ask(desk, mac=MAC)) == (422, "invalid-request")


async def test_the_starter_license_and_a_migration_count(desk: Desk, ledger: StubLedger) -> None:
    starter = await told(desk, product_version="7.0", first_node_mac=FOREIGN_MAC)
    assert (starter["after"]["software_license_missing"], starter["requests"], starter["license_files"]) == (False, [], [])
    assert FOREIGN_MAC in starter["starter"]
    assert (await told(desk))["starter"] == "The starter license stays."
    ledger.clusters["headquarters"]["migrated"] = True
    ledger.granted = ["migration"]
    ledger.migrations["headquarters"] = {
        "cluster": "headquarters", "migration_id": "m1", "from_version": "4.2", "to_version": "6.0", "nodes": 1, "devices": [],
        "total_units": 0, "completed": False, "created_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    migrated = [(await told(desk, product_version=version))["after"]["software_license_missing"] for version in ("6.1", "7.0")]
    assert migrated == [False, True]
