"""/v1/clusters/{cluster}/migration: from 4.x, whose devices and nodes are covered free of charge."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.ledger.actions.start_migration import Inventory
from services.ledger.actions.start_migration import start_migration as start
from services.ledger.routes import ClusterName, LimitsDep
from services.ledger.routes.csv_text import CSV_TYPE
from services.ledger.routes.inventory_text import NDJSON_TYPE
from services.ledger.routes.migration_inventory import received
from services.ledger.store import listings, migrations
from shared.contracts.bodies.migrations import CoveredType, Migration, UnknownModel
from shared.contracts.bodies.reconciliations import LARGEST_INVENTORY_BYTES
from shared.kit.idempotency import OnceDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import Transaction, TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/migration", tags=["migration"])

_TEXTS: dict[str, Any] = {
    CSV_TYPE: {"schema": {"type": "string"}, "example": "Device Name,Device Type\nSEP001122334455,Cisco 7970\n"},
    NDJSON_TYPE: {"schema": {"type": "string"}, "example": '{"device": "SEP001122334455", "model": "Cisco 7970"}\n'},
}


async def _found(tx: Transaction, cluster: str) -> Migration:
    row = await listings.cluster_row(tx, cluster)
    found = await migrations.find(tx, cluster)
    if found is None or row.migration_id is None:
        raise NotFound("migration of cluster", cluster)
    kept, coverage = found
    return Migration(
        cluster=cluster,
        migration_id=row.migration_id,
        from_version=coverage.from_version,
        to_version=coverage.to_version,
        nodes=coverage.nodes,
        devices=[CoveredType(device_type=name, count=count, units_each=each) for name, count, each in coverage.types],
        total_units=coverage.units,
        completed=not row.frozen,
        created_at=kept.created_at,
        unknown_models=[UnknownModel(model=m.model, devices=m.devices, first_rows=list(m.first_rows)) for m in coverage.unknown],
        rows=coverage.rows,
        repeated_rows=coverage.repeated_rows,
        first_repeated_rows=list(coverage.first_repeated_rows),
    )


@router.post(
    "",
    status_code=201,
    openapi_extra={**needs("admin", largest_body_bytes=LARGEST_INVENTORY_BYTES), "requestBody": {"content": _TEXTS}},
)
async def start_migration(
    cluster: ClusterName,
    inventory: Annotated[tuple[BaseModel, Inventory], Depends(received)],
    tx: TransactionDep,
    limits: LimitsDep,
    once: OnceDep,
    unknown: Annotated[
        Literal["list", "refuse"], Query(description="Models that stand in no catalogue: list them, or refuse the inventory (422).")
    ] = "list",
) -> Migration:
    """Cover the devices and nodes of a 4.x cluster and freeze it: until the real license file is installed nothing else is added. The
    inventory gives counts by device type, or a row for each device (up to 100 000): as JSON, as NDJSON, or as CSV whose header names a
    column of devices and one of models (`Device Name`, `Device Type`, `Model`, …) or the columns device_type and count."""
    asked, wanted = inventory

    async def act() -> Migration:
        await start(tx, limits, cluster, wanted, refuse_unknown=unknown == "refuse")
        return await _found(tx, cluster)

    return await once.answer(Migration, asked, act)


@router.get("", openapi_extra=needs("viewer"))
async def get_migration(cluster: ClusterName, tx: TransactionDep) -> Migration:
    """What the cluster's migration counted, what it found in no catalogue, and whether its real license file is installed."""
    return await _found(tx, cluster)
