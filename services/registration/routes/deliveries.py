"""/v1/deliveries: license files on their way to an e-mail address."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from services.registration.actions.request_delivery import send_again
from services.registration.domain.delivery import State
from services.registration.routes.bodies import delivery_body
from services.registration.store import deliveries
from shared.contracts.base import Page
from shared.contracts.bodies.registration import DeliveryBody, NewDelivery
from shared.contracts.fields import LicenseFileId
from shared.kit.idempotency import OnceDep
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1", tags=["deliveries"])


@router.get("/deliveries", openapi_extra=needs("vendor"))
async def list_deliveries(
    tx: TransactionDep,
    page: PageDep,
    state: Annotated[State | None, Query(description="In this state only.")] = None,
    license_file_id: Annotated[LicenseFileId | None, Query(description="Of this license file only.")] = None,
) -> Page[DeliveryBody]:
    """License files sent by e-mail, or to be sent, the oldest request first."""
    (after,) = page.after(int) or (None,)
    found = await deliveries.page_of_deliveries(tx, state, license_file_id, after, page.limit)
    cursor = page.next_cursor(len(found), found[-1].delivery_id) if found else None
    return Page(items=[delivery_body(one) for one in found], next_cursor=cursor)


@router.post("/registrations/{license_file_id}/delivery", status_code=201, openapi_extra=needs("vendor"))
async def send_license_file(
    license_file_id: Annotated[LicenseFileId, Path()], body: NewDelivery, tx: TransactionDep, once: OnceDep, request: Request
) -> DeliveryBody:
    """Send a license file by e-mail again, also to another address. One that is on its way there already is sent at once."""

    async def answer() -> DeliveryBody:
        return delivery_body(await send_again(tx, request.app.state.desk, license_file_id, body.email, body.reason))

    return await once.answer(DeliveryBody, body, answer)
