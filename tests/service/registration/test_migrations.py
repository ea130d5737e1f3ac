"""Free license files for what a 4.x cluster already has."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import fromstring, tostring

import pytest

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.license_file.migration_file import MigrationFile, write
from tests.house import RememberingBus, running
from tests.service.registration.desk import EMAIL, MAC, OTHER_MAC, Desk, desk_app, problem_of

MIGRATION = MigrationFile(
    migration_id="m-20260314-1",
    source_cluster="headquarters",
    from_version="4.1(3)",
    to_version="5.0(1)",
    nodes=4,
    device_types=(("cisco-7970", 40, 5), ("cisco-7920", 10, 4)),
)


@pytest.fixture
async def strict_desk(database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[Desk]:
    """A desk that gives nothing above 100 units without approval."""
    async with running(desk_app(database_url, tmp_path, bus, clock, metrics, migration_approval_units=100)) as client:
        yield Desk(client, tmp_path)


async def test_a_migration_file_yields_a_license_file_free_of_charge(desk: Desk) -> None:
    answer = await desk.migrate(MIGRATION)
    assert answer.status_code == 201, answer.text
    assert {"mac": MAC, "nodes": 4, "units": 240, "overdraft_units": 12}.items() <= answer.json().items()
    nodes, units = await desk.lines(answer.json()["license_file_id"])
    assert (nodes.feature, nodes.units, nodes.order_count) == ("CCM_NODE", 4, 4)
    assert (units.feature, units.units, units.order_count, units.overdraft_units) == ("PHONE_UNIT", 240, 240, 12)
    for line in (nodes, units):
        assert (line.version, line.migration_id, line.pak, line.host_ids) == ("5.0", MIGRATION.migration_id, None, (MAC,))


async def test_a_migration_to_6_includes_the_software_license(desk: Desk) -> None:
    made = (await desk.migrate(replace(MIGRATION, to_version="6.1(2)"))).json()
    assert [(line.feature, line.version) for line in await desk.lines(made["license_file_id"])][-1] == ("SW_FEATURE", "6.1")


async def test_a_migration_is_registered_once(desk: Desk) -> None:
    made = (await desk.migrate(MIGRATION)).json()["license_file_id"]
    again = await desk.migrate(MIGRATION, OTHER_MAC)
    assert problem_of(again) == (409, "migration-already-registered")
    assert again.json()["license_file_id"] == made


async def test_there_is_one_free_file_per_source_cluster_and_mac(desk: Desk) -> None:
    made = (await desk.migrate(MIGRATION)).json()["license_file_id"]
    second = replace(MIGRATION, migration_id="m-20260315-2")
    refused = await desk.migrate(second)
    assert problem_of(refused) == (409, "migration-already-registered")
    assert refused.json()["license_file_id"] == made
    moved = (await desk.rehost(made, OTHER_MAC)).json()["license_file_id"]
    for mac in (MAC, OTHER_MAC):  # it was made for the one and is bound to the other; the file that is good now is named
        refused = await desk.migrate(second, mac)
        assert (*problem_of(refused), refused.json()["license_file_id"]) == (409, "migration-already-registered", moved)
    assert (await desk.migrate(MIGRATION)).json()["license_file_id"] == moved
    assert (await desk.migrate(replace(second, source_cluster="branch"))).status_code == 201
    assert len((await desk.http.get("/v1/orders")).json()["items"]) == 2


async def test_of_ten_registrations_of_a_migration_at_once_exactly_one_is_made(desk: Desk) -> None:
    sent = [replace(MIGRATION, migration_id=f"m-{n % 3}") for n in range(10)]
    answers = await asyncio.gather(*(desk.migrate(one) for one in sent))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert len({answer.json()["license_file_id"] for answer in answers}) == 1


async def test_a_migrated_license_is_rehosted_and_keeps_its_migration(desk: Desk) -> None:
    made = (await desk.migrate(MIGRATION)).json()["license_file_id"]
    again = (await desk.rehost(made)).json()["license_file_id"]
    for line in await desk.lines(again):
        assert (line.migration_id, line.replaces, line.original_mac) == (MIGRATION.migration_id, (made,), MAC)


async def test_a_migration_above_the_threshold_waits_for_the_vendors_approval(strict_desk: Desk) -> None:
    waits = await strict_desk.migrate(MIGRATION)
    assert problem_of(waits) == (409, "migration-awaits-approval")
    order_id = waits.json()["order_id"]
    assert waits.json()["detail"] == (
        "Migration m-20260314-1 needs 4 nodes and 240 units; up to 100 nodes and 100 units in all are given to one source cluster "
        f"without approval. Once order {order_id} is approved, register the same migration file again."
    )
    assert (await strict_desk.migrate(MIGRATION)).json()["order_id"] == order_id
    changed = await strict_desk.migrate(replace(MIGRATION, nodes=400))
    assert problem_of(changed) == (409, "migration-file-changed")
    order = (await strict_desk.http.get(f"/v1/orders/{order_id}")).json()
    assert {"status": "requested", "migration_id": MIGRATION.migration_id, "nodes": 4, "units": 240}.items() <= order.items()
    approved = (await strict_desk.http.post(f"/v1/orders/{order_id}/approval")).json()
    assert (approved["status"], approved["pak"]) == ("approved", None)
    made = await strict_desk.migrate(MIGRATION)
    assert (made.status_code, made.json()["units"]) == (201, 240)


async def test_the_threshold_holds_for_all_free_files_of_one_source_cluster_together(strict_desk: Desk) -> None:
    """Otherwise a cluster with many nodes would get as many free files, each just below it."""
    small = replace(MIGRATION, device_types=(("cisco-7970", 12, 5),))
    assert (await strict_desk.migrate(small)).status_code == 201
    second = replace(small, migration_id="m-2")
    refused = await strict_desk.migrate(second, OTHER_MAC)
    assert problem_of(refused) == (409, "migration-awaits-approval")
    assert (refused.json()["nodes"], refused.json()["given_nodes"], refused.json()["given_units"]) == (4, 4, 60)
    assert "beside the 4 nodes and 60 units given before" in refused.json()["detail"]
    await strict_desk.http.post(f"/v1/orders/{refused.json()['order_id']}/approval")
    assert (await strict_desk.migrate(second, OTHER_MAC)).status_code == 201
    assert (await strict_desk.migrate(replace(second, source_cluster="branch", migration_id="m-3"))).status_code == 201


async def test_free_files_asked_for_at_once_do_not_pass_the_threshold_together(strict_desk: Desk) -> None:
    small = replace(MIGRATION, device_types=(("cisco-7970", 6, 5),))
    asked = [(replace(small, migration_id=f"m-{n}"), f"0015C5F3A1{n:02X}") for n in range(8)]
    answers = await asyncio.gather(*(strict_desk.migrate(migration, mac) for migration, mac in asked))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert [file["units"] for file in made] == [30] * 3
    assert {problem_of(answer) for answer in answers if answer.status_code != 201} == {(409, "migration-awaits-approval")}


async def test_the_same_idempotency_key_serves_before_and_after_the_approval(strict_desk: Desk) -> None:
    body = {"migration_file": write(MIGRATION).decode(), "mac": MAC, "email": EMAIL}
    key = {"Idempotency-Key": "migration"}
    waits = await strict_desk.http.post("/v1/registrations", json=body, headers=key)
    await strict_desk.http.post(f"/v1/orders/{waits.json()['order_id']}/approval")
    made = [await strict_desk.http.post("/v1/registrations", json=body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("not XML", "invalid-migration-file"),
        ("\x00", "invalid-migration-file"),
        ("<migrationFile/>", "invalid-migration-file"),
        ("<!DOCTYPE x [<!ENTITY a 'a'>]><x>&a;</x>", "invalid-migration-file"),
        ("<?xml version='1.0' encoding='UTF-16'?><migrationFile/>", "invalid-migration-file"),
        (write(MIGRATION).decode().replace("<nodes>4<", "<nodes>400<"), "invalid-migration-file"),
        (write(MIGRATION).decode()[:-30], "invalid-migration-file"),
        (write(replace(MIGRATION, nodes=0, device_types=())).decode(), "invalid-migration-file"),
        (write(replace(MIGRATION, to_version="0.0")).decode(), "invalid-migration-file"),
        (write(replace(MIGRATION, to_version="4.2")).decode(), "unsupported-version"),
    ],
)
async def test_a_migration_file_that_cannot_be_licensed_is_refused_with_reasons(desk: Desk, text: str, slug: str) -> None:
    refused = await desk.migrate(text)
    assert problem_of(refused) == (422, slug)
    if slug == "invalid-migration-file":
        assert refused.json()["reasons_total"] == len(refused.json()["reasons"]) >= 1
    assert (await desk.http.get("/v1/orders")).json()["items"] == []


UNCOVERED: Final = replace(MIGRATION, unknown_models=(("Cisco ATA 186/188", 7), ("Fax", 1)))
ELEMENTS: Final = [
    *("migrationId", "sourceCluster", "fromVersion", "toVersion", "nodes", "totalUnits", "digest"),
    *("devices/device/deviceType", "devices/device/count", "devices/device/unitsEach"),
    *("unknownModels/unknownModel/model", "unknownModels/unknownModel/count"),
]


def _altered(element: str) -> str:
    """The file with the last digit or letter of an element's text exchanged for its neighbour."""
    root = fromstring(write(UNCOVERED))
    found = root.find(element)
    assert found is not None
    assert found.text is not None
    found.text = found.text[:-1] + chr(ord(found.text[-1]) ^ 1)
    return tostring(root, encoding="unicode")


@pytest.mark.parametrize("element", ELEMENTS)
async def test_no_element_of_a_migration_file_may_be_changed(desk: Desk, element: str) -> None:
    refused = await desk.migrate(_altered(element))
    assert problem_of(refused) == (422, "invalid-migration-file")
    assert (await desk.http.get("/v1/orders")).json()["items"] == []


def test_the_table_names_every_element_that_holds_something() -> None:
    leaves = {element.tag for element in fromstring(write(UNCOVERED)).iter() if len(element) == 0}
    assert leaves == {element.rpartition("/")[2] for element in ELEMENTS}


@pytest.mark.parametrize("element", ["devices/device", "unknownModels/unknownModel", "unknownModels", "devices", "nodes"])
async def test_nothing_may_be_taken_out_of_a_migration_file(desk: Desk, element: str) -> None:
    root = fromstring(write(UNCOVERED))
    parent, _, name = element.rpartition("/")
    inside = root.find(parent) if parent else root
    assert inside is not None
    found = inside.find(name)
    assert found is not None
    inside.remove(found)
    assert problem_of(await desk.migrate(tostring(root, encoding="unicode"))) == (422, "invalid-migration-file")


async def test_a_changed_file_with_a_digest_of_its_own_does_not_pass_for_the_one_that_was_registered(desk: Desk) -> None:
    made = (await desk.migrate(UNCOVERED)).json()["license_file_id"]
    for changed in (replace(UNCOVERED, nodes=9), replace(UNCOVERED, unknown_models=()), replace(UNCOVERED, source_cluster="branch")):
        answer = await desk.migrate(changed, OTHER_MAC)
        assert (*problem_of(answer), answer.json()["license_file_id"]) == (409, "migration-already-registered", made)


async def test_whoever_approves_a_migration_sees_what_no_catalogue_has(strict_desk: Desk) -> None:
    waits = await strict_desk.migrate(UNCOVERED)
    assert problem_of(waits) == (409, "migration-awaits-approval")
    assert waits.json()["unknown_devices"] == 8
    assert "240 units (8 devices of unknown models not counted); up to" in waits.json()["detail"]
    order = (await strict_desk.http.get(f"/v1/orders/{waits.json()['order_id']}")).json()
    assert order["unknown_models"] == [{"model": "Cisco ATA 186/188", "devices": 7}, {"model": "Fax", "devices": 1}]
    await strict_desk.http.post(f"/v1/orders/{order['order_id']}/approval")
    made = await strict_desk.migrate(UNCOVERED)
    assert (made.status_code, made.json()["units"]) == (201, 240)  # nothing is licensed for them
