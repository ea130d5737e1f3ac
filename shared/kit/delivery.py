"""One event on its way into one service: tried until it is handled, buried, stale, or the process stops. Both buses deliver so.

A failing reader is tried again with growing pauses; an event that keeps failing is buried (a collision counts an eighth of a
failure), one that fails because the data store is away is kept until the store is back.

Must not be broken: it returns only when the event is settled for good; whoever keeps it elsewhere lets go of it then.
"""

import asyncio
import random
import time

from shared.contracts.base import Envelope
from shared.contracts.readers import SECONDS_TO_LIVE
from shared.kit.bus import BusClosed, Subscription
from shared.kit.logs import log_of
from shared.kit.store_faults import weight_of

_log = log_of("bus")
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


async def deliver(subscription: Subscription, envelope: Envelope, closing: asyncio.Event) -> None:
    """Until the event is settled. Raises BusClosed when ``closing`` is set first: then it is not."""
    failures = 0.0
    pause = _FIRST_PAUSE_SECONDS
    stale_at = time.monotonic() + SECONDS_TO_LIVE.get(envelope.type, float("inf"))
    while not closing.is_set():
        try:
            await subscription.deliver(envelope)
            return
        except Exception as error:
            failures += _weighed(subscription, envelope, error, failures)
            if failures >= subscription.delivery_limit and await _buried(subscription, envelope, repr(error)):
                return
        if time.monotonic() > stale_at:
            _warn("let-go-as-stale", subscription, envelope)
            return
        await _pause(closing, pause * random.uniform(0.5, 1))  # noqa: S311 -- spreads retries, protects nothing
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    raise BusClosed


def _weighed(subscription: Subscription, envelope: Envelope, error: Exception, failures: float) -> float:
    """What the failure counts, told. Where it counts nothing the event waits, with all the others, for as long as it takes."""
    weight = weight_of(error)
    left_out = 0 if weight else subscription.seldom.left_out(repr(error))
    if left_out is not None:
        _warn("delivery-failed", subscription, envelope, failures=failures + weight, error=repr(error), left_out=left_out)
    return weight


async def _buried(subscription: Subscription, envelope: Envelope, reason: str) -> bool:
    """Put it aside; False when that failed too: then it is tried again."""
    try:
        await subscription.bury(envelope, reason)
    except Exception as error:
        if (left_out := subscription.seldom.left_out(f"burial {error!r}")) is not None:
            _warn("burial-failed", subscription, envelope, error=repr(error), left_out=left_out)
        return False
    return True


def _warn(what: str, subscription: Subscription, envelope: Envelope, **more: object) -> None:
    _log.warning(what, service=subscription.service, event_id=str(envelope.id), type=envelope.type, **more)


async def _pause(closing: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(closing.wait(), seconds)
    except TimeoutError:
        return
