"""What the ledger does by the clock. Every process: says that it is alive, goes on with reconciliations that another left behind. A leader:
looks after the leases and the overdrafts, tells the heads of journals, keeps the figures that would take long to count."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from services.ledger.actions import keep_figures as _figures
from services.ledger.actions import reclaim_lapsed as _reclaim
from services.ledger.actions import tick_leases as _tick
from services.ledger.actions.climb_ladder import climb_ladders
from services.ledger.actions.go_on import Reconciler
from services.ledger.actions.publish_heads import publish_heads
from services.ledger.actions.settle_batch import Desks
from services.ledger.settings import LedgerSettings
from services.ledger.store import reconciliations
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Background, Kit
from shared.kit.database import Database
from shared.kit.logs import log_of
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction, envelope_of

_log = log_of("ledger")
_PUBLISH_SECONDS = 3600.0


def timers_of(settings: LedgerSettings) -> Timers:
    """The timers ``publish_heads``, run every hour, and ``climb_ladders``."""
    timers = Timers()
    timers.every(_PUBLISH_SECONDS, publish_heads)
    timers.every(settings.ladder_seconds, climb_ladders)
    return timers


def heartbeat(settings: LedgerSettings) -> Background:
    """A background that beats until it is cancelled. Past the outbox: a sign of life from a store that hangs would come too late."""

    async def beat(kit: Kit) -> None:
        while True:
            now = kit.clock.now()
            fact = LedgerHeartBeaten(service="ledger", at=now, interval_seconds=settings.heartbeat_seconds)
            try:
                async with asyncio.timeout(settings.heartbeat_seconds):  # a reader that hangs must not silence the next beat
                    await kit.bus.publish(envelope_of(fact, "ledger", now))
            except Exception as error:
                _log.warning("heartbeat-not-delivered", error=repr(error))
            await asyncio.sleep(settings.heartbeat_seconds)

    return beat


def keep_figures(timers: Timers, settings: LedgerSettings) -> None:
    """The timers ``keep_history``, ``measure_returnable`` and ``end_demand``."""

    async def measure_returnable(tx: Transaction) -> None:
        await _figures.measure_returnable(tx, settings.ghost_days)

    timers.every(settings.figures_seconds, _figures.keep_history)
    timers.every(settings.figures_seconds, measure_returnable)
    timers.every(settings.demand_seconds, _figures.end_demand)


def watch_leases(timers: Timers, settings: LedgerSettings, database: Database, desks: Desks) -> None:
    """The timers ``tick_leases`` and ``reclaim_lapsed``: apart, so that many lapses do not stop the clock."""
    patience = timedelta(seconds=settings.lease_patience_seconds)

    async def tick_leases(tx: Transaction) -> None:
        await _tick.tick_leases(tx, patience)

    async def reclaim_lapsed(_: Transaction) -> None:
        """In the batches' transactions: that of the timer would lock nothing."""
        await _reclaim.reclaim_lapsed(database, desks)

    timers.every(settings.lease_look_seconds, tick_leases)
    timers.every(settings.lease_look_seconds, reclaim_lapsed)


def reconciling(settings: LedgerSettings, reconciler: Callable[[], Reconciler]) -> Background:
    """A background that goes on with what waits, and forgets what is old."""

    async def look(kit: Kit) -> None:
        while True:
            try:
                await reconciler().go_on_with_all()
                async with kit.database.direct() as tx:
                    await reconciliations.forget(tx, settings.reconciliation_days, settings.reconciliations_kept)
            except Exception as error:
                await kit.faults.report(error, "reconciliations")
            await asyncio.sleep(settings.reconciliation_poll_seconds)

    return look
