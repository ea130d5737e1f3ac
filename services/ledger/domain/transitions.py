"""What a change of a pool means to whoever watches it. Overdraft has no hysteresis; the approaching limit has one, kept in the pool."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.ledger.domain.ladder import Ladder, Policy, Rung, climbed, rung_of
from services.ledger.domain.pool import PHONE_UNIT, Pool

Transition = Literal["overdraft_entered", "overdraft_left", "limit_approached", "limit_receded", "stage_reached"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Percent of what is authorized at which the limit counts as approached, and at which as receded from."""

    approach_percent: int = 98
    recede_percent: int = 90


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool, how often it changed, whether its limit counts as approached, and where it stands on the ladder of its policy."""

    pool: Pool
    version: int = 0
    limit_approached: bool = False
    policy: Policy = field(default_factory=Policy)
    rung: Rung = field(default_factory=Rung)

    def ladder(self, at: datetime | None = None) -> Ladder:
        """What decides about the pool's overdraft, at a moment."""
        return Ladder(self.policy, self.rung, at)

    @property
    def overdraft_in_force(self) -> int:
        """What the policy leaves of the overdraft that is allowed."""
        return self.ladder().allowance(self.pool.overdraft_allowed)


def advance(
    before: PoolState, pool: Pool, limits: Limits, at: datetime, policy: Policy | None = None
) -> tuple[PoolState, tuple[Transition, ...]]:
    """The next state of a pool, one version on, and what became true by it. An unchanged pool stays as it is.

    ``at``: the moment of the change, by the database's clock. ``policy``: a new one, None where it stays. An overdraft begins at the
    ladder's foot and leaves the ladder when it ends; only time (``climb``) and a new policy change the stage in between.
    """
    policy = policy or before.policy
    if pool == before.pool and policy == before.policy:
        return before, ()
    approached = _approached(before.limit_approached, pool, _limits_of(policy, limits))
    since = before.rung.since
    same = policy == before.policy and (since is not None) == bool(pool.overdraft)
    rung = before.rung if same else rung_of(policy, pool, since, at)
    transitions: list[Transition] = []
    if bool(pool.overdraft) != bool(before.pool.overdraft):
        transitions.append("overdraft_entered" if pool.overdraft else "overdraft_left")
    elif rung != before.rung and since is not None:
        transitions.append("stage_reached")
    if approached != before.limit_approached:
        transitions.append("limit_approached" if approached else "limit_receded")
    return PoolState(pool, before.version + 1, approached, policy, rung), tuple(transitions)


def climb(before: PoolState, at: datetime) -> tuple[PoolState, tuple[Transition, ...]]:
    """The pool as time has made it, one version on where it reached a stage. Of a pool that nobody watched so far the days begin now.

    What stands on the ladder without an overdraft was left there by a release that knows no ladder: it climbs no further, and its next
    change takes it down.
    """
    if not before.pool.overdraft:
        return before, ()
    rung = climbed(before.policy, before.rung, at) if before.rung.since else rung_of(before.policy, before.pool, None, at)
    if rung == before.rung:
        return before, ()
    return PoolState(before.pool, before.version + 1, before.limit_approached, before.policy, rung), ("stage_reached",)


def _limits_of(policy: Policy, limits: Limits) -> Limits:
    if policy.approach_percent is None or policy.recede_percent is None:
        return limits
    return Limits(policy.approach_percent, policy.recede_percent)


def _approached(before: bool, pool: Pool, limits: Limits) -> bool:
    if pool.feature != PHONE_UNIT or not pool.used:
        return False
    share = limits.recede_percent if before else limits.approach_percent
    if before:
        return pool.used * 100 > pool.authorized * share
    return pool.used * 100 >= pool.authorized * share
