"""End alarms that no fact ends: those that have not been seen again for long enough."""

from datetime import timedelta

from services.alarms.actions.clear_alarm import end
from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.watch import ends_by_answer
from services.alarms.store import alarms
from shared.kit.transaction import Transaction


async def end_quiet_errors(tx: Transaction, quiet_seconds: float) -> None:
    """InternalError: an error has no opposite fact, a repaired service simply does not fail again. Quiet is all there is to see.

    An absence is another matter: it is said once and ends with an answer.
    """
    seen_before = tx.now - timedelta(seconds=quiet_seconds)
    for subject in await alarms.quiet_subjects(tx, AlarmName.INTERNAL_ERROR, seen_before):
        if ends_by_answer(subject):
            continue
        await alarms.settled(tx, AlarmName.INTERNAL_ERROR, subject)
        alarm = await alarms.standing(tx, AlarmName.INTERNAL_ERROR, subject)
        if alarm is not None and alarm.last_seen_at < seen_before:
            # Settled is what was counted, not our time: an error later than that is a new alarm, whatever our clock says.
            await alarms.settled(tx, AlarmName.INTERNAL_ERROR, subject, alarm.fact_version)
            await end(tx, alarm, tx.now)


async def end_quiet_refusals(tx: Transaction, quiet_seconds: float) -> None:
    """RequestFailed: whoever asked gave up, or was helped in a way that shows in no pool."""
    seen_before = tx.now - timedelta(seconds=quiet_seconds)
    for subject in await alarms.quiet_subjects(tx, AlarmName.REQUEST_FAILED, seen_before):
        window = await alarms.window_of(tx, subject)
        alarm = await alarms.standing(tx, AlarmName.REQUEST_FAILED, subject)
        if alarm is not None and alarm.last_seen_at < seen_before:
            await alarms.save_window(tx, subject, window.forgiven())
            await end(tx, alarm, tx.now)
