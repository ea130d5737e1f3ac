"""When is it time to say that a file's units will be taken back? Four, three and two weeks ahead, then daily; each step once."""

from datetime import datetime
from typing import Literal

Ending = Literal["expiry", "grace"]

STEPS = (28, 21, 14, 7, 6, 5, 4, 3, 2, 1, 0)
"""Days left; 0 is the last day."""


def days_left(ends_at: datetime, now: datetime) -> int:
    """Whole days of the calendar (UTC): 0 on the day on which it ends."""
    return (ends_at.date() - now.date()).days


def step_of(days: int) -> int | None:
    """The nearest step that is reached with so many days left; who slept through several is told of that one alone."""
    return min((step for step in STEPS if 0 <= days <= step), default=None)
