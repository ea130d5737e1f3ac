"""What the ledger does by the clock: heads of journals are told by a leader; that it is alive every process says itself."""

import asyncio

from services.ledger.actions.publish_heads import publish_heads
from services.ledger.settings import LedgerSettings
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Background, Kit
from shared.kit.logs import log_of
from shared.kit.timers import Timers
from shared.kit.transaction import envelope_of

_log = log_of("ledger")
_PUBLISH_SECONDS = 3600.0


def timers_of() -> Timers:
    """The timer ``publish_heads``, run every hour."""
    timers = Timers()
    timers.every(_PUBLISH_SECONDS, publish_heads)
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
