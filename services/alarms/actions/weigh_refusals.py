"""RequestFailed: put a refusal or a pool change into the pool's window and let the alarm follow what the window says.

OverDraft, in the newest numbers, whichever came first. Whoever hears of a pool here locks its window before any alarm.
"""

from dataclasses import replace

from services.alarms.actions.clear_alarm import end
from services.alarms.actions.raise_alarm import raise_alarm, stand
from services.alarms.domain.alarm import action_for
from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.rules import free_in, overdraft_entered, request_failed
from services.alarms.domain.signals import Raise
from services.alarms.store import alarms
from shared.contracts.events.ledger import OverdraftEntered, PoolChanged, RequestRefused
from shared.kit.transaction import Transaction

UNITS_EXHAUSTED = "units-exhausted"


async def hear_refusal(tx: Transaction, catalogue: Catalogue, event: RequestRefused) -> None:
    """A refusal counts only where units were missing; other rules (a freeze, a stopped license manager) are no alarm."""
    if event.rule != UNITS_EXHAUSTED:
        return
    window = (await alarms.window_of(tx, event.subject)).refused(event.version, event.asked)
    await alarms.save_window(tx, event.subject, window)
    if window.smallest is None:
        await _end(tx, event)  # there was room since, and a later fact told of it first
    else:
        await stand(tx, catalogue, replace(request_failed(event, window.smallest), times=event.count))


async def hear_pool_change(tx: Transaction, catalogue: Catalogue, event: PoolChanged) -> None:
    """Often: two short statements in the transaction that writes the inbox row anyway, a third only in overdraft.

    What was free must be kept even while nothing stands: with several replicas, or after a retry, the refusal that this
    room answers may still be on its way, and no later change may come to end its alarm.
    """
    known = await alarms.window_of(tx, event.subject)
    window = known.changed(event.version, free_in(event), (event.authorized, event.overdraft_allowed, event.used))
    await alarms.save_window(tx, event.subject, window)
    if event.used > event.authorized:
        await _reword(tx, catalogue, overdraft_entered(event))
    before, after = known.smallest, window.smallest
    if after is None and before is not None:
        await _end(tx, event)
    elif after is not None and before is None:
        # The change that ended an earlier refusal came late: it had ended before, and a later refusal stands.
        await stand(tx, catalogue, request_failed(event, after))
    elif after is not None and after != before:
        # The same lateness where a smaller refusal stood: which one is the smallest matters more than how new the numbers are.
        await _reword(tx, catalogue, request_failed(event, after), also_older=True)


async def hear_overdraft(tx: Transaction, catalogue: Catalogue, event: OverdraftEntered) -> None:
    """Raise; in the numbers of a later change where that came first: no other change may come to say them."""
    window = await alarms.window_of(tx, event.subject)  # locked first, as by a change
    await raise_alarm(tx, catalogue, overdraft_entered(event))
    later = window.newest_after(event.version)
    if later is not None and later.numbers is not None:
        authorized, overdraft_allowed, used = later.numbers
        if used > authorized:
            now = {"version": later.version, "authorized": authorized, "overdraft_allowed": overdraft_allowed, "used": used}
            await _reword(tx, catalogue, overdraft_entered(event.model_copy(update=now)))


async def _reword(tx: Transaction, catalogue: Catalogue, signal: Raise, *, also_older: bool = False) -> None:
    await alarms.reword(tx, signal, action_for(catalogue[signal.name], signal), also_older=also_older)


async def _end(tx: Transaction, event: RequestRefused | PoolChanged) -> None:
    alarm = await alarms.standing(tx, AlarmName.REQUEST_FAILED, event.subject)
    if alarm is not None:
        await end(tx, alarm, event.at)
