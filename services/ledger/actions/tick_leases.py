"""The clock of the leases goes on; after a time in which nobody listened every lease begins anew."""

from datetime import timedelta

from services.ledger.store import leases
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("leases")


async def tick_leases(tx: Transaction, patience: timedelta) -> None:
    """``patience``: for how long nobody may have listened."""
    direct = await tx.direct()
    clock, now = await leases.lock_clock(direct)
    ticked = clock.tick(now, patience)
    await leases.set_clock(direct, ticked)
    if ticked.runs_from != clock.runs_from:
        _log.warning("leases-begin-anew", last_tick=clock.ticked_at.isoformat(), now=now.isoformat())
