"""/v1/callers: who may use this surface. Admins manage the customer's callers, vendor callers those of the vendor's desk."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from gateway import store
from gateway.actions.create_caller import create_caller as create
from gateway.actions.delete_caller import delete_caller as delete
from gateway.domain.caller import MANAGING, managed_by
from shared.contracts.base import Page
from shared.contracts.bodies.gateway import CallerBody, CreatedCaller, NewCaller
from shared.contracts.fields import Name
from shared.kit.identity import current_identity
from shared.kit.paging import PageDep
from shared.kit.scopes import SCHEME
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/callers", tags=["callers"])
_EITHER_SIDE: dict[str, Any] = {"security": [{SCHEME: [scope]} for scope in MANAGING]}


async def _scope_held() -> str:
    """The gateway believes its own word here, as every service does."""
    identity = current_identity()
    assert identity is not None
    return identity.scope


ScopeHeldDep = Annotated[str, Depends(_scope_held)]


@router.post("", status_code=201, openapi_extra=_EITHER_SIDE)
async def create_caller(body: NewCaller, tx: TransactionDep, scope_held: ScopeHeldDep, response: Response) -> CreatedCaller:
    """Make a caller. Its key is in the answer and is not shown again; a repeated request is answered with 409, not with a key."""
    response.headers["cache-control"] = "no-store"
    return await create(tx, body, scope_held)


@router.get("", openapi_extra=_EITHER_SIDE)
async def list_callers(tx: TransactionDep, page: PageDep, scope_held: ScopeHeldDep) -> Page[CallerBody]:
    """The callers that the asking one manages, by name; without their keys."""
    (after,) = page.after(str) or (None,)
    found = await store.page_of_callers(tx, managed_by(scope_held), after, page.limit)
    items = [CallerBody.model_validate(row.model_dump()) for row in found]
    return Page(items=items, next_cursor=page.next_cursor(len(found), found[-1].caller) if found else None)


@router.delete("/{caller}", status_code=204, openapi_extra=_EITHER_SIDE)
async def delete_caller(caller: Annotated[Name, Path()], request: Request, scope_held: ScopeHeldDep) -> None:
    """Delete a caller; its key opens nothing from now on. 204 also when it was gone; 409 for the last one that manages callers."""
    async with request.app.state.kit.database.transaction() as transaction:  # not the door's own: what follows needs the commit
        await delete(transaction, caller, scope_held)
    request.app.state.keys.forget(caller)
