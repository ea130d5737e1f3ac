"""What a change of a pool means to whoever watches it. Overdraft has no hysteresis; the approaching limit has one, kept in the pool."""

from dataclasses import dataclass, replace
from typing import Literal

from services.ledger.domain.pool import PHONE_UNIT, Pool

Transition = Literal["overdraft_entered", "overdraft_left", "limit_approached", "limit_receded"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Percent of what is authorized at which the limit counts as approached, and at which as receded from."""

    approach_percent: int = 98
    recede_percent: int = 90


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool, how often it changed, and whether its limit counts as approached."""

    pool: Pool
    version: int = 0
    limit_approached: bool = False


def advance(before: PoolState, pool: Pool, limits: Limits) -> tuple[PoolState, tuple[Transition, ...]]:
    """The next state of a pool, one version on, and what became true by it. An unchanged pool stays as it is."""
    if pool == before.pool:
        return before, ()
    approached = _approached(before.limit_approached, pool, limits)
    transitions: list[Transition] = []
    if bool(pool.overdraft) != bool(before.pool.overdraft):
        transitions.append("overdraft_entered" if pool.overdraft else "overdraft_left")
    if approached != before.limit_approached:
        transitions.append("limit_approached" if approached else "limit_receded")
    return replace(before, pool=pool, version=before.version + 1, limit_approached=approached), tuple(transitions)


def _approached(before: bool, pool: Pool, limits: Limits) -> bool:
    if pool.feature != PHONE_UNIT or not pool.used:
        return False
    share = limits.recede_percent if before else limits.approach_percent
    if before:
        return pool.used * 100 > pool.authorized * share
    return pool.used * 100 >= pool.authorized * share
