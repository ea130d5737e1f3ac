"""Sums over clusters. Units are bound to their cluster: what is free in one serves no other, so nothing is offset."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.ledger.domain.pool import Pool, Status

_WORSE: tuple[Status, ...] = ("within", "overdraft", "exhausted", "beyond_allowance")


@dataclass(frozen=True, slots=True)
class Sums:
    """One feature over all clusters; ``status`` is that of the worst of them."""

    feature: str
    authorized: int
    overdraft_allowed: int
    used: int
    remaining: int
    overdraft: int
    status: Status


def sums_of(feature: str, pools: Iterable[Pool]) -> Sums:
    """The pools of one feature together."""
    ours = [pool for pool in pools if pool.feature == feature]
    return Sums(
        feature,
        sum(pool.authorized for pool in ours),
        sum(pool.overdraft_allowed for pool in ours),
        sum(pool.used for pool in ours),
        sum(pool.remaining for pool in ours),
        sum(pool.overdraft for pool in ours),
        max((pool.status for pool in ours), key=_WORSE.index, default="within"),
    )


def by_status(pools: Iterable[Pool]) -> dict[Status, int]:
    """How many of the pools are in which state; every state is named."""
    found = [pool.status for pool in pools]
    return {status: found.count(status) for status in _WORSE}
