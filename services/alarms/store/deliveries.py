"""What was, is and will be told to whom. A row is written with the change that it tells of, and then moves from state to state.

Must not be broken: an attempt is written down only by whoever began it (``attempts`` says which one that is), and of one alarm at one
destination the older delivery goes first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import DateTime, Integer, Uuid, bindparam, case, delete, exists, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.alarms.domain.alarm import CLEARED
from services.alarms.domain.delivery import OPEN, PAUSES_SECONDS, Attempt, Delivery, State
from services.alarms.domain.message import Message
from services.alarms.tables import DELIVERY_IS_OPEN, AlarmRow, DeliveryRow, DeliveryTallyRow
from shared.kit.transaction import Transaction

_MESSAGE = TypeAdapter(Message)
_HISTORY = TypeAdapter(tuple[Attempt, ...])
_KEPT_AS_THEY_ARE = (
    "destination_id", "kind", "target", "state", "created_at", "not_before", "attempts", "claimed_at", "answered_at", "answer",
)  # fmt: skip
_ROW = DeliveryRow
_TOLD = ("raised", "repeated", "escalated")

# Each destination has places of its own, so that one that hangs takes none of another's. SKIP LOCKED: replicas share the work.
_CLAIM = text(f"""
    WITH due AS (
        SELECT found.delivery_id
          FROM alarms.destination AS d
          LEFT JOIN unnest(:busy_ids, :busy_counts) AS busy (destination_id, places) ON busy.destination_id = d.destination_id
         CROSS JOIN LATERAL (
            SELECT delivery_id, sequence FROM alarms.delivery AS one
             WHERE one.destination_id = d.destination_id AND {DELIVERY_IS_OPEN} AND not_before <= :now AND NOT EXISTS (
                   SELECT FROM alarms.delivery AS older
                    WHERE older.alarm_id = one.alarm_id AND older.destination_id = one.destination_id
                      AND older.sequence < one.sequence AND older.state IN ('waiting', 'claimed', 'failed'))
             ORDER BY not_before, sequence LIMIT greatest(0, :places - coalesce(busy.places, 0)) FOR UPDATE SKIP LOCKED
         ) AS found
         WHERE d.enabled
    )
    UPDATE alarms.delivery SET state = 'claimed', claimed_at = :now, not_before = :until, attempts = attempts + 1
      FROM due WHERE delivery.delivery_id = due.delivery_id RETURNING delivery.delivery_id
""").bindparams(bindparam("busy_ids", type_=ARRAY(Uuid)), bindparam("busy_counts", type_=ARRAY(Integer)))  # noqa: S608 -- constants


async def add(tx: Transaction, deliveries: Iterable[Delivery]) -> None:
    rows = [_values(delivery) for delivery in deliveries]
    if rows:
        await tx.session.execute(insert(_ROW), rows)


async def claim(tx: Transaction, busy: Mapping[UUID, int], places: int, until: datetime) -> list[Delivery]:
    """Begin an attempt with what is due: for each destination no more than ``places``, those that are ``busy`` counted.

    Who claimed is taken for dead at ``until``. The oldest first.
    """
    given = {"busy_ids": list(busy), "busy_counts": list(busy.values()), "places": places, "now": tx.now, "until": until}
    claimed = (await tx.session.execute(_CLAIM, given)).scalars().all()
    if not claimed:
        return []
    chosen = select(_ROW).where(col(_ROW.delivery_id).in_(claimed)).order_by(col(_ROW.sequence))
    return [_delivery(row) for row in await tx.session.scalars(chosen.execution_options(populate_existing=True))]


async def record(tx: Transaction, delivery: Delivery) -> bool:
    """Write down how an attempt ended; False where it is not ours any more, because it was claimed anew or given up meanwhile."""
    row = _ROW
    ours = (col(row.delivery_id) == delivery.message.delivery_id, col(row.attempts) == delivery.attempts, col(row.state) == "claimed")
    values = {name: getattr(delivery, name) for name in ("state", "not_before", "answered_at", "answer")}
    values["history"] = _HISTORY.dump_python(delivery.history, mode="json")
    done = await tx.session.execute(update(row).where(*ours).values(values).returning(col(row.delivery_id)))
    return done.first() is not None


async def give_back(tx: Transaction, claims: Sequence[Delivery], not_before: datetime) -> None:
    """Take back claims of which nothing was sent: as if the attempt had never begun. What was claimed anew meanwhile is not ours."""
    if not claims:
        return
    row = _ROW
    before = case((col(row.attempts) > 1, "failed"), else_="waiting")
    values = {"state": before, "attempts": col(row.attempts) - 1, "not_before": not_before}
    begun = tuple_(col(row.delivery_id), col(row.attempts)).in_([(one.message.delivery_id, one.attempts) for one in claims])
    await tx.session.execute(update(row).where(begun, col(row.state) == "claimed").values(values))


async def put_off(tx: Transaction, destination_id: UUID, until: datetime) -> None:
    """Nothing that a destination is owed is tried before then."""
    row = _ROW
    owed = (col(row.destination_id) == destination_id, col(row.state).in_(("waiting", "failed")), col(row.not_before) < until)
    await tx.session.execute(update(row).where(*owed).values(not_before=until))


async def bring_forward(tx: Transaction, destination_id: UUID, to: datetime) -> None:
    """What a destination is owed and was not tried yet waits no longer than until then."""
    row = _ROW
    owed = (col(row.destination_id) == destination_id, col(row.state) == "waiting", col(row.not_before) > to)
    await tx.session.execute(update(row).where(*owed).values(not_before=to))


async def overtake(tx: Transaction, alarm_id: UUID, closed: Sequence[UUID], why: str) -> list[str]:
    """End what is held back, or is for somebody who is closed, and tells of an alarm that is over; the kinds of those concerned."""
    row = _ROW
    untold = or_(col(row.not_before) > tx.now, col(row.destination_id).in_(closed))
    held = (col(row.alarm_id) == alarm_id, col(row.state) == "waiting", untold, col(row.occasion).in_(_TOLD))
    values = {"state": "overtaken", "answer": why, "answered_at": tx.now}
    return list((await tx.session.execute(update(row).where(*held).values(values).returning(col(row.kind)))).scalars())


async def end_open(tx: Transaction, destination_id: UUID, why: str, beyond: int = 0) -> list[str]:
    """Give up what a destination is still owed; ``beyond`` the newest so many. The kind, as often as something was given up."""
    row = _ROW
    owed = select(col(row.delivery_id)).where(col(row.destination_id) == destination_id, text(DELIVERY_IS_OPEN))
    owed = owed.order_by(col(row.sequence).desc()).offset(beyond)
    values = {"state": "given_up", "answer": why, "answered_at": tx.now}
    ended = update(row).where(col(row.delivery_id).in_(owed.with_for_update())).values(values).returning(col(row.kind))
    return list((await tx.session.execute(ended)).scalars())


async def told(tx: Transaction, alarm_id: UUID) -> set[UUID]:
    """The destinations that were told that the alarm stands, or will be."""
    row = _ROW
    wanted = (col(row.alarm_id) == alarm_id, col(row.occasion).in_(_TOLD), col(row.state).in_(("sent", *OPEN)))
    return set(await tx.session.scalars(select(col(row.destination_id)).where(*wanted).distinct()))


async def escalated(tx: Transaction, alarm_ids: Sequence[UUID]) -> set[tuple[UUID, UUID]]:
    """Which of these alarms were escalated to whom, or will be: alarm and destination. What was given up reached nobody."""
    row = _ROW
    wanted = (col(row.alarm_id).in_(alarm_ids), col(row.occasion) == "escalated", col(row.state) != "given_up")
    found = await tx.session.execute(select(col(row.alarm_id), col(row.destination_id)).where(*wanted).distinct())
    return {(alarm_id, destination_id) for alarm_id, destination_id in found}


async def hurry(tx: Transaction, destination_id: UUID) -> None:
    """Try at once what failed before, for the destination answers again; but not what it asked patience for, nor what it never takes."""
    row = _ROW
    asked = col(row.history)[-1]["not_sooner"].astext.cast(DateTime(timezone=True))
    soonest = func.greatest(tx.now, asked)  # of which one may be NULL
    owed = (col(row.destination_id) == destination_id, col(row.state) == "failed", col(row.attempts) <= len(PAUSES_SECONDS))
    await tx.session.execute(update(row).where(*owed, col(row.not_before) > soonest).values(not_before=soonest))


async def end_untold(tx: Transaction, destination_id: UUID) -> list[str]:
    """End the clearings of alarms of which a destination was never told, for that was given up; the kind, as often as one was."""
    row, other = _ROW, aliased(DeliveryRow)
    same = (col(other.alarm_id) == col(row.alarm_id), col(other.destination_id) == destination_id, col(other.occasion).in_(_TOLD))
    told = exists().where(*same, col(other.state).in_(("sent", *OPEN)))
    given_up = exists().where(*same, col(other.state) == "given_up")
    waiting = (col(row.destination_id) == destination_id, col(row.occasion) == "cleared", col(row.state).in_(("waiting", "failed")))
    values = {"state": "overtaken", "answer": "that the alarm stands was given up, so its end is not told", "answered_at": tx.now}
    ended = update(row).where(*waiting, given_up, ~told).values(values).returning(col(row.kind))
    return list((await tx.session.execute(ended)).scalars())


async def find(tx: Transaction, delivery_id: UUID) -> Delivery | None:
    chosen = select(_ROW).where(col(_ROW.delivery_id) == delivery_id).execution_options(populate_existing=True)
    row = (await tx.session.scalars(chosen)).one_or_none()
    return _delivery(row) if row else None


async def page(tx: Transaction, before: int | None, limit: int, wanted: Mapping[str, Any]) -> list[Delivery]:
    """``limit`` deliveries, newest first, behind a sequence. ``wanted``: column and value, None for any."""
    chosen = select(_ROW).order_by(col(_ROW.sequence).desc()).limit(limit)
    chosen = chosen.where(*(col(getattr(_ROW, name)) == value for name, value in wanted.items() if value is not None))
    if before is not None:
        chosen = chosen.where(col(_ROW.sequence) < before)
    return [_delivery(row) for row in await tx.session.scalars(chosen)]


async def destinations_owed_more_than(tx: Transaction, most: int) -> list[UUID]:
    chosen = select(col(_ROW.destination_id)).where(text(DELIVERY_IS_OPEN)).group_by(col(_ROW.destination_id))
    return list(await tx.session.scalars(chosen.having(func.count() > most)))


async def forget_done(tx: Transaction, before: datetime) -> None:
    """What is about an alarm that stands is kept: it says who has to hear of the end, and who was told already that nobody cares."""
    stands = exists().where(col(AlarmRow.alarm_id) == col(_ROW.alarm_id), col(AlarmRow.state) != CLEARED)
    await tx.session.execute(delete(_ROW).where(col(_ROW.created_at) < before, text(f"NOT ({DELIVERY_IS_OPEN})"), ~stands))


async def count_outcomes(tx: Transaction, outcomes: Sequence[tuple[str, str]]) -> None:
    """Count what became of deliveries: kind and outcome, once for each."""
    counted = {one: outcomes.count(one) for one in sorted(set(outcomes))}  # sorted: two that count at once wait, and never in a circle
    for (kind, outcome), times in counted.items():
        row = insert(DeliveryTallyRow).values(kind=kind, outcome=outcome, count=times)
        more = {"count": col(DeliveryTallyRow.count) + times}
        await tx.session.execute(row.on_conflict_do_update(index_elements=["kind", "outcome"], set_=more))


async def outcomes(tx: Transaction) -> dict[tuple[str, str], int]:
    """How often what became of deliveries, by kind and outcome."""
    return {(row.kind, row.outcome): row.count for row in await tx.session.scalars(select(DeliveryTallyRow))}


def _values(delivery: Delivery) -> dict[str, Any]:
    message = delivery.message
    values: dict[str, Any] = {name: getattr(delivery, name) for name in _KEPT_AS_THEY_ARE}
    values |= {name: getattr(message, name) for name in ("delivery_id", "alarm_id", "name", "cluster", "occasion")}
    return values | {"message": _MESSAGE.dump_python(message, mode="json"), "history": _HISTORY.dump_python(delivery.history, mode="json")}


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        **{name: getattr(row, name) for name in _KEPT_AS_THEY_ARE if name != "state"},
        state=cast(State, row.state),  # CHECK delivery_state_known
        message=_MESSAGE.validate_python(row.message),
        history=_HISTORY.validate_python(row.history),
        sequence=row.sequence,
    )
