"""/v1/orders and /v1/paks: what was bought, approved, and what remains of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from services.registration.actions.approve_order import approve_order as approve
from services.registration.actions.place_order import place_order as place
from services.registration.actions.state_order import state_order
from services.registration.routes.bodies import order_body, pak_body, tree_body
from services.registration.store import files, orders, returns
from shared.contracts.base import Page
from shared.contracts.bodies.registration import NewApproval, NewOrder, OrderBody, OrderTree, Pak, PakText
from shared.kit.idempotency import OnceDep
from shared.kit.paging import LARGEST_LIMIT, PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1", tags=["orders"])

_WORDLESS = NewApproval()
"""Without a body at all; null would be a second way to say that, which generated clients get wrong."""

OrderId = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,17}$")]


@router.post("/orders", status_code=201, openapi_extra=needs("vendor"))
async def place_order(body: NewOrder, tx: TransactionDep, once: OnceDep) -> OrderBody:
    """Place an order. It gets its PAK with the approval."""

    async def answer() -> OrderBody:
        return order_body(await place(tx, body))

    return await once.answer(OrderBody, body, answer)


@router.get("/orders", openapi_extra=needs("vendor"))
async def list_orders(tx: TransactionDep, page: PageDep) -> Page[OrderBody]:
    """Every order, the oldest first. Migrations stand among them as orders free of charge, with their migration_id."""
    (after,) = page.after(int) or (None,)
    found = await orders.page_of_orders(tx, after, page.limit)
    return Page(items=[order_body(one) for one in found], next_cursor=page.next_cursor(len(found), found[-1].order_id) if found else None)


@router.get("/orders/{order_id}", openapi_extra=needs("vendor"))
async def get_order(order_id: OrderId, tx: TransactionDep) -> OrderBody:
    """One order."""
    order = await orders.find_order(tx, int(order_id))
    if order is None:
        raise NotFound("order", order_id)
    return order_body(order)


@router.post("/orders/{order_id}/approval", openapi_extra=needs("vendor"))
async def approve_order(order_id: OrderId, tx: TransactionDep, request: Request, body: NewApproval = _WORDLESS) -> OrderBody:
    """Approve an order: it gets its PAK. Approving again answers the same. A waiting migration gets no PAK; register its file again."""
    threshold = request.app.state.settings.split_threshold_units
    return order_body(await approve(tx, int(order_id), threshold, body.reason))


@router.get("/orders/{order_id}/tree", openapi_extra=needs("vendor"))
async def get_order_tree(order_id: OrderId, tx: TransactionDep, page: PageDep) -> OrderTree:
    """An order's shares and the license files of each, from the first to the last re-host, with what was returned; a page of shares."""
    (after,) = page.after(int) or (0,)
    # Held, so that no share comes or goes between its files and its return.
    order = await orders.find_order(tx, int(order_id), lock=True)
    if order is None:
        raise NotFound("order", order_id)
    made = await files.files_of_shares(tx, order.order_id, after, page.limit)
    last = max((file.share for file in made), default=after)
    cursor = page.next_cursor(last - after, last) if last < order.shares else None
    return tree_body(order, made, await returns.returned_of_order(tx, order.order_id), cursor)


@router.get(
    "/paks/{pak}/statement",
    openapi_extra=needs("vendor"),
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The signed statement."}},
)
async def get_pak_statement(pak: Annotated[PakText, Path()], tx: TransactionDep, request: Request) -> Response:
    """Every license file ever made of a PAK, in one text signed with the key of license files: what proves offline that none is missing."""
    content = await state_order(tx, request.app.state.desk, pak.upper())
    headers = {"Content-Disposition": f'attachment; filename="{pak.upper()}-statement.txt"'}
    return Response(content, media_type="text/plain", headers=headers)


@router.get("/paks/{pak}", openapi_extra=needs("vendor"))
async def get_pak(pak: Annotated[PakText, Path()], tx: TransactionDep) -> Pak:
    """What a PAK stands for, what remains of it, and the license files made from it."""
    order = await orders.order_of_pak(tx, pak.upper())
    if order is None:
        raise NotFound("PAK", pak)
    return pak_body(order, *await files.files_of_order(tx, order.order_id, LARGEST_LIMIT))
