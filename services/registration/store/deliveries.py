"""Deliveries: what is due, what is on its way, and what became of it."""

from datetime import timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.registration.domain.delivery import Delivery, Outcome
from services.registration.tables import DeliveryRow
from shared.kit.transaction import Transaction

_IS_OPEN = col(DeliveryRow.next_attempt_at).is_not(None)
_FRESH = {"populate_existing": True}


async def add_delivery(tx: Transaction, license_file_id: str, email: str, reason: str | None) -> Delivery:
    """A delivery that is due now. Where this file is on its way to this address already, that one is hurried; not if it is being sent."""
    wanted = insert(DeliveryRow).values(
        license_file_id=license_file_id,
        email=email,
        state="waiting",
        attempts=0,
        next_attempt_at=tx.now,
        reason=reason,
        requested_by=tx.caller,
        requested_at=tx.now,
    )
    due = col(DeliveryRow.next_attempt_at)
    hurried = case((col(DeliveryRow.state) == "sending", due), else_=func.least(due, wanted.excluded.next_attempt_at))
    once = wanted.on_conflict_do_update(
        index_elements=["license_file_id", "email"], index_where=_IS_OPEN, set_={"next_attempt_at": hurried}
    )
    row = await tx.session.execute(once.returning(DeliveryRow).execution_options(**_FRESH))
    return Delivery(**row.scalar_one().model_dump())


async def claim_due(tx: Transaction, count: int, lease: timedelta) -> list[Delivery]:
    """Take up to ``count`` that are due, the longest due first. Nobody else gets them before the lease is over."""
    due = select(col(DeliveryRow.delivery_id)).where(col(DeliveryRow.next_attempt_at) <= tx.now)
    due = due.order_by(col(DeliveryRow.next_attempt_at)).limit(count).with_for_update(skip_locked=True)
    taken = {"state": "sending", "attempts": col(DeliveryRow.attempts) + 1, "next_attempt_at": tx.now + lease}
    claim = update(DeliveryRow).where(col(DeliveryRow.delivery_id).in_(due)).values(taken)
    rows = await tx.session.scalars(claim.returning(DeliveryRow).execution_options(**_FRESH))
    return sorted((Delivery(**row.model_dump()) for row in rows), key=lambda one: one.delivery_id)


async def settle(tx: Transaction, delivery: Delivery, outcome: Outcome) -> bool:
    """Write down what became of an attempt; False when the delivery was claimed by somebody else meanwhile, whose word then counts."""
    still_ours = (col(DeliveryRow.state) == "sending") & (col(DeliveryRow.attempts) == delivery.attempts)
    changed = update(DeliveryRow).where(col(DeliveryRow.delivery_id) == delivery.delivery_id, still_ours)
    values = {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}
    return (await tx.session.execute(changed.values(values).returning(col(DeliveryRow.delivery_id)))).first() is not None


async def give_up_waiting(tx: Transaction, license_file_id: str, why: str) -> None:
    """End what is open of a file, except what is being sent at this moment: should that fail, it is ended when it is due again."""
    ours = (col(DeliveryRow.license_file_id) == license_file_id) & col(DeliveryRow.state).in_(["waiting", "failed"])
    await tx.session.execute(update(DeliveryRow).where(ours).values(state="given_up", next_attempt_at=None, last_answer=why))


async def withdraw(tx: Transaction, delivery: Delivery, why: str) -> None:
    """End what this transaction claimed and does not send; the attempt that was counted with the claim is none."""
    ended = {"state": "given_up", "attempts": delivery.attempts - 1, "next_attempt_at": None, "last_answer": why}
    await tx.session.execute(update(DeliveryRow).where(col(DeliveryRow.delivery_id) == delivery.delivery_id).values(ended))


async def page_of_deliveries(
    tx: Transaction, state: str | None, license_file_id: str | None, after: int | None, limit: int
) -> list[Delivery]:
    """``limit`` deliveries by id behind ``after``; of one state, of one file, or all."""
    chosen = select(DeliveryRow).order_by(col(DeliveryRow.delivery_id)).limit(limit)
    if state is not None:
        chosen = chosen.where(col(DeliveryRow.state) == state)
    if license_file_id is not None:
        chosen = chosen.where(col(DeliveryRow.license_file_id) == license_file_id)
    if after is not None:
        chosen = chosen.where(col(DeliveryRow.delivery_id) > after)
    return [Delivery(**row.model_dump()) for row in await tx.session.scalars(chosen)]
