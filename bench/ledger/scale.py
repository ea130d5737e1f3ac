"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """``rounds`` turns of ``seconds`` each for every figure; ``sizes``: devices of a cluster."""

    rounds: int
    seconds: float
    bulk_rounds: int
    lookups: int
    turmoil_seconds: float
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)


FULL = Scale(rounds=4, seconds=2, bulk_rounds=7, lookups=400, turmoil_seconds=30)
QUICK = Scale(rounds=2, seconds=0.5, bulk_rounds=3, lookups=100, turmoil_seconds=4, sizes=(10_000, 100_000))
