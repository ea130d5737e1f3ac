"""ManagerDown: hear the ledger's heartbeat, and notice when it stops."""

import time
from collections.abc import Callable
from datetime import datetime

from services.alarms import store
from services.alarms.actions.clear_alarm import clear_alarm
from services.alarms.actions.raise_alarm import raise_alarm
from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.heartbeat import LEDGER, Beat, Patience, manager_down, manager_up, silent_since
from shared.contracts.events.faults import LedgerHeartBeaten
from shared.kit.transaction import Transaction


class LedgerWatch:
    """Listens since a time. Silence while nobody looked is no silence of the ledger: no beat can be noted in a store that is away.

    ``running``: seconds that this process has run, which a clock that is set does not disturb.
    """

    def __init__(self, since: datetime, patience: Patience, look_seconds: float, running: Callable[[], float] = time.monotonic) -> None:
        self._since = since
        self._patience = patience
        self._longest_gap_seconds = 2 * look_seconds + 1
        self._running = running
        self._looked = running()

    async def look(self, tx: Transaction, catalogue: Catalogue) -> None:
        """Raise ManagerDown once the ledger is silent for too long; a standing silence is not counted again."""
        if self._running() - self._looked > self._longest_gap_seconds:
            self._since = tx.now
        try:
            beat = await store.beat_of(tx, LEDGER)
        except Exception:
            self._since = tx.now
            raise
        self._looked = self._running()
        since = silent_since(beat, self._since, tx.now, self._patience)
        if since is not None and await store.standing(tx, AlarmName.MANAGER_DOWN, LEDGER) is None:
            await raise_alarm(tx, catalogue, manager_down(beat, since, tx.now))


async def hear_heartbeat(tx: Transaction, event: LedgerHeartBeaten) -> None:
    """A newer sign of life ends ManagerDown; one that was overtaken says nothing about now."""
    if await store.save_beat(tx, event.service, Beat(event.at, tx.now, event.interval_seconds)):
        await clear_alarm(tx, manager_up(event.at))
