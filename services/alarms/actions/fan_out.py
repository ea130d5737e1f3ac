"""Write down what destinations are owed, in the transaction of the change itself: both are there, or neither."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import uuid4

from services.alarms.domain.alarm import Alarm
from services.alarms.domain.delivery import Delivery
from services.alarms.domain.destination import Destination
from services.alarms.domain.flapping import LOOK_BACK, pause_of
from services.alarms.domain.message import Message, Occasion
from services.alarms.store import alarms, deliveries, destinations
from shared.kit.transaction import Transaction

COURIER = "courier"
"""The background worker that takes deliveries away."""

_SAME_MEMBERS = (
    "alarm_id", "name", "severity", "level", "cluster", "subject", "reason", "recommended_action", "raised_at", "last_seen_at",
    "count", "stage", "cleared_at",
)  # fmt: skip


def message_of(alarm: Alarm, occasion: Occasion, at: datetime) -> Message:
    """The alarm as it stands, told for a reason, under an id of its own."""
    return Message(delivery_id=uuid4(), occasion=occasion, at=at, **{name: getattr(alarm, name) for name in _SAME_MEMBERS})


async def owe(tx: Transaction, alarm: Alarm, occasion: Occasion) -> None:
    """To every destination that wants the alarm and does not wait for an acknowledgement first."""
    wanting = [one for one in await destinations.enabled(tx, kept=True) if one.after_minutes is None and one.wants(alarm)]
    if wanting:
        raisings = await alarms.raisings_since(tx, alarm.name, alarm.subject, tx.now - LOOK_BACK) if occasion == "raised" else 0
        await _add(tx, alarm, occasion, wanting, tx.now + pause_of(raisings))


async def owe_escalated(tx: Transaction, alarm: Alarm, to: Sequence[Destination]) -> None:
    """To the destinations whose patience is over."""
    await _add(tx, alarm, "escalated", to, tx.now)


async def owe_clearing(tx: Transaction, alarm: Alarm) -> None:
    """To every destination that got the raising or is about to, whatever it wants by now. What is held back need not leave any more."""
    enabled = await destinations.enabled(tx, kept=True)  # first: who turns one off locks in this order too
    closed = [one.destination_id for one in enabled if one.schedule.opens_at(tx.now) > tx.now]
    kinds = await deliveries.overtake(tx, alarm.alarm_id, closed, "the alarm was cleared before this was due, so neither is told")
    await deliveries.count_outcomes(tx, [(kind, "overtaken") for kind in kinds])
    if ids := await deliveries.told(tx, alarm.alarm_id):
        await _add(tx, alarm, "cleared", [one for one in enabled if one.destination_id in ids], tx.now)


async def _add(tx: Transaction, alarm: Alarm, occasion: Occasion, to: Iterable[Destination], earliest: datetime) -> None:
    await deliveries.add(
        tx,
        [
            Delivery(
                message=message_of(alarm, occasion, tx.now),
                destination_id=one.destination_id,
                kind=one.kind,
                target=one.target,
                state="waiting",
                created_at=tx.now,
                not_before=one.schedule.opens_at(earliest),
            )
            for one in to
        ],
    )
    tx.wake(COURIER)
