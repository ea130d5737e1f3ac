"""Bodies of the overdraft ladder: what a cluster makes of the overdraft that its license files allow."""

from typing import Annotated

from pydantic import Field, model_validator

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.events.ledger import OverdraftStage
from shared.contracts.fields import Count

_STAGES = ("notice", "minor", "major", "critical")
MOST_DAYS = 3650
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
Days = Annotated[int, Field(ge=0, le=MOST_DAYS, strict=True)]


class OverdraftStep(RequestBody):
    """A stage of the ladder and the whole days in overdraft after which it is reached; and what is left of the allowance from then on."""

    stage: OverdraftStage
    after_days: Days
    allowance_percent: Percent | None = Field(default=None, description="Of the overdraft that license files allow.")
    allowance_units: Count | None = None


class OverdraftPolicy(RequestBody):
    """A cluster's overdraft policy. It can only narrow what license files allow: of all limits that apply the least counts.

    An overdraft begins as `notice`. Stage and days of `steps` rise; a `notice` among them has `after_days: 0`.
    """

    allowance_percent: Percent | None = Field(default=None, description="At all times, of the overdraft that license files allow.")
    allowance_units: Count | None = Field(default=None, description="At all times.")
    steps: list[OverdraftStep] = Field(
        default=[
            OverdraftStep(stage="minor", after_days=7),
            OverdraftStep(stage="major", after_days=30),
            OverdraftStep(stage="critical", after_days=60),
        ],
        max_length=len(_STAGES),
    )
    stop_after_days: Annotated[int, Field(ge=1, le=MOST_DAYS, strict=True)] | None = Field(
        default=None,
        description="The end of the ladder: from then on nothing new is checked out beyond what is authorized. Null: never.",
    )
    approach_percent: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None, description="Use of what is authorized at which the limit counts as approached; null: that of the settings."
    )
    recede_percent: Percent | None = Field(
        default=None, description="Use at which it counts as receded from; given together with the other."
    )

    @model_validator(mode="after")
    def _rises(self) -> "OverdraftPolicy":
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            if _STAGES.index(before.stage) >= _STAGES.index(after.stage) or before.after_days >= after.after_days:
                raise ValueError(f"steps must rise in stage and in after_days, and {after.stage} follows {before.stage}")
        if self.steps and self.steps[0].stage == "notice" and self.steps[0].after_days:
            raise ValueError("an overdraft begins as notice: its after_days must be 0")
        if self.steps and self.stop_after_days is not None and self.stop_after_days < self.steps[-1].after_days:
            raise ValueError("stop_after_days is the end of the ladder and cannot come before its last step")
        return self

    @model_validator(mode="after")
    def _recedes_below(self) -> "OverdraftPolicy":
        if (self.approach_percent is None) != (self.recede_percent is None):
            raise ValueError("approach_percent and recede_percent are given together")
        if self.approach_percent is not None and self.recede_percent is not None and self.recede_percent >= self.approach_percent:
            raise ValueError("recede_percent must be below approach_percent")
        return self


class OverdraftStepInForce(AnswerBody):
    """A stage of the ladder as it is in force."""

    stage: OverdraftStage
    after_days: int
    allowance_percent: int | None
    allowance_units: int | None


class OverdraftPolicyInForce(AnswerBody):
    """A cluster's overdraft policy as it is in force; null where it limits nothing."""

    allowance_percent: int | None
    allowance_units: int | None
    steps: list[OverdraftStepInForce]
    stop_after_days: int | None
    approach_percent: int | None
    recede_percent: int | None
