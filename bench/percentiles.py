"""A distribution in few numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Of ``samples`` durations, in milliseconds."""

    samples: int
    p50: float
    p95: float
    p99: float
    longest: float


def spread_of(seconds: Sequence[float]) -> Spread:
    """By the nearest rank: each number is one that was measured. Raises ValueError for none."""
    if not seconds:
        raise ValueError("nothing was measured")
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return round(1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)

    return Spread(len(ordered), at(0.5), at(0.95), at(0.99), at(1.0))
