"""What this service does by the clock: expiries, the ends of grace, and the warnings ahead of both."""

from datetime import timedelta

from services.licensefile.actions import end_grace as _end_grace
from services.licensefile.actions import expire as _expire
from services.licensefile.actions import warn_of_ends as _warn_of_ends
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction


def timers_of(seconds: float, grace: timedelta) -> Timers:
    """The timers ``expire``, ``end_grace`` and ``warn_of_ends``, each run every ``seconds``."""
    timers = Timers()

    async def expire(tx: Transaction) -> None:
        await _expire.expire(tx, grace)

    async def end_grace(tx: Transaction) -> None:
        await _end_grace.end_grace(tx, grace)

    async def warn_of_ends(tx: Transaction) -> None:
        await _warn_of_ends.warn_of_ends(tx)

    timers.every(seconds, expire)
    timers.every(seconds, end_grace)
    timers.every(seconds, warn_of_ends)
    return timers
