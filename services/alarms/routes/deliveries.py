"""/v1/alarm-deliveries: what was, is and will be told to whom, and what they answered."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.alarms.domain.delivery import OPEN, Delivery
from services.alarms.store import deliveries
from shared.contracts.base import Page
from shared.contracts.bodies.alarm_destinations import (
    AlarmDelivery,
    AttemptBody,
    DeliveryOccasion,
    DeliveryState,
    DestinationKind,
)
from shared.contracts.bodies.alarms import AlarmNameWord
from shared.contracts.fields import Name
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/alarm-deliveries", tags=["alarm destinations"])
_OF_MESSAGE = ("occasion", "name", "severity", "cluster", "reason")
_OF_DELIVERY = ("kind", "target", "state", "attempts", "created_at", "claimed_at", "answered_at", "answer")


def delivery_body(delivery: Delivery) -> AlarmDelivery:
    message = delivery.message
    members = {name: getattr(message, name) for name in _OF_MESSAGE} | {name: getattr(delivery, name) for name in _OF_DELIVERY}
    return AlarmDelivery(
        delivery_id=str(message.delivery_id),
        destination_id=str(delivery.destination_id),
        alarm_id=str(message.alarm_id),
        next_attempt_at=delivery.not_before if delivery.state in OPEN else None,
        history=[AttemptBody(at=one.at, answer=one.answer) for one in delivery.history],
        **members,
    )


@router.get("", openapi_extra=needs("viewer"))
async def list_alarm_deliveries(
    tx: TransactionDep,
    page: PageDep,
    destination_id: Annotated[UUID | None, Query()] = None,
    alarm_id: Annotated[UUID | None, Query()] = None,
    state: Annotated[DeliveryState | None, Query()] = None,
    kind: Annotated[DestinationKind | None, Query()] = None,
    occasion: Annotated[DeliveryOccasion | None, Query()] = None,
    name: Annotated[AlarmNameWord | None, Query()] = None,
    cluster: Annotated[Name | None, Query()] = None,
) -> Page[AlarmDelivery]:
    """Deliveries, newest first, narrowed by any of these."""
    (before,) = page.after(int) or (None,)
    wanted: dict[str, object] = {"destination_id": destination_id, "alarm_id": alarm_id, "state": state, "kind": kind}
    wanted |= {"occasion": occasion, "name": name, "cluster": cluster}
    found = await deliveries.page(tx, before, page.limit, wanted)
    cursor = page.next_cursor(len(found), found[-1].sequence) if found else None
    return Page(items=[delivery_body(one) for one in found], next_cursor=cursor)


@router.get("/{delivery_id}", openapi_extra=needs("viewer"))
async def get_alarm_delivery(delivery_id: Annotated[UUID, Path()], tx: TransactionDep) -> AlarmDelivery:
    """One delivery, with what was answered to its newest attempts."""
    found = await deliveries.find(tx, delivery_id)
    if found is None:
        raise NotFound("alarm delivery", str(delivery_id))
    return delivery_body(found)
