"""What this service does by the clock: expiries, the ends of grace, revoked keys."""

import asyncio
from datetime import timedelta

from services.licensefile.actions import end_grace as _end_grace
from services.licensefile.actions import expire as _expire
from services.licensefile.actions import follow_keys as _follow_keys
from services.licensefile.clients import TrustedKeys
from shared.kit.logs import log_of
from shared.kit.seldom import Seldom
from shared.kit.timers import Timers
from shared.kit.transaction import Transaction

_log = log_of("trusted keys")


def timers_of(seconds: float, grace: timedelta, keys: TrustedKeys, *, keep_granting: bool) -> Timers:
    """The timers ``expire``, ``end_grace`` and ``follow_keys``, each run every ``seconds``.

    ``keep_granting``: whether files of a revoked key keep their units.
    """
    timers, seldom = Timers(), Seldom()

    async def expire(tx: Transaction) -> None:
        await _expire.expire(tx, grace)

    async def end_grace(tx: Transaction) -> None:
        await _end_grace.end_grace(tx, grace)

    async def follow_keys(tx: Transaction) -> None:
        ring = await asyncio.to_thread(keys.look)
        for unusable in ring.unusable:
            if (left_out := seldom.left_out(str(unusable))) is not None:
                _log.warning("trusted-key-unusable", key_file=unusable.key_file, error=unusable.reason, left_out=left_out)
        await _follow_keys.follow_keys(tx, ring, keep_granting=keep_granting)

    timers.every(seconds, expire)
    timers.every(seconds, end_grace)
    timers.every(seconds, follow_keys)
    return timers
