"""The migration file: what the ledger keeps, as XML that the vendor's desk reads back without loss."""

from datetime import datetime

from services.licensefile.actions.render_migration import render_migration
from shared.contracts.bodies.migrations import CoveredType, Migration
from shared.license_file.migration_file import read
from tests.service.licensefile.conftest import CREATED_AT, Desk, StubLedger

MIGRATION = Migration(
    cluster="warehouse & co",
    migration_id="MIG-0001",
    from_version="4.2",
    to_version="5.0",
    nodes=1,
    devices=[
        CoveredType(device_type="cisco-7960", count=10, units_each=4),
        CoveredType(device_type="cisco-7936", count=2, units_each=3),
    ],
    total_units=46,
    completed=False,
    created_at=datetime.fromisoformat(CREATED_AT),
)


async def test_the_migration_file_reads_back_with_its_digest(desk: Desk, ledger: StubLedger) -> None:
    ledger.migrations["warehouse & co"] = MIGRATION.model_dump(mode="json")
    answer = await desk.http.get("/v1/clusters/warehouse%20&%20co/migration-file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''migration-warehouse%20%26%20co.xml"
    found = read(answer.content)
    assert (found.migration_id, found.source_cluster, found.nodes, found.total_units) == ("MIG-0001", "warehouse & co", 1, 46)
    assert found.device_types == (("cisco-7936", 2, 3), ("cisco-7960", 10, 4))
    assert found.digest.encode() in answer.content
    turned = MIGRATION.model_copy(update={"devices": list(reversed(MIGRATION.devices))})
    assert render_migration(turned) == answer.content


async def test_a_cluster_without_migration_has_no_migration_file(desk: Desk) -> None:
    answer = await desk.http.get("/v1/clusters/headquarters/migration-file")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:licensing:problem:not-found")


async def test_a_migration_beyond_the_files_limits_says_what_is_too_much(desk: Desk, ledger: StubLedger) -> None:
    ledger.migrations["headquarters"] = {**MIGRATION.model_dump(mode="json"), "nodes": 1_000_000_000}
    answer = await desk.http.get("/v1/clusters/headquarters/migration-file")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:licensing:problem:migration-file-impossible")
    assert "nodes 1000000000" in answer.json()["detail"]
