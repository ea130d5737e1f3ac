"""Raise an alarm: begin it, or count it where it stands already."""

from uuid import uuid4

from services.alarms.actions.tell import tell_cleared, tell_raised
from services.alarms.domain.alarm import cleared, opened, repeated
from services.alarms.domain.catalogue import Catalogue
from services.alarms.domain.signals import Raise, time_of
from services.alarms.store import alarms
from shared.kit.transaction import Transaction


async def raise_alarm(tx: Transaction, catalogue: Catalogue, signal: Raise) -> None:
    """Raise by a fact, unless a later fact has settled it. One that is kept when late becomes history."""
    over = await alarms.settled(tx, signal.name, signal.subject)
    if signal.version > over:
        await stand(tx, catalogue, signal)
    elif signal.kept_when_late:
        begun = opened(uuid4(), catalogue[signal.name], signal, tx.now)
        ended = cleared(begun, time_of(over))
        await alarms.add(tx, ended)
        await tell_raised(tx, begun)
        await tell_cleared(tx, ended)


async def stand(tx: Transaction, catalogue: Catalogue, signal: Raise) -> None:
    """Begin the alarm or count it. Who calls this holds the lock of the alarm's facts."""
    kind = catalogue[signal.name]
    known = await alarms.standing(tx, signal.name, signal.subject)
    if known is not None:
        await alarms.save(tx, repeated(known, kind, signal))
        return
    begun = opened(uuid4(), kind, signal, tx.now)
    await alarms.add(tx, begun)
    await tell_raised(tx, begun)
