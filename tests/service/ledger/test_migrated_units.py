"""What a migration gave free of charge counts beside what was purchased, and is told apart: by feature, by file, then and now."""

import csv
import io
from typing import Any

from tests.service.ledger.conftest import LedgerUnderTest, file_id

INVENTORY = {"from_version": "4.2", "to_version": "5.0", "nodes": 2, "devices": [{"device_type": "phone-5", "count": 3}]}


async def migrate(ledger: LedgerUnderTest, cluster: str = "hq") -> str:
    answer = await ledger.http.post(f"/v1/clusters/{cluster}/migration", json=INVENTORY)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["migration_id"])


async def features(ledger: LedgerUnderTest, path: str = "/v1/clusters/hq/unit-report", **params: str) -> dict[str, tuple[int, int]]:
    """authorized and migrated units by feature"""
    body: dict[str, Any] = (await ledger.http.get(path, params=params)).json()
    return {f["feature"]: (f["authorized"], f["migrated_units"]) for f in body["features"]}


async def test_migrated_units_count_beside_purchased_ones_and_are_told_apart(ledger: LedgerUnderTest) -> None:
    assert await features(ledger) == {"CCM_NODE": (1, 0), "PHONE_UNIT": (50, 0)}  # the starter is no migration
    migration_id = await migrate(ledger)
    assert await features(ledger) == {"CCM_NODE": (2, 2), "PHONE_UNIT": (15, 15)}  # the provisional grant
    await ledger.install(1, ("PHONE_UNIT", 100, 5))
    await ledger.install(2, ("CCM_NODE", 2, 0), ("PHONE_UNIT", 15, 1), migration_id=migration_id)
    assert await features(ledger) == {"CCM_NODE": (2, 2), "PHONE_UNIT": (115, 15)}
    files = (await ledger.report())["license_files"]
    assert isinstance(files, list)
    assert {file["license_file_id"]: file["migration_id"] for file in files} == {
        "starter": None,
        "migration": migration_id,
        file_id(1): None,
        file_id(2): migration_id,
    }
    await ledger.change_file(2, 2, "retired", granting=False)
    assert await features(ledger) == {"CCM_NODE": (0, 0), "PHONE_UNIT": (100, 0)}


async def test_a_rehost_of_the_free_file_is_of_the_same_migration(ledger: LedgerUnderTest) -> None:
    migration_id = await migrate(ledger)
    await ledger.install(1, ("PHONE_UNIT", 15, 0), migration_id=migration_id)
    await ledger.install(2, ("PHONE_UNIT", 15, 0), migration_id=migration_id, replaces=[file_id(1)])
    assert (await features(ledger))["PHONE_UNIT"] == (15, 15)


async def test_a_report_of_the_past_tells_what_migrations_gave_then(ledger: LedgerUnderTest) -> None:
    migration_id = await migrate(ledger)
    frozen = await ledger.report()
    await ledger.install(1, ("PHONE_UNIT", 15, 0), ("CCM_NODE", 2, 0), migration_id=migration_id)
    await ledger.install(2, ("PHONE_UNIT", 40, 0))
    full = await ledger.report()
    await ledger.change_file(1, 2, "retired", granting=False)
    for told in (frozen, full):
        then = (await ledger.http.get("/v1/clusters/hq/unit-report", params={"at": str(told["at"])})).json()
        assert (then["features"], then["license_files"]) == (told["features"], told["license_files"])
    assert (await features(ledger, at=str(full["at"])))["PHONE_UNIT"] == (55, 15)
    await ledger.assert_journal()


async def test_the_csv_has_them_in_columns_of_their_own(ledger: LedgerUnderTest) -> None:
    migration_id = await migrate(ledger)
    await ledger.install(1, ("PHONE_UNIT", 15, 0), migration_id=migration_id)
    await ledger.install(2, ("PHONE_UNIT", 40, 0))
    answer = await ledger.http.get("/v1/clusters/hq/unit-report", headers={"Accept": "text/csv"})
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert (rows["PHONE_UNIT"]["authorized"], rows["PHONE_UNIT"]["migrated_units"]) == ("55", "15")
    assert (rows[file_id(1)]["migration_id"], rows[file_id(2)]["migration_id"]) == (migration_id, "")


async def test_the_enterprise_view_sums_them_over_all_clusters(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("other")
    await ledger.put_cluster("bought")
    migration_id = await migrate(ledger)
    await migrate(ledger, "other")
    await ledger.install(1, ("PHONE_UNIT", 15, 0), migration_id=migration_id)
    await ledger.install(2, ("PHONE_UNIT", 40, 0), cluster="bought")
    assert await features(ledger, "/v1/unit-report") == {"CCM_NODE": (3, 2), "PHONE_UNIT": (70, 30)}
