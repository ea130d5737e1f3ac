"""/v1/clusters/{cluster}/devices: check-out, check-in and the holdings."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from services.ledger.actions.check_in import check_in
from services.ledger.actions.check_out import check_out
from services.ledger.domain.desk import Holding
from services.ledger.domain.devices import CheckIn, CheckOut, Outcome
from services.ledger.domain.leases import LeaseClock
from services.ledger.domain.transitions import PoolState
from services.ledger.routes import ClusterName, DesksDep
from services.ledger.store import leases, listings
from services.ledger.tables import DeviceRow
from shared.contracts.base import Page
from shared.contracts.bodies.ledger import DeviceBody, HoldingBody, PoolBody, PutDevice
from shared.contracts.fields import Name
from shared.kit.paging import PageDep
from shared.kit.scopes import need_scope, needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/devices", tags=["devices"])
DeviceName = Annotated[Name, Path(description="The device's name, as the call processing knows it.", examples=["SEP001122334455"])]


def pool_of(state: PoolState) -> PoolBody:
    """A pool as it is answered."""
    pool = state.pool
    return PoolBody.model_construct(  # from our own numbers: nothing to validate, thousands of times a second
        authorized=pool.authorized,
        overdraft_allowed=pool.overdraft_allowed,
        used=pool.used,
        remaining=pool.remaining,
        overdraft=pool.overdraft,
        status=pool.status,
        version=state.version,
        overdraft_in_force=state.overdraft_in_force,
        stage=state.rung.stage,
    )


def holding_of(row: DeviceRow, clock: LeaseClock) -> HoldingBody:
    """A device as it is shown."""
    return HoldingBody(
        device=row.device,
        device_type=row.device_type,
        units=row.units,
        adjunct_of=row.adjunct_of,
        device_class=row.device_class,
        checked_out_at=row.checked_out_at,
        last_seen_at=row.seen_at,
        lease_ends_at=clock.end_of(row.lease_ends_at, row.lease_seconds),
    )


def command_of(device: str, body: PutDevice) -> CheckOut:
    """What a request asks of the ledger. Raises ScopeTooNarrow: who may check out may not say who is exempt."""
    if body.device_class is not None:
        need_scope("admin", "device_class")
    return CheckOut(device, body.device_type, body.adjunct_of, body.lease_seconds, body.device_class)


def answer_of(holding: Holding, state: PoolState) -> DeviceBody:
    """What a check-out is answered with."""
    return DeviceBody.model_construct(
        device=holding.device,
        device_type=holding.device_type,
        units=holding.units,
        adjunct_of=holding.adjunct_of,
        device_class=holding.device_class,
        pool=pool_of(state),
    )


def status_of(outcome: Outcome) -> int:
    return 201 if outcome == "checked_out" else 200


@router.put("/{device}", openapi_extra=needs("operator"), responses={201: {"model": DeviceBody}})
async def check_out_device(cluster: ClusterName, device: DeviceName, body: PutDevice, desks: DesksDep, response: Response) -> DeviceBody:
    """Check the units of a device out. One that is known is re-priced where its type, its primary or its price changed, all or nothing;
    a call that changes nothing is answered with 200. With `lease_seconds` its units are taken back when it is not put again in time; put
    without, it has no lease any more. A refused call changes neither its units nor its lease, but counts as a sign of life. A
    `device_class` needs the scope admin (403)."""
    holding, pool, outcome = await check_out(desks, cluster, command_of(device, body))
    response.status_code = status_of(outcome)
    return answer_of(holding, pool)


@router.delete("/{device}", status_code=204, openapi_extra=needs("operator"))
async def check_in_device(cluster: ClusterName, device: DeviceName, desks: DesksDep) -> None:
    """Give the units of a device back; also well when it was gone. A primary goes after its adjuncts (409)."""
    await check_in(desks, cluster, CheckIn(device))


@router.get("/{device}", openapi_extra=needs("viewer"))
async def get_device(cluster: ClusterName, device: DeviceName, tx: TransactionDep) -> HoldingBody:
    """A device and the units that it holds."""
    return holding_of(await listings.find_device(tx, cluster, device), await leases.clock_of(tx, cluster))


@router.get("", openapi_extra=needs("viewer"))
async def list_devices(
    cluster: ClusterName,
    tx: TransactionDep,
    page: PageDep,
    device_type: Annotated[Name | None, Query(description="Only devices of this type.")] = None,
    state: Annotated[Literal["held"] | None, Query(description="Only devices in this state.")] = None,  # noqa: ARG001 -- all are held
) -> Page[HoldingBody]:
    """The cluster's devices and what they hold, by name."""
    (after,) = page.after(str) or (None,)
    await listings.cluster_row(tx, cluster)
    found = await listings.page_of_devices(tx, cluster, device_type, after, page.limit)
    clock = await leases.clock_of(tx, cluster)
    items = [holding_of(one, clock) for one in found]
    return Page(items=items, next_cursor=page.next_cursor(len(found), found[-1].device) if found else None)
