"""The overdraft ladder: what the time in overdraft, and a cluster's policy, leave of the allowance that its license files signed.

Must not be broken: a policy only narrows, and what is signed is its upper end; the longer an overdraft lasts, the higher its stage and
the narrower its allowance; giving back is never asked about. Phone units only: no node is ever held up by the ladder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Literal, get_args

from services.ledger.domain.pool import PHONE_UNIT, Pool, check_out
from services.ledger.domain.refusals import UnitsLacking, WayOut, counted
from services.ledger.domain.ways_out import ways_out

Stage = Literal["notice", "minor", "major", "critical"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""From the lowest to the highest."""


@dataclass(frozen=True, slots=True)
class Step:
    """After so many whole days in overdraft this stage, and from then on so much of the signed allowance at most."""

    stage: Stage
    after_days: int
    allowance_percent: int | None = None
    allowance_units: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a cluster makes of its overdraft; as it stands here it narrows nothing and stops nobody.

    ``allowance_percent`` of what is signed, ``allowance_units``: at all times; the least counts. ``steps``: rising. ``stop_after_days``:
    from then on nothing is checked out beyond what is authorized; None for never. ``approach_percent``, ``recede_percent``: of the
    approaching limit, None for those of the settings.
    """

    allowance_percent: int | None = None
    allowance_units: int | None = None
    steps: tuple[Step, ...] = (Step("minor", 7), Step("major", 30), Step("critical", 60))
    stop_after_days: int | None = None
    approach_percent: int | None = None
    recede_percent: int | None = None


def policy_of(content: Mapping[str, Any] | None) -> Policy:
    """A policy from what ``content_of`` made of it; the one that is in force where nobody set any, from None."""
    return Policy(**{**content, "steps": tuple(Step(**step) for step in content["steps"])}) if content else Policy()


def content_of(policy: Policy) -> dict[str, Any] | None:
    """A policy as JSON has it; None for the one that nobody need set."""
    return asdict(policy) if policy != Policy() else None


@dataclass(frozen=True, slots=True)
class Rung:
    """Where a pool stands on the ladder: in overdraft since when, and what was reached and told. Nothing of it outside of overdraft."""

    since: datetime | None = None
    stage: Stage | None = None
    stopped: bool = False

    def __post_init__(self) -> None:
        assert (self.since is None) == (self.stage is None)  # paired with CHECK pool_overdraft_has_stage
        assert not self.stopped or self.since is not None  # paired with CHECK pool_stopped_in_overdraft


@dataclass(frozen=True, slots=True)
class Ladder:
    """What decides about overdraft at one moment; without ``at`` nothing is known of the days."""

    policy: Policy = field(default_factory=Policy)
    rung: Rung = field(default_factory=Rung)
    at: datetime | None = None

    @property
    def days(self) -> int:
        return days_between(self.rung.since, self.at) if self.rung.since and self.at else 0

    def allowance(self, signed: int) -> int:
        """Units that a check-out may reach beyond what is authorized, of those that are ``signed``; never more than these."""
        if self.rung.stopped or not signed:
            return 0
        stage = self.rung.stage or stage_after(self.policy, 0)
        reached = [step for step in self.policy.steps if STAGES.index(step.stage) <= STAGES.index(stage)]
        return min([_narrowed(self.policy, signed), *(_narrowed(step, signed) for step in reached)])


def _narrowed(by: Policy | Step, signed: int) -> int:
    percent = 100 if by.allowance_percent is None else by.allowance_percent
    units = signed if by.allowance_units is None else by.allowance_units
    return min(signed * percent // 100, units, signed)


def days_between(since: datetime, at: datetime) -> int:
    """Whole days; none where the clock was set back."""
    return max(0, (at - since).days)


def stage_after(policy: Policy, days: int) -> Stage:
    """The stage of an overdraft that lasts so many whole days."""
    return max((step.stage for step in policy.steps if step.after_days <= days), key=STAGES.index, default=STAGES[0])


def climbed(policy: Policy, rung: Rung, at: datetime) -> Rung:
    """The rung as time has made it; never lower, whatever the clock says."""
    if rung.since is None or rung.stage is None:
        return rung
    days = days_between(rung.since, at)
    stage = max(rung.stage, stage_after(policy, days), key=STAGES.index)
    return Rung(rung.since, stage, rung.stopped or (policy.stop_after_days is not None and days >= policy.stop_after_days))


def rung_of(policy: Policy, pool: Pool, since: datetime | None, at: datetime) -> Rung:
    """Where a pool stands under a policy that was not asked before; ``since``: None where its overdraft begins now."""
    if pool.feature != PHONE_UNIT or not pool.overdraft:
        return Rung()
    return climbed(policy, Rung(since or at, STAGES[0]), at)


def check_out_by(ladder: Ladder, pool: Pool, units: int) -> Pool:
    """Take units out as far as files and policy allow. Raises UnitsExhausted, OverdraftRestricted."""
    after = check_out(pool, units)
    if not after.overdraft:
        return after  # what is authorized is no business of the ladder
    allowance = ladder.allowance(pool.overdraft_allowed)
    free = max(0, pool.authorized + allowance - pool.used)
    if units > free:
        raise restricted(ladder, pool, units, free, allowance)
    return after


@dataclass
class OverdraftRestricted(UnitsLacking):
    """The files would allow it; the cluster's overdraft policy does not. ``allowance``: what it leaves of ``overdraft_allowed``."""

    rule: ClassVar[str] = "overdraft-restricted"

    feature: str
    asked: int
    free: int
    authorized: int
    used: int
    overdraft_allowed: int
    allowance: int
    stage: Stage | None
    days_in_overdraft: int
    stopped: bool
    ways_out: tuple[WayOut, ...]

    def __str__(self) -> str:
        lasts = f" after {counted(self.days_in_overdraft, 'day')} in overdraft (stage {self.stage})" if self.stage else ""
        does = (
            f"lets nothing more be checked out{lasts}"
            if self.stopped
            else f"leaves {self.allowance} of the {self.overdraft_allowed} that the license files allow as overdraft{lasts}"
        )
        return (
            f"{self.feature}: {self.asked} asked for, {self.free} free ({self.authorized} authorized, {self.used} used); "
            f"the cluster's overdraft policy {does}. Ways out: {self.numbered}"
        )


def restricted(ladder: Ladder, pool: Pool, units: int, free: int, allowance: int) -> OverdraftRestricted:
    """The refusal of ``units``, with what would make room for them: once the overdraft has ended, the ladder begins at its foot."""
    at_foot = replace(ladder, rung=Rung()).allowance(pool.overdraft_allowed)
    lacking = pool.used + units - pool.authorized - allowance
    if ladder.rung.stopped:
        lacking = max(pool.overdraft, pool.used + units - pool.authorized - at_foot)
    return OverdraftRestricted(
        feature=pool.feature,
        asked=units,
        free=free,
        authorized=pool.authorized,
        used=pool.used,
        overdraft_allowed=pool.overdraft_allowed,
        allowance=allowance,
        stage=ladder.rung.stage,
        days_in_overdraft=ladder.days,
        stopped=ladder.rung.stopped,
        ways_out=(
            *ways_out(pool.feature, lacking),
            WayOut("change_policy", 0, "Have an admin change the cluster's overdraft_policy, within what the license files allow."),
        ),
    )
