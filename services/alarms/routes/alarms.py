"""/v1/alarms: what stands, what stood, and who looks after it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.alarms.actions.acknowledge import acknowledge
from services.alarms.actions.look_after import clear_by_hand, comment
from services.alarms.actions.show_change import alarm_body
from services.alarms.store import alarms, steps
from shared.contracts.base import Page
from shared.contracts.bodies.alarm_destinations import NewClearing, NewComment, StepBody
from shared.contracts.bodies.alarms import AlarmBody, AlarmNameWord, AlarmState, NewAcknowledgement
from shared.contracts.fields import Name
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/alarms", tags=["alarms"])
_WORDLESS = NewAcknowledgement()
AlarmId = Annotated[UUID, Path(description="`alarm_id` of the listing.")]


@router.get("", openapi_extra=needs("viewer"))
async def list_alarms(
    tx: TransactionDep,
    page: PageDep,
    state: Annotated[AlarmState | None, Query()] = None,
    cluster: Annotated[Name | None, Query()] = None,
    name: Annotated[AlarmNameWord | None, Query()] = None,
) -> Page[AlarmBody]:
    """Alarms, newest first, standing and cleared; narrowed by state, cluster and name."""
    (before,) = page.after(int) or (None,)
    found = await alarms.page(tx, before, page.limit, state=state, cluster=cluster, name=name)
    return Page(items=[alarm_body(one) for one in found], next_cursor=page.next_cursor(len(found), found[-1].sequence) if found else None)


@router.get("/{alarm_id}", openapi_extra=needs("viewer"))
async def get_alarm(alarm_id: AlarmId, tx: TransactionDep) -> AlarmBody:
    """One alarm."""
    found = await alarms.find(tx, alarm_id)
    if found is None:
        raise NotFound("alarm", str(alarm_id))
    return alarm_body(found)


@router.get("/{alarm_id}/steps", openapi_extra=needs("viewer"))
async def list_alarm_steps(alarm_id: AlarmId, tx: TransactionDep, page: PageDep) -> Page[StepBody]:
    """What people, and time, did to an alarm, the oldest first, each with who did it."""
    (after,) = page.after(int) or (0,)
    if await alarms.find(tx, alarm_id) is None:
        raise NotFound("alarm", str(alarm_id))
    found = await steps.page_of(tx, alarm_id, after, page.limit)
    items = [StepBody(step=one.step, at=one.at, by=one.by, text=one.text) for _, one in found]
    return Page(items=items, next_cursor=page.next_cursor(len(found), found[-1][0]) if found else None)


@router.post("/{alarm_id}/comments", status_code=204, openapi_extra=needs("admin"))
async def comment_on_alarm(alarm_id: AlarmId, body: NewComment, tx: TransactionDep) -> None:
    """Say something about an alarm, standing or past; it is kept with who said it."""
    await comment(tx, alarm_id, body.comment)


@router.post("/{alarm_id}/clearing", openapi_extra=needs("admin"))
async def clear_alarm_by_hand(alarm_id: AlarmId, body: NewClearing, tx: TransactionDep) -> AlarmBody:
    """End an alarm on somebody's word. A later fact raises it anew; a cleared one is answered with 409."""
    return alarm_body(await clear_by_hand(tx, alarm_id, body.reason))


@router.post("/{alarm_id}/acknowledgement", openapi_extra=needs("admin"))
async def acknowledge_alarm(alarm_id: AlarmId, tx: TransactionDep, body: NewAcknowledgement = _WORDLESS) -> AlarmBody:
    """Somebody looks after the alarm. It stands on and is counted on; again changes nothing; a cleared one is answered with 409."""
    return alarm_body(await acknowledge(tx, alarm_id, body.comment))
