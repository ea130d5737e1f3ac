"""ManagerDown: hear the ledger's heartbeat, and notice when it stops."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.alarms.actions.clear_alarm import clear_alarm
from services.alarms.actions.raise_alarm import raise_alarm
from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.heartbeat import LEDGER, Beat, Patience, manager_down, manager_up, silent_since
from services.alarms.store import alarms
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.clock import Clock
from shared.kit.transaction import Transaction

_STEADY_SECONDS = 1.0
"""A clock that gains or loses more than this between two looks was set."""


class LedgerWatch:
    """Listens since a time. Silence while nobody looked is no silence of the ledger: no beat can be noted in a store that is away.

    Nor is a clock that was set, a bus that is away (``deaf`` says why, or None), or a beat that was heard and could not be noted.
    """

    def __init__(self, clock: Clock, patience: Patience, look_seconds: float, deaf: Callable[[], Awaitable[str | None]]) -> None:
        self._clock = clock
        self._patience = patience
        self._longest_gap_seconds = 2 * look_seconds + 1
        self._deaf = deaf
        self._since = self._looked_at = clock.now()
        self._looked = clock.running()

    def hear(self, _event: LedgerHeartBeaten) -> None:
        """A beat arrived; whether it can be noted is another matter, and no fault of the ledger's."""
        self._since = self._clock.now()

    async def look(self, tx: Transaction, catalogue: Catalogue) -> None:
        """Raise ManagerDown once the ledger is silent for too long; a standing silence is not counted again."""
        now, running = tx.now, self._clock.running()
        ran = running - self._looked
        was_set = abs((now - self._looked_at).total_seconds() - ran) > _STEADY_SECONDS
        if ran > self._longest_gap_seconds or was_set or await self._deaf() is not None:
            self._since = now
        try:
            beat = await alarms.beat_of(tx, LEDGER)
        except Exception:
            self._since = now
            raise
        self._looked, self._looked_at = running, now  # as it began: a clock that is set meanwhile is seen next time
        since = silent_since(beat, self._since, now, self._patience)
        if since is not None and await alarms.standing(tx, AlarmName.MANAGER_DOWN, LEDGER) is None:
            signal = manager_down(beat, since, now)
            # Behind what is settled: after a clock was set back the beats, and the versions made of them, begin again further down.
            over = await alarms.settled(tx, signal.name, signal.subject)
            await raise_alarm(tx, catalogue, replace(signal, version=max(signal.version, over + 1)))


async def hear_heartbeat(tx: Transaction, event: LedgerHeartBeaten) -> None:
    """A newer sign of life ends ManagerDown; one that was overtaken says nothing about now."""
    if await alarms.save_beat(tx, event.service, Beat(event.at, tx.now, event.interval_seconds)):
        signal, standing = manager_up(event.at), await alarms.standing(tx, AlarmName.MANAGER_DOWN, LEDGER)
        await clear_alarm(tx, replace(signal, version=max(signal.version, standing.fact_version)) if standing else signal)
