"""/v1/desk-record: what was asked of the desk and done, by whom, when and why."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from services.registration.routes.bodies import act_body
from services.registration.store import record
from shared.contracts.base import Page
from shared.contracts.bodies.registration import DeskActBody, PakText
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1", tags=["desk record"])


@router.get("/desk-record", openapi_extra=needs("vendor"))
async def list_desk_record(
    tx: TransactionDep,
    page: PageDep,
    order_id: Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="Of this order only.")] = None,
    pak: Annotated[PakText | None, Query(description="Of this PAK's order only.")] = None,
    direction: Annotated[Literal["newest_first", "oldest_first"], Query()] = "newest_first",
) -> Page[DeskActBody]:
    """Every request, approval, registration, re-host, return, and mail asked for again, with caller, time and reason. Nobody changes it."""
    (after,) = page.after(int) or (None,)
    found = await record.page_of_acts(
        tx,
        order_id=int(order_id) if order_id else None,
        pak=pak.upper() if pak else None,
        newest_first=direction == "newest_first",
        after=after,
        limit=page.limit,
    )
    cursor = page.next_cursor(len(found), found[-1][0].act_id) if found else None
    return Page(items=[act_body(act, of_pak) for act, of_pak in found], next_cursor=cursor)
