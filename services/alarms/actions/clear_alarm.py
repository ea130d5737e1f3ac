"""Clear an alarm: it becomes history, and facts up to this one are settled."""

from datetime import datetime

from services.alarms.actions.tell import tell_cleared
from services.alarms.domain.alarm import Alarm, cleared
from services.alarms.domain.signals import Clear
from services.alarms.store import alarms
from shared.kit.transaction import Transaction


async def clear_alarm(tx: Transaction, signal: Clear) -> None:
    """Clear by a fact, unless the alarm was seen in a later one. The fact is remembered even where nothing stands."""
    await alarms.settled(tx, signal.name, signal.subject, signal.version)
    known = await alarms.standing(tx, signal.name, signal.subject)
    if known is not None and known.fact_version <= signal.version:
        await end(tx, known, signal.at)


async def end(tx: Transaction, alarm: Alarm, at: datetime) -> None:
    """End an alarm that stands. Who calls this holds the lock of the alarm's facts."""
    ended = cleared(alarm, at)
    await alarms.save(tx, ended)
    await tell_cleared(tx, ended)
