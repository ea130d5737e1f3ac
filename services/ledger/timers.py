"""What the ledger does by the clock, in every process and not only in a leader: it says that it is alive, and goes on with reconciliations
that another process left behind."""

import asyncio
from collections.abc import Callable

from services.ledger.actions.go_on import Reconciler
from services.ledger.settings import LedgerSettings
from services.ledger.store import reconciliations
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Background, Kit
from shared.kit.logs import log_of
from shared.kit.transaction import envelope_of

_log = log_of("ledger")


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
