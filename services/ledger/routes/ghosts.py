"""/v1/clusters/{cluster}/ghosts: devices that hold units and were not seen for long."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.ledger.routes import ClusterName
from services.ledger.routes.devices import holding_of
from services.ledger.store import ghosts, leases, listings
from shared.contracts.bodies.ledger import Ghosts
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/ghosts", tags=["devices"])
LONGEST_DAYS = 3650


@router.get("", openapi_extra=needs("viewer"))
async def list_ghosts(
    cluster: ClusterName,
    tx: TransactionDep,
    page: PageDep,
    days: Annotated[int, Query(ge=0, le=LONGEST_DAYS, description="Not put for so many days.")] = 30,
) -> Ghosts:
    """Devices that hold units and were not put for `days`, by name, and what all of them hold. A device under a lease is none of them.

    A device shows that it is there by being put, changed or not: where only its configuration is, it is listed, and is perhaps no ghost."""
    (after,) = page.after(str) or (None,)
    await listings.in_one_snapshot(tx)
    await listings.cluster_row(tx, cluster)
    totals = await ghosts.count(tx, cluster, days)
    found = await ghosts.page(tx, cluster, totals.not_seen_since, after, page.limit)
    clock = await leases.clock_of(tx, cluster)
    return Ghosts(
        items=[holding_of(one, clock) for one in found],
        next_cursor=page.next_cursor(len(found), found[-1].device) if found else None,
        not_seen_since=totals.not_seen_since,
        devices=totals.devices,
        units=totals.units,
    )
