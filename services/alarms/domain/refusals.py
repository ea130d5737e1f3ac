"""RequestFailed: does a refused request still stand? It does until the pool has room for the smallest one refused.

The answer must not depend on the order in which refusals and pool changes arrive. So the newest moments of a pool are
remembered and judged in the order of the pool's version, anew with each fact; what is older than the window is settled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

WINDOW_MOMENTS = 32
"""Facts overtake each other by a few places (parallel delivery, retries); these are the last so many versions of the pool."""

_MOST_ASKED = 8

Numbers = tuple[int, int, int]
"""A pool's authorized, overdraft_allowed and used."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A version of the pool: what was free in it (None: not heard yet) and the different sizes refused in it, smallest first.

    ``numbers``: of the pool in this version, for the words of other alarms about it.
    """

    version: int
    free: int | None = None
    asked: tuple[int, ...] = ()
    numbers: Numbers | None = None

    def judged(self, smallest: int | None) -> int | None:
        """The smallest standing refusal after this moment, given the one before it.

        A version is a whole committed batch: a request refused in it that would fit into what is free at its end came
        before that room, and one that would not fit is refused still.
        """
        room = -1 if self.free is None else self.free
        smallest = _least(smallest, (asked for asked in self.asked if asked <= room))
        if smallest is not None and smallest <= room:
            smallest = None
        return _least(smallest, (asked for asked in self.asked if asked > room))


@dataclass(frozen=True, slots=True)
class RefusalWindow:
    """The newest moments of one pool, oldest first; ``before`` is the smallest refusal that stood after version ``settled``."""

    settled: int = -1
    before: int | None = None
    moments: tuple[Moment, ...] = field(default=())

    def __post_init__(self) -> None:
        assert len(self.moments) <= WINDOW_MOMENTS
        assert all(moment.version > self.settled for moment in self.moments)

    @property
    def smallest(self) -> int | None:
        """The smallest refused request that still stands, in units; None when none does."""
        standing = self.before
        for moment in self.moments:
            standing = moment.judged(standing)
        return standing

    def refused(self, version: int, asked: int) -> "RefusalWindow":
        """With a refusal heard."""
        known = self._at(version)
        return self._with(replace(known, asked=tuple(sorted({*known.asked, asked})[:_MOST_ASKED])))

    def changed(self, version: int, free: int, numbers: Numbers | None = None) -> "RefusalWindow":
        """With the pool's state after ``version`` heard."""
        return self._with(replace(self._at(version), free=free, numbers=numbers))

    def newest_after(self, version: int) -> Moment | None:
        """The newest version later than this one whose numbers were heard."""
        return next((moment for moment in reversed(self.moments) if moment.numbers and moment.version > version), None)

    def forgiven(self) -> "RefusalWindow":
        """Without any refusal: they are too old to matter. What was free stays known, a refusal may still be under way."""
        return replace(self, before=None, moments=tuple(replace(moment, asked=()) for moment in self.moments))

    def _at(self, version: int) -> Moment:
        return next((moment for moment in self.moments if moment.version == version), Moment(version))

    def _with(self, changed: Moment) -> "RefusalWindow":
        if changed.version <= self.settled:
            return self  # too late to be judged
        others = [moment for moment in self.moments if moment.version != changed.version]
        moments = sorted([*others, changed], key=lambda moment: moment.version)
        settled, before = self.settled, self.before
        while len(moments) > WINDOW_MOMENTS:
            oldest = moments.pop(0)
            settled, before = oldest.version, oldest.judged(before)
        return RefusalWindow(settled, before, tuple(moments))


def _least(one: int | None, others: Iterable[int]) -> int | None:
    return min([*others, *([] if one is None else [one])], default=None)
