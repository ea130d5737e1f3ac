"""From 4.x: existing devices and nodes are covered, nothing new is added before the real license file."""

import httpx

from shared.contracts.events.ledger import PoolChanged, RequestRefused
from tests.service.ledger.conftest import LedgerUnderTest

A, B, C = "001500000001", "001500000002", "001500000003"
INVENTORY = {
    "from_version": "4.2",
    "to_version": "5.0",
    "nodes": 2,
    "devices": [{"device_type": "phone-5", "count": 2}, {"device_type": "phone-4", "count": 1}],
}


async def migrate(ledger: LedgerUnderTest, **more: object) -> httpx.Response:
    return await ledger.http.post("/v1/clusters/hq/migration", json={**INVENTORY, **more})


async def test_a_migration_counts_what_devices_and_nodes_need_and_removes_the_starter(ledger: LedgerUnderTest) -> None:
    answer = await migrate(ledger)
    body = answer.json()
    assert (answer.status_code, body["total_units"], body["nodes"], body["completed"]) == (201, 14, 2, False)
    assert body["devices"] == [
        {"device_type": "phone-4", "count": 1, "units_each": 4},
        {"device_type": "phone-5", "count": 2, "units_each": 5},
    ]
    assert await ledger.pool() == (14, 0, 0, "within")
    assert await ledger.pool("CCM_NODE") == (2, 0, 0, "within")
    cluster = (await ledger.http.get("/v1/clusters/hq")).json()
    assert (cluster["frozen"], cluster["migrated"], cluster["starter"]) == (True, True, False)
    assert (await ledger.http.get("/v1/clusters/hq/migration")).json() == body
    files = (await ledger.report())["license_files"]
    assert isinstance(files, list)
    assert [(f["license_file_id"], f["granted"], f["units"]) for f in files] == [("migration", True, 14), ("starter", False, 50)]
    versions = [(e.feature, e.version) for e in await ledger.bus.hear(PoolChanged, count=4)]
    assert versions[2:] == [("CCM_NODE", 2), ("PHONE_UNIT", 2)]


async def test_while_frozen_each_type_is_admitted_up_to_its_count_and_nodes_up_to_theirs(ledger: LedgerUnderTest) -> None:
    await migrate(ledger)
    assert [(await ledger.put(f"five{n}", "phone-5")).status_code for n in range(2)] == [201, 201]
    third = await ledger.put("five2", "phone-5")
    assert (third.status_code, third.json()["type"]) == (409, "urn:licensing:problem:provisioning-frozen")
    assert (third.json()["covered"], third.json()["held"]) == (2, 2)
    other = await ledger.put("one", "phone-1")  # a type that was not counted, though units are free
    assert (other.status_code, other.json()["device_type"], other.json()["covered"]) == (409, "phone-1", 0)
    cheaper = await ledger.put("five0", "phone-4")  # one was counted
    assert (cheaper.status_code, cheaper.json()["pool"]["used"]) == (200, 9)
    assert (await ledger.put("five1", "phone-4")).json()["held"] == 1
    assert (await ledger.put("five1", "cti-port")).status_code == 409  # costs nothing, and was not counted
    assert (await ledger.put("five0", "phone-5")).status_code == 200
    assert (await ledger.put("five0", "phone-5")).status_code == 200  # nothing changes
    await ledger.delete("five0")
    assert (await ledger.put("five2", "phone-5")).status_code == 201  # one for one
    await ledger.put_node("cm1", A)
    await ledger.put_node("cm2", B)
    node = await ledger.put_node("cm3", C)
    assert (node.json()["type"], node.json()["covered"], node.json()["held"]) == ("urn:licensing:problem:provisioning-frozen", 2, 2)
    assert {r.rule for r in await ledger.bus.hear(RequestRefused, count=5)} == {"provisioning-frozen"}


async def test_what_another_cluster_covers_or_holds_counts_nowhere_else(ledger: LedgerUnderTest) -> None:
    await migrate(ledger)
    await ledger.put_cluster("other")
    more = {**INVENTORY, "devices": [{"device_type": "phone-5", "count": 1}, {"device_type": "soft", "count": 2}]}
    assert (await ledger.http.post("/v1/clusters/other/migration", json=more)).status_code == 201
    assert (await ledger.put("five0", "phone-5", "other")).status_code == 201
    assert (await ledger.put("pc", "soft", "other", adjunct_of="five0")).status_code == 201
    assert (await ledger.put("soft", "soft")).json()["covered"] == 0
    assert [(await ledger.put(f"five{n}", "phone-5")).status_code for n in range(3)] == [201, 201, 409]
    assert (await ledger.delete("five0")).status_code == 204  # the adjunct is that of a device of the same name elsewhere
    assert (await ledger.delete("five0", "other")).status_code == 409
    await ledger.assert_sums()


async def test_the_real_file_replaces_the_provisional_grant_and_ends_the_freeze(ledger: LedgerUnderTest) -> None:
    migration_id = (await migrate(ledger)).json()["migration_id"]
    await ledger.put("five0", "phone-5")
    await ledger.install(1, ("PHONE_UNIT", 30, 1))  # another file only adds
    assert await ledger.pool() == (44, 1, 5, "within")
    assert (await ledger.put("one", "phone-1")).json()["type"] == "urn:licensing:problem:provisioning-frozen"
    await ledger.install(2, ("CCM_NODE", 2, 0), ("PHONE_UNIT", 14, 0), migration_id=migration_id)
    assert await ledger.pool() == (44, 1, 5, "within")  # never both at once
    assert (await ledger.put("one", "phone-1")).status_code == 201
    assert (await ledger.http.get("/v1/clusters/hq/migration")).json()["completed"] is True
    assert (await ledger.http.get("/v1/clusters/hq")).json()["frozen"] is False
    await ledger.change_file(2, 2, "retired", granting=False)
    assert await ledger.pool() == (30, 1, 6, "within")  # the provisional grant does not come back
    await ledger.assert_sums()


async def test_a_file_of_another_migration_leaves_the_cluster_frozen(ledger: LedgerUnderTest) -> None:
    await migrate(ledger)
    await ledger.install(1, ("PHONE_UNIT", 14, 0), migration_id="0" * 32)
    assert (await ledger.http.get("/v1/clusters/hq")).json()["frozen"] is True


async def test_a_migration_includes_the_software_license_provisionally_and_by_its_file(ledger: LedgerUnderTest) -> None:
    migration_id = (await migrate(ledger, to_version="6.0")).json()["migration_id"]
    assert (await ledger.http.get("/v1/clusters/hq")).json()["product_version"] == "6.0"
    assert (await ledger.put("five0", "phone-5")).status_code == 201
    await ledger.install(1, ("PHONE_UNIT", 14, 0, 6), migration_id=migration_id)
    assert (await ledger.put("one", "phone-1")).status_code == 201
    await ledger.put_cluster(product_version="7.0")
    assert (await ledger.put("two", "phone-1")).json()["type"] == "urn:licensing:problem:software-license-missing"


async def test_a_migration_is_refused_on_a_cluster_that_has_devices_or_files_or_was_migrated(ledger: LedgerUnderTest) -> None:
    await ledger.put("a")
    with_device = await migrate(ledger)
    assert (with_device.status_code, with_device.json()["devices"]) == (409, 1)
    await ledger.delete("a")
    assert (await migrate(ledger)).status_code == 201
    again = await migrate(ledger)
    assert (again.status_code, again.json()["type"]) == (409, "urn:licensing:problem:migration-not-possible")
    await ledger.put_cluster("licensed")
    await ledger.install(1, ("PHONE_UNIT", 1, 0), cluster="licensed")
    with_file = await ledger.http.post("/v1/clusters/licensed/migration", json=INVENTORY)
    assert (with_file.status_code, with_file.json()["license_files"]) == (409, 1)


async def test_an_idempotency_key_gives_the_first_migration_again(ledger: LedgerUnderTest) -> None:
    key = {"Idempotency-Key": "one"}
    first = await ledger.http.post("/v1/clusters/hq/migration", json=INVENTORY, headers=key)
    again = await ledger.http.post("/v1/clusters/hq/migration", json=INVENTORY, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    await ledger.put_cluster("other")
    other = await ledger.http.post("/v1/clusters/other/migration", json=INVENTORY, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")


async def test_the_inventory_may_be_csv(ledger: LedgerUnderTest) -> None:
    asked = {"from_version": "4.1", "to_version": "5.0", "nodes": "3"}
    text = "\ufeffdevice_type,count\r\nphone-5,10\r\nphone-4,0\r\nphone-5,2\r\n"
    answer = await ledger.http.post(
        "/v1/clusters/hq/migration", params=asked, content=text.encode(), headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert (answer.status_code, answer.json()["total_units"], answer.json()["nodes"]) == (201, 60, 3)
    assert answer.json()["devices"] == [{"device_type": "phone-5", "count": 12, "units_each": 5}]


UNREADABLE: list[tuple[bytes, dict[str, str], str]] = [
    (b"", {}, "invalid-request"),
    (b"phone-5,10\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5,ten\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5,-1\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5," + b"9" * 5000 + b"\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone\x00,1\n", {}, "invalid-request"),
    (b"device_type,count\n" + b"phone-5,1\n" * 1001, {}, "invalid-inventory"),
    (b"device_type,count\n=1+1,1\n", {}, "unknown-device-type"),
    (b"device_type,count\nphone-5,+1\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5,1.0\n", {}, "invalid-inventory"),
    (b"device_type,count\nphone-5,\xd9\xa1\n", {}, "invalid-inventory"),
    (b"device_type;count\nphone-5;1\n", {}, "invalid-inventory"),
    (b'device_type,count\n"a\nb",1\n', {}, "invalid-request"),
    (b"device_type,count\n\xff,1\n", {}, "invalid-inventory"),
    (b'device_type,count\n"phone,1\n', {}, "invalid-inventory"),
    (b"device_type,count\nphone-5,1\n", {"nodes": ""}, "invalid-request"),
    (b"device_type,count\nphone-5,1\n", {"nodes": "99999999999999999999"}, "invalid-request"),
    (b"device_type,count\nphone-5,1\n", {"from_version": "four"}, "invalid-request"),
    (b"device_type,count\nno-such-type,1\n", {}, "unknown-device-type"),
]


async def test_a_csv_that_cannot_be_read_is_422(ledger: LedgerUnderTest) -> None:
    for content, params, slug in UNREADABLE:
        asked = {"from_version": "4.1", "to_version": "5.0", "nodes": "3", **params}
        answer = await ledger.http.post("/v1/clusters/hq/migration", params=asked, content=content, headers={"Content-Type": "text/csv"})
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:licensing:problem:{slug}"), (content[:60], params)
    assert (await ledger.http.get("/v1/clusters/hq")).json()["migrated"] is False


async def test_of_a_csv_that_is_too_long_the_rest_is_not_even_read(ledger: LedgerUnderTest) -> None:
    asked = {"from_version": "4.1", "to_version": "5.0", "nodes": "3"}
    text = b"device_type,count\n" + b"x\n" * 1001 + b'"the quote that nobody closes'
    answer = await ledger.http.post("/v1/clusters/hq/migration", params=asked, content=text, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-inventory")
    assert answer.json()["reasons"] == ["it has more than 1000 lines; name each device type once, with the number of its devices"]


async def test_a_csv_needs_its_versions_and_nodes_and_its_content_type(ledger: LedgerUnderTest) -> None:
    text = b"device_type,count\nphone-5,1\n"
    missing = await ledger.http.post("/v1/clusters/hq/migration", content=text, headers={"Content-Type": "text/csv"})
    assert {error["where"] for error in missing.json()["errors"]} == {"query.from_version", "query.to_version", "query.nodes"}
    other = await ledger.http.post("/v1/clusters/hq/migration", content=text, headers={"Content-Type": "application/xml"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:invalid-inventory")


async def test_there_is_no_migration_where_none_was_started(ledger: LedgerUnderTest) -> None:
    answer = await ledger.http.get("/v1/clusters/hq/migration")
    assert (answer.status_code, answer.json()["kind"]) == (404, "migration of cluster")
