"""What the ledger does by the clock: it says that it is alive, every process and not only a leader; and overdrafts climb their ladder."""

import asyncio

from services.ledger.actions.climb_ladder import climb_ladders
from services.ledger.settings import LedgerSettings
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.app import Background, Kit
from shared.kit.logs import log_of
from shared.kit.timers import Timers
from shared.kit.transaction import envelope_of

_log = log_of("ledger")


def timers_of(settings: LedgerSettings) -> Timers:
    """What the leader does."""
    timers = Timers()
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
