"""The License Unit Report: of a cluster, as JSON or CSV, and of all clusters."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from services.ledger.actions.report_past import report_past
from services.ledger.actions.report_units import report_enterprise_units, report_units
from services.ledger.routes import ClusterName
from services.ledger.routes.csv_text import CSV_TYPE, csv_of, wants_csv
from shared.contracts.bodies.ledger import EnterpriseUnitReport, UnitReport
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1", tags=["unit report"])

COLUMNS = (
    *("cluster", "kind", "name", "status", "granted", "authorized", "overdraft_allowed", "used", "remaining", "overdraft"),
    *("devices", "nodes", "units_each", "units", "stage", "migrated_units", "migration_id"),
)


def _row(report: UnitReport, kind: str, **cells: object) -> list[object]:
    return [{"cluster": report.cluster, "kind": kind, **cells}.get(column, "") for column in COLUMNS]


def _rows(report: UnitReport) -> Iterator[list[object]]:
    """One table; ``kind`` says what a row is about, and a column that does not concern it is empty."""
    yield list(COLUMNS)
    for feature in report.features:
        yield _row(report, "feature", name=feature.feature, **feature.model_dump(exclude={"feature"}))
    for used in report.device_types:
        yield _row(report, "device_type", name=used.device_type, **used.model_dump(exclude={"device_type"}))
    for file in report.license_files:
        cells = {
            "granted": "yes" if file.granted else "no",
            "nodes": file.nodes,
            "units": file.units,
            "migration_id": file.migration_id or "",
        }
        yield _row(report, "license_file", name=file.license_file_id, status=file.state, overdraft_allowed=file.overdraft_units, **cells)
    for lacking in report.unmet_demand or ():
        cells = {"devices": lacking.devices, "units": lacking.units}
        yield _row(report, "unmet_demand", name=lacking.device_type or lacking.feature, status=lacking.rule, **cells)
    if report.journal:
        yield _row(report, "journal", name=report.journal.head)


@router.get(
    "/clusters/{cluster}/unit-report",
    response_model=UnitReport,
    openapi_extra=needs("viewer"),
    responses={200: {"content": {CSV_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_unit_report(
    cluster: ClusterName,
    tx: TransactionDep,
    response: Response,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    at: Annotated[AwareDatetime | None, Query(description="An instant that is over: the report of then, made from the journal.")] = None,
) -> UnitReport | Response:
    """Units authorized, used and remaining by feature, devices by type, and the license files that grant; all of one moment."""
    report = await report_units(tx, cluster) if at is None else await report_past(tx, cluster, at)
    response.headers["Vary"] = "Accept"
    if not wants_csv(accept):
        return report
    return Response(csv_of(_rows(report)), media_type=CSV_TYPE, headers=dict(response.headers))


@router.get("/unit-report", openapi_extra=needs("viewer"))
async def get_enterprise_unit_report(tx: TransactionDep) -> EnterpriseUnitReport:
    """All clusters together: sums by feature, and how many clusters are in which state. Units of one cluster serve no other."""
    return await report_enterprise_units(tx)
