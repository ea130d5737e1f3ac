"""What this service does by the clock: expiries and the ends of grace."""

from datetime import timedelta

from services.licensefile.actions import end_grace as _end_grace
from services.licensefile.actions import expire as _expire
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction


def timers_of(seconds: float, grace: timedelta) -> Timers:
    """The timers ``expire`` and ``end_grace``, each run every ``seconds``."""
    timers = Timers()

    async def expire(tx: Transaction) -> None:
        await _expire.expire(tx, grace)

    async def end_grace(tx: Transaction) -> None:
        await _end_grace.end_grace(tx, grace)

    timers.every(seconds, expire)
    timers.every(seconds, end_grace)
    return timers
