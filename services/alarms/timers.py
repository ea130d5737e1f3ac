"""What the alarms do by the clock: watch the ledger, end what was quiet, repeat and escalate what stands, forget what is long over."""

from datetime import timedelta

from services.alarms.actions.end_quiet_alarms import end_quiet_errors, end_quiet_refusals
from services.alarms.actions.remind import escalate, give_up_beyond, repeat_standing
from services.alarms.actions.watch_ledger import LedgerWatch
from services.alarms.domain.catalogue import Catalogue
from services.alarms.domain.delivery import MOST_OPEN
from services.alarms.settings import AlarmsSettings
from services.alarms.store import alarms, changes, deliveries
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction

_FORGET_SECONDS = 3600.0
_REMIND_SECONDS = 60.0
_KEPT_CHANGES = 1000


def timers_of(settings: AlarmsSettings, catalogue: Catalogue, watch: LedgerWatch) -> Timers:
    """The timers of one alarms service."""
    timers = Timers()

    async def watch_ledger(tx: Transaction) -> None:
        await watch.look(tx, catalogue)

    async def end_quiet_alarms(tx: Transaction) -> None:
        await end_quiet_errors(tx, settings.internal_error_quiet_seconds)
        await end_quiet_refusals(tx, settings.request_failed_quiet_seconds)

    async def forget_cleared_alarms(tx: Transaction) -> None:
        await alarms.forget_cleared(tx, tx.now - timedelta(days=settings.alarm_history_days))

    timers.every(settings.watch_seconds, watch_ledger)
    timers.every(settings.quiet_check_seconds, end_quiet_alarms)

    async def repeat_standing_alarms(tx: Transaction) -> None:
        await repeat_standing(tx, timedelta(hours=settings.repeat_hours))

    async def escalate_alarms(tx: Transaction) -> None:
        await escalate(tx)

    async def bound_deliveries(tx: Transaction) -> None:
        await give_up_beyond(tx, MOST_OPEN)

    async def forget_deliveries(tx: Transaction) -> None:
        await deliveries.forget_done(tx, tx.now - timedelta(days=settings.delivery_history_days))

    timers.every(_FORGET_SECONDS, forget_cleared_alarms)

    async def forget_changes(tx: Transaction) -> None:
        await changes.forget(tx, tx.now - timedelta(hours=settings.stream_history_hours), _KEPT_CHANGES)

    timers.every(_FORGET_SECONDS, forget_deliveries)
    timers.every(_FORGET_SECONDS, forget_changes)
    timers.every(_REMIND_SECONDS, repeat_standing_alarms)
    timers.every(_REMIND_SECONDS, bound_deliveries)
    timers.every(settings.escalation_check_seconds, escalate_alarms)
    return timers
