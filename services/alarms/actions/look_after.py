"""What people do to an alarm besides acknowledging it: comment on it, and clear it by hand. Every step is kept with the caller."""

from uuid import UUID

from services.alarms.actions.show_change import show
from services.alarms.actions.tell import tell_cleared
from services.alarms.domain.alarm import Alarm, cleared_by_hand
from services.alarms.domain.catalogue import AlarmName
from services.alarms.store import alarms, steps
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def comment(tx: Transaction, alarm_id: UUID, text: str) -> None:
    """Say something about an alarm, standing or past. Raises NotFound."""
    alarm = await _found(tx, alarm_id)
    await steps.add(tx, alarm_id, "commented", text)
    show(tx, "commented", alarm)


async def clear_by_hand(tx: Transaction, alarm_id: UUID, reason: str) -> Alarm:
    """End an alarm on somebody's word: what was known by then is settled, a later fact raises anew. Raises NotFound, AlarmIsCleared."""
    seen = await _found(tx, alarm_id)
    # The lock of the alarm's facts comes before the alarm's.
    if seen.name == AlarmName.REQUEST_FAILED:
        window = await alarms.window_of(tx, seen.subject)
        await alarms.save_window(tx, seen.subject, window.forgiven())
    else:
        await alarms.settled(tx, seen.name, seen.subject)
    known = await alarms.find(tx, alarm_id, locked=True)
    if known is None:
        raise NotFound("alarm", str(alarm_id))
    ended = cleared_by_hand(known, tx.now)
    if seen.name != AlarmName.REQUEST_FAILED:
        await alarms.settled(tx, known.name, known.subject, known.fact_version)
    await alarms.save(tx, ended)
    await steps.add(tx, alarm_id, "cleared_by_hand", reason)
    await tell_cleared(tx, ended)
    return ended


async def _found(tx: Transaction, alarm_id: UUID) -> Alarm:
    found = await alarms.find(tx, alarm_id)
    if found is None:
        raise NotFound("alarm", str(alarm_id))
    return found
