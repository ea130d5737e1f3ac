"""Acknowledge an alarm: it stands on, and everybody sees that somebody looks after it."""

from uuid import UUID

from services.alarms.actions.show_change import show
from services.alarms.domain.alarm import Alarm, acknowledged
from services.alarms.store import alarms, steps
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def acknowledge(tx: Transaction, alarm_id: UUID, comment: str | None) -> Alarm:
    """The alarm afterwards; the first acknowledgement stays. Raises NotFound, AlarmIsCleared."""
    known = await alarms.find(tx, alarm_id, locked=True)
    if known is None:
        raise NotFound("alarm", str(alarm_id))
    alarm = acknowledged(known, tx.caller, tx.now, comment)
    if alarm != known:
        await alarms.save(tx, alarm)
        await steps.add(tx, alarm_id, "acknowledged", comment)
        show(tx, "acknowledged", alarm)
    return alarm
