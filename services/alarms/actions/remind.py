"""What time does to an alarm that stands: it is repeated daily, and told to others where nobody acknowledges it."""

from dataclasses import replace
from datetime import timedelta

from services.alarms.actions.tell import tell_escalated, tell_repeated
from services.alarms.store import alarms, deliveries, destinations, steps
from shared.kit.transaction import Transaction

_AT_ONCE = 500
"""Alarms in one run; what is left is the next run's."""


async def repeat_standing(tx: Transaction, after: timedelta) -> None:
    """Tell again what has stood for so long since it was last told."""
    for alarm in await alarms.told_before(tx, tx.now - after, _AT_ONCE):
        told = replace(alarm, told_at=tx.now)
        await alarms.save(tx, told)
        await steps.add(tx, alarm.alarm_id, "repeated", None)
        await tell_repeated(tx, told)


async def escalate(tx: Transaction) -> None:
    """Tell the destinations that wait for an acknowledgement what has had none for too long; each once."""
    waiting = [one for one in await destinations.enabled(tx, kept=True) if one.after_minutes is not None]
    if not waiting:
        return
    shortest = min(one.after_minutes or 0 for one in waiting)
    ignored = await alarms.unacknowledged(tx, tx.now - timedelta(minutes=shortest))
    done = await deliveries.escalated(tx, [alarm.alarm_id for alarm in ignored])
    for alarm in ignored:
        due = [one for one in waiting if one.is_due(alarm, tx.now) and (alarm.alarm_id, one.destination_id) not in done]
        if due:
            await tell_escalated(tx, alarm, due)
            await steps.add(tx, alarm.alarm_id, "escalated", ", ".join(f"{one.kind} {one.target}" for one in due))


async def give_up_beyond(tx: Transaction, most: int) -> None:
    """Give up the oldest of what a destination is owed, where that is more than ``most``."""
    for destination_id in await deliveries.destinations_owed_more_than(tx, most):
        why = f"given up: more than {most} deliveries waited for this destination"
        kinds = await deliveries.end_open(tx, destination_id, why, beyond=most)
        await deliveries.count_outcomes(tx, [(kind, "given_up") for kind in kinds])
        untold = await deliveries.end_untold(tx, destination_id)
        await deliveries.count_outcomes(tx, [(kind, "overtaken") for kind in untold])
