"""/v1/alarm-destinations: whom alarms are told."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Request

from services.alarms.actions import keep_destination
from services.alarms.actions.try_destination import try_destination
from services.alarms.routes.deliveries import delivery_body
from services.alarms.routes.destination_forms import check_reach, destination_body, destination_of, made_body
from services.alarms.store import destinations
from shared.contracts.base import Page
from shared.contracts.bodies.alarm_destinations import (
    AlarmDelivery,
    DestinationBody,
    MadeDestination,
    NewDestination,
    NewSecret,
    RotatedSecret,
)
from shared.kit.idempotency import OnceDep
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/alarm-destinations", tags=["alarm destinations"])
DestinationId = Annotated[UUID, Path(description="`destination_id` of the listing.")]


@router.post("", status_code=201, openapi_extra=needs("admin"))
async def create_alarm_destination(body: NewDestination, tx: TransactionDep, once: OnceDep, request: Request) -> MadeDestination:
    """Have alarms told to somebody more. A webhook without a secret gets one, which this answer shows and no other."""
    check_reach(body, request.app.state.guard)

    async def answer() -> MadeDestination:
        made = keep_destination.new_secret() if body.kind == "webhook" and body.secret is None else None
        wanted = destination_of(body, uuid4(), made, tx.caller, tx.now)
        return made_body(await keep_destination.create(tx, wanted), made)

    return await once.answer(MadeDestination, body, answer)


@router.get("", openapi_extra=needs("viewer"))
async def list_alarm_destinations(tx: TransactionDep, page: PageDep) -> Page[DestinationBody]:
    """All destinations, the oldest first. The event log and the events on the bus are always on, and no destinations."""
    (after,) = page.after(int) or (0,)
    found = await destinations.page(tx, after, page.limit)
    cursor = page.next_cursor(len(found), found[-1].sequence) if found else None
    return Page(items=[destination_body(one) for one in found], next_cursor=cursor)


@router.get("/{destination_id}", openapi_extra=needs("viewer"))
async def get_alarm_destination(destination_id: DestinationId, tx: TransactionDep) -> DestinationBody:
    """One destination."""
    found = await destinations.find(tx, destination_id)
    if found is None:
        raise NotFound("alarm destination", str(destination_id))
    return destination_body(found)


@router.put("/{destination_id}", openapi_extra=needs("admin"))
async def change_alarm_destination(
    destination_id: DestinationId, body: NewDestination, tx: TransactionDep, request: Request
) -> DestinationBody:
    """Have a destination be as this says, turned on again if it was suspended. A secret that is left out stays."""
    check_reach(body, request.app.state.guard)
    wanted = destination_of(body, destination_id, None, tx.caller, tx.now)
    return destination_body(await keep_destination.change(tx, wanted, keeps_secrets=body.secret is None))


@router.delete("/{destination_id}", status_code=204, openapi_extra=needs("admin"))
async def delete_alarm_destination(destination_id: DestinationId, tx: TransactionDep) -> None:
    """Tell it nothing any more, also what it is owed; what it was told stays on record. One that is gone is no error."""
    await keep_destination.delete(tx, destination_id)


@router.post("/{destination_id}/secret", openapi_extra=needs("admin"))
async def rotate_alarm_destination_secret(destination_id: DestinationId, body: NewSecret, tx: TransactionDep) -> RotatedSecret:
    """Sign with a new secret; the older one signs beside it for a while, so that the receiver may change when it suits it."""
    made = keep_destination.new_secret() if body.secret is None else None
    secret = made or body.secret
    assert secret is not None
    until = await keep_destination.rotate(tx, destination_id, secret, timedelta(hours=body.overlap_hours))
    return RotatedSecret(secret=made, older_until=until)


@router.post("/{destination_id}/test", openapi_extra=needs("admin"))
async def test_alarm_destination(destination_id: DestinationId, request: Request) -> AlarmDelivery:
    """Send a marked test alarm now, once, and answer with what happened; also outside of its hours."""
    kit, courier = request.app.state.kit, request.app.state.courier
    return delivery_body(await try_destination(kit.database, courier, request.app.state.catalogue, destination_id))
