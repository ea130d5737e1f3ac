"""One message for one destination, from the moment it is owed to its end. Nothing that is owed is ever forgotten."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.alarms.domain.message import Message

State = Literal["waiting", "claimed", "failed", "sent", "given_up", "overtaken"]
"""``waiting``: not tried yet; ``claimed``: under way; ``failed``: tried again later; ``overtaken``: its reason was over before it left."""

OPEN: tuple[State, ...] = ("waiting", "claimed", "failed")
PAUSES_SECONDS = (1, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""Between two attempts: twelve attempts in a little less than a day, then it is given up."""

LONGEST_PAUSE_SECONDS = 86_400
LONGEST_ANSWER = 500
MOST_OPEN = 10_000
"""Of one destination; the oldest beyond that are given up, for no store holds an endless queue."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What happened when it was tried. ``not_sooner``: the receiver asked to be left alone until then."""

    at: datetime
    answer: str
    not_sooner: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """``not_before``: when it is tried next; of a claimed one, when it may be claimed anew. ``attempts``: begun so far.

    ``claimed_at``: when the newest attempt began; ``answered_at``, ``answer``: how it ended. ``history``: the newest attempts.
    """

    message: Message
    destination_id: UUID
    kind: str
    target: str
    state: State
    created_at: datetime
    not_before: datetime
    attempts: int = 0
    claimed_at: datetime | None = None
    answered_at: datetime | None = None
    answer: str | None = None
    history: tuple[Attempt, ...] = ()
    sequence: int = 0

    def __post_init__(self) -> None:
        assert self.attempts >= 0  # paired with CHECK delivery_attempts_not_negative
        assert self.state != "sent" or self.answered_at is not None  # paired with CHECK delivery_sent_was_answered


def next_attempt(attempts: int, owed_since: datetime, failed_at: datetime, retry_after_seconds: float | None) -> datetime | None:
    """When to try again after ``attempts`` failed ones; never sooner than the receiver asked for. None: give up.

    Attempts that came sooner than by the clock, because something else was taken meanwhile, cost nothing of the day that it has.
    """
    last = owed_since + timedelta(seconds=sum(PAUSES_SECONDS))
    if attempts > len(PAUSES_SECONDS) and failed_at >= last:
        return None
    pause = float(PAUSES_SECONDS[min(attempts, len(PAUSES_SECONDS)) - 1])
    if attempts > len(PAUSES_SECONDS):
        pause = min(pause, (last - failed_at).total_seconds())
    return failed_at + timedelta(seconds=max(pause, min(retry_after_seconds or 0.0, LONGEST_PAUSE_SECONDS)))
