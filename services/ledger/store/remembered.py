"""Clusters as our own last batch left them: spares a batch of new devices the load, and with it half of what a lone caller waits for.

Must not be broken: nothing here is believed. What was decided upon it is written only where the journal's head is still that very one, the
catalogue of that version, the time as was reckoned, and the devices hold nothing; and nothing may be decided upon it but what is written.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from services.ledger.domain.desk import Desk, Price, Provisioning
from services.ledger.domain.journal import Head, Pen
from services.ledger.domain.transitions import PoolState
from services.ledger.store.devices import Loaded, Reading

_GOOD_SECONDS = 1.0
"""So long the database's time is reckoned from when it was read; then it is asked again."""

_NOT_LATE = 1.001
"""The clock of the database's machine may go faster than ours. An entry must not be dated before what was told of a moment without it;
one that is dated a little ahead is no harm, for whoever tells of a moment looks at the head too."""

_DOUBTFUL = 32
"""Batches that load although they might be spared it, after one that was wrong: another replica's cluster, or devices that are not new."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Left:
    state: PoolState
    provisioning: Provisioning
    head: Head
    reading: Reading


class Remembered:
    """What was remembered of each cluster, good for one batch, and the prices of one version of the catalogue."""

    def __init__(self) -> None:
        self._left: dict[str, _Left] = {}
        self._doubtful: dict[str, int] = {}  # how many more batches of a cluster load
        self._catalogue: int | None = None
        self._prices: dict[str, Price] = {}

    def recall(self, cluster: str, names: Collection[str], types: Collection[str]) -> Loaded | None:
        """The cluster as ``devices.load`` would most likely find it, where none of ``names`` holds anything."""
        left = self._left.pop(cluster, None)
        if left is None or (passed := time.monotonic() - left.reading.since) > _GOOD_SECONDS or not self._prices.keys() >= set(types):
            return None
        now = max(left.reading.at + timedelta(seconds=passed * _NOT_LATE), left.head.at + _MICROSECOND)
        desk = Desk(left.state.pool, {}, {name: self._prices[name] for name in types}, left.provisioning, left.state.ladder(now))
        return Loaded(left.state, desk, left.head, Pen(cluster, left.head, now), left.reading, self._catalogue, assumed=tuple(names))

    def keep(self, loaded: Loaded, state: PoolState) -> None:
        """A batch went well that found ``loaded`` and left ``state``: where all its devices were new, so are likely the next."""
        cluster, desk = loaded.pen.cluster, loaded.desk
        doubtful = self._doubtful.pop(cluster, 0)
        if doubtful > 1:
            self._doubtful[cluster] = doubtful - 1
        if doubtful or desk.holdings or desk.provisioning.frozen or desk.prices is None:
            return
        if loaded.catalogue != self._catalogue:
            self._catalogue, self._prices = loaded.catalogue, {}
        self._prices.update(desk.prices)
        self._left[cluster] = _Left(state, desk.provisioning, loaded.pen.head, loaded.reading)

    def doubt(self, cluster: str) -> None:
        """What was recalled was wrong."""
        self._doubtful[cluster] = _DOUBTFUL
