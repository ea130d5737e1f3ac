"""/v1/clusters/{cluster}/migration: from 4.x, whose devices and nodes are covered free of charge."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import Discriminator, Tag, ValidationError
from pydantic.json_schema import SkipJsonSchema

from services.ledger.actions.start_migration import start_migration as start
from services.ledger.domain.refusals import invalid_inventory
from services.ledger.routes import ClusterName, LimitsDep
from services.ledger.routes.csv_text import CSV_TYPE, read_inventory
from services.ledger.store import listings, migrations
from shared.contracts.bodies.ledger import CoveredType, Migration, NewMigration
from shared.contracts.fields import ProductVersion
from shared.kit.idempotency import OnceDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import Transaction, TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/migration", tags=["migration"])


def _kind(body: object) -> str:
    return "csv" if isinstance(body, bytes) else "json"


Inventory = Annotated[
    Annotated[NewMigration, Tag("json")] | Annotated[SkipJsonSchema[bytes], Tag("csv")],
    Discriminator(_kind),
]


async def _inventory(
    body: Inventory,
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
    from_version: Annotated[ProductVersion | None, Query(description="With CSV only.")] = None,
    to_version: Annotated[ProductVersion | None, Query(description="With CSV only.")] = None,
    nodes: Annotated[int | None, Query(ge=0, description="With CSV only: the nodes of the cluster.")] = None,
) -> NewMigration:
    if isinstance(body, NewMigration):
        return body
    if content_type.partition(";")[0].strip().lower() != CSV_TYPE:
        raise invalid_inventory(["the body must be JSON (application/json) or CSV (text/csv)"])
    values = {"from_version": from_version, "to_version": to_version, "nodes": nodes}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return NewMigration.model_validate({**given, "devices": read_inventory(body)})
    except ValidationError as wrong:
        errors = [{**error, "loc": ("body" if error["loc"][0] == "devices" else "query", *error["loc"])} for error in wrong.errors()]
        raise RequestValidationError(errors) from wrong


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
    )


@router.post(
    "",
    status_code=201,
    openapi_extra={**needs("admin"), "requestBody": {"content": {CSV_TYPE: {"schema": {"type": "string"}}}}},
)
async def start_migration(
    cluster: ClusterName, inventory: Annotated[NewMigration, Depends(_inventory)], tx: TransactionDep, limits: LimitsDep, once: OnceDep
) -> Migration:
    """Cover the devices and nodes of a 4.x cluster and freeze it: until the real license file is installed nothing else is added. The
    inventory is JSON, or CSV with the columns device_type and count."""

    async def act() -> Migration:
        await start(tx, limits, cluster, inventory)
        return await _found(tx, cluster)

    return await once.answer(Migration, inventory, act)


@router.get("", openapi_extra=needs("viewer"))
async def get_migration(cluster: ClusterName, tx: TransactionDep) -> Migration:
    """What the cluster's migration counted, and whether its real license file is installed."""
    return await _found(tx, cluster)
