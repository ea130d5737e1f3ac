"""What people and time did to an alarm, beside its own state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

StepWord = Literal["acknowledged", "commented", "cleared_by_hand", "repeated", "escalated"]
STEPS: tuple[str, ...] = get_args(StepWord)


@dataclass(frozen=True, slots=True)
class Step:
    """``by``: the caller, or the timer that did it. ``text``: a person's words, or whom it was escalated to."""

    step: StepWord
    at: datetime
    by: str
    text: str | None

    def __post_init__(self) -> None:
        assert self.step in STEPS  # paired with CHECK alarm_step_known
