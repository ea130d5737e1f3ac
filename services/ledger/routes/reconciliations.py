"""/v1/clusters/{cluster}/reconciliations: the whole inventory against the ledger, applied on request, and taken back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.ledger.actions.ask_reconciliation import Asked, ask_reconciliation
from services.ledger.actions.go_on import Reconciler
from services.ledger.actions.receive_inventory import receive_inventory
from services.ledger.domain.desk import Holding
from services.ledger.routes import ClusterName
from services.ledger.routes.csv_text import CSV_TYPE
from services.ledger.routes.inventory_text import JSON_TYPE, NDJSON_TYPE, lines_of
from services.ledger.store import differences, listings, reconciliations
from services.ledger.store.differences import Found
from shared.contracts.base import Page
from shared.contracts.bodies.reconciliations import (
    LARGEST_INVENTORY_BYTES,
    DevicesAndUnits,
    DifferenceKind,
    DifferenceProblem,
    DifferenceSums,
    HeldUnits,
    Reconciliation,
    ReconciliationDifference,
    ReconciliationProgress,
)
from shared.kit.database import Database
from shared.kit.direct import Direct
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/reconciliations", tags=["reconciliations"])
ReconciliationId = Annotated[str, Path(max_length=64, description="The id that its creation answered.")]
_PATIENCE_SECONDS = 5.0
"""What takes longer is answered with 202, and goes on."""

_DEVICE = {
    "type": "object",
    "required": ["device", "device_type"],
    "properties": {n: {"type": "string"} for n in ("device", "device_type")},
}
_INVENTORY: dict[str, Any] = {
    "required": True,
    "content": {
        JSON_TYPE: {"schema": {"type": "object", "required": ["devices"], "properties": {"devices": {"type": "array", "items": _DEVICE}}}},
        NDJSON_TYPE: {"schema": {"type": "string"}, "example": '{"device": "SEP001122334455", "device_type": "cisco-7970"}\n'},
        CSV_TYPE: {"schema": {"type": "string"}, "example": "device,device_type\nSEP001122334455,cisco-7970\n"},
    },
}
_LATER: dict[int | str, dict[str, Any]] = {202: {"model": Reconciliation, "description": "It goes on; GET it for its progress."}}


async def _reconciler(request: Request) -> Reconciler:
    found = request.app.state.reconciler
    assert isinstance(found, Reconciler)
    return found


async def _database(request: Request) -> Database:
    found = request.app.state.kit.database
    assert isinstance(found, Database)
    return found


ReconcilerDep = Annotated[Reconciler, Depends(_reconciler)]
DatabaseDep = Annotated[Database, Depends(_database)]


@router.post(
    "",
    status_code=201,
    responses=_LATER,
    openapi_extra={**needs("operator", largest_body_bytes=LARGEST_INVENTORY_BYTES), "requestBody": _INVENTORY},
)
async def reconcile_cluster(
    cluster: ClusterName,
    request: Request,
    response: Response,
    reconciler: ReconcilerDep,
    database: DatabaseDep,
    dry_run: Annotated[bool, Query(description="Compare only; it can be applied later.")] = False,
) -> Reconciliation:
    """Compare the whole inventory with the ledger (JSON, NDJSON or CSV with the columns device and device_type, up to 100 000 devices) and,
    unless it is a dry run, apply what differs: ghosts are checked in, wrong types re-priced, missing devices checked out as far as units
    allow. All in one batch, which can be taken back."""
    batches = lines_of(request.stream(), request.headers.get("content-type", ""))
    made = await receive_inventory(database, cluster, batches, dry_run=dry_run)
    await reconciler.go_on(made, _PATIENCE_SECONDS)
    return await _shown(database, cluster, made, response, 201)


@router.get("", openapi_extra=needs("viewer"))
async def list_reconciliations(cluster: ClusterName, tx: TransactionDep, page: PageDep) -> Page[Reconciliation]:
    """The cluster's reconciliations, the newest first."""
    (before,) = page.after(str) or (None,)
    await listings.cluster_row(tx, cluster)
    found = await reconciliations.page(await tx.direct(), cluster, before, page.limit)
    next_cursor = page.next_cursor(len(found), found[-1].reconciliation_id) if found else None
    return Page(items=[_body(one) for one in found], next_cursor=next_cursor)


@router.get("/{reconciliation_id}", openapi_extra=needs("viewer"))
async def get_reconciliation(cluster: ClusterName, reconciliation_id: ReconciliationId, tx: TransactionDep) -> Reconciliation:
    """A reconciliation: its state, how far it is, and in how much the ledger differs."""
    return _body(await _found(await tx.direct(), cluster, reconciliation_id))


@router.get("/{reconciliation_id}/differences", openapi_extra=needs("viewer"))
async def list_differences(
    cluster: ClusterName,
    reconciliation_id: ReconciliationId,
    tx: TransactionDep,
    page: PageDep,
    kind: Annotated[DifferenceKind | None, Query(description="Only differences of this kind.")] = None,
) -> Page[ReconciliationDifference]:
    """Every difference, by kind: what the device holds and should hold, and since it was applied, what became of it."""
    after = page.after(str, int) or ("", 0)
    direct = await tx.direct()
    await _found(direct, cluster, reconciliation_id)
    found = await differences.page(direct, reconciliation_id, kind, (after[0], after[1]), page.limit)
    last = found[-1].difference if found else None
    return Page(
        items=[_shown_difference(one) for one in found], next_cursor=page.next_cursor(len(found), last.kind, last.number) if last else None
    )


@router.post("/{reconciliation_id}/apply", responses=_LATER, openapi_extra=needs("operator"))
async def apply_reconciliation(
    cluster: ClusterName, reconciliation_id: ReconciliationId, response: Response, reconciler: ReconcilerDep, database: DatabaseDep
) -> Reconciliation:
    """Apply what was compared, in one batch; also well when it was applied. Devices that changed since are left as they are."""
    return await _ask(database, reconciler, cluster, reconciliation_id, "apply", response)


@router.post("/{reconciliation_id}/revert", responses=_LATER, openapi_extra=needs("operator"))
async def revert_reconciliation(
    cluster: ClusterName, reconciliation_id: ReconciliationId, response: Response, reconciler: ReconcilerDep, database: DatabaseDep
) -> Reconciliation:
    """Take back what was applied, in one batch; also well when it was. Devices that changed since are left and listed."""
    return await _ask(database, reconciler, cluster, reconciliation_id, "revert", response)


async def _ask(
    database: Database, reconciler: Reconciler, cluster: str, reconciliation_id: str, asked: Asked, response: Response
) -> Reconciliation:
    await ask_reconciliation(database, cluster, reconciliation_id, asked)
    await reconciler.go_on(reconciliation_id, _PATIENCE_SECONDS)
    return await _shown(database, cluster, reconciliation_id, response, 200)


async def _found(direct: Direct, cluster: str, reconciliation_id: str) -> reconciliations.Reconciliation:
    one = await reconciliations.find(direct, cluster, reconciliation_id)
    if one is None:
        raise NotFound("reconciliation", reconciliation_id)
    return one


async def _shown(database: Database, cluster: str, reconciliation_id: str, response: Response, done: int) -> Reconciliation:
    async with database.direct() as tx:
        one = await _found(tx, cluster, reconciliation_id)
    response.status_code = 202 if one.state in reconciliations.AT_WORK else done
    return _body(one)


def _body(one: reconciliations.Reconciliation) -> Reconciliation:
    summary = one.summary
    sums = {name: DevicesAndUnits.model_validate(summary.get(name, {})) for name in DifferenceSums.model_fields}
    return Reconciliation(
        reconciliation_id=one.reconciliation_id,
        cluster=one.cluster,
        dry_run=one.dry_run,
        state=one.state,
        progress=ReconciliationProgress(done=one.done, total=one.total),
        devices=one.lines,
        differences=DifferenceSums(**sums),
        problems=summary.get("problem", {}).get("devices", 0),
        units_change=summary.get("units_change", 0),
        outcomes=summary.get("outcomes", {}),
        failure=one.failure,
        created_at=one.created_at,
        changed_at=one.changed_at,
    )


def _shown_difference(found: Found) -> ReconciliationDifference:
    one = found.difference
    problem = DifferenceProblem(type=f"urn:licensing:problem:{found.rule}", detail=found.detail or "") if found.rule else None
    return ReconciliationDifference(
        number=one.number,
        kind=one.kind,
        device=found.device,
        line=found.line,
        held=_units(one.held),
        wanted=_units(one.wanted),
        other_cluster=found.other_cluster,
        outcome=found.outcome,
        problem=problem,
    )


def _units(holding: Holding | None) -> HeldUnits | None:
    return HeldUnits(device_type=holding.device_type, units=holding.units, adjunct_of=holding.adjunct_of) if holding else None
