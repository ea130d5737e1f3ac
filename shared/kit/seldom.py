"""Says what goes on and on once in a while: a store or a broker that is away would fill the log with its one sentence.

The first of its kind is said at once, the next after half a minute, with the number of those that were left out meanwhile.
"""

import time
from collections.abc import Callable

_PAUSE_SECONDS = 30.0
_MOST_KINDS = 64


class Seldom:
    """``now``: seconds that run on, whatever becomes of the clock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def left_out(self, kind: str) -> int | None:
        """How many of this kind were not said since the last one that was; None when this one is not to be said either."""
        now = self._now()
        if now - self._said_at.get(kind, float("-inf")) < _PAUSE_SECONDS:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        if len(self._said_at) >= _MOST_KINDS:  # kinds that differ all the time are not the ones that go on and on
            self._said_at.clear()
            self._left_out.clear()
        self._said_at[kind] = now
        return self._left_out.pop(kind, 0)
