"""/v1/clusters/{cluster}/refusals and /forecast: what a cluster lacks, and when it will."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from services.ledger.actions.forecast_units import forecast_units
from services.ledger.routes import ClusterName
from services.ledger.store import demand, listings
from shared.contracts.base import Page
from shared.contracts.bodies.demand import Forecast, RefusalsOfDay
from shared.kit.paging import PageDep, PageRequest
from shared.kit.problems import InvalidCursor
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}", tags=["demand"])


def _after(page: PageRequest) -> tuple[date, str, str, str] | None:
    found = page.after(str, str, str, str)
    if found is None:
        return None
    try:
        return date.fromisoformat(found[0]), found[1], found[2], found[3]
    except ValueError as error:
        raise InvalidCursor from error


@router.get("/refusals", openapi_extra=needs("viewer"))
async def list_refusals(cluster: ClusterName, tx: TransactionDep, page: PageDep) -> Page[RefusalsOfDay]:
    """Unmet demand: what was refused by day, feature, device type and rule, the latest day first, and how much of it is still open."""
    after = _after(page)
    await listings.cluster_row(tx, cluster)
    found = await demand.page_of_days(await tx.direct(), cluster, after, page.limit)
    last = found[-1] if found else None
    next_cursor = page.next_cursor(len(found), last.day.isoformat(), last.feature, last.device_type, last.rule) if last else None
    return Page(items=[RefusalsOfDay.model_validate(asdict(one)) for one in found], next_cursor=next_cursor)


@router.get("/forecast", openapi_extra=needs("viewer"))
async def get_forecast(
    cluster: ClusterName,
    tx: TransactionDep,
    feature: Annotated[Literal["PHONE_UNIT", "CCM_NODE"], Query(description="Whose pool.")] = "PHONE_UNIT",
) -> Forecast:
    """Days until nothing can be checked out any more, and the interval in which that lies, from the journal's daily history."""
    return await forecast_units(tx, cluster, feature)
