"""What one delivery says to one destination, whatever its kind: the alarm as it stood then, and why it is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.alarms.domain.catalogue import SYSLOG_LEVELS

Occasion = Literal["raised", "repeated", "escalated", "cleared", "test"]
"""``repeated``: it stands still, a day later; ``escalated``: nobody acknowledged it in time; ``test``: somebody tries the destination."""

INFORMATIONAL = SYSLOG_LEVELS["informational"]


@dataclass(frozen=True, slots=True)
class Message:
    """``delivery_id`` is the same at every attempt, so that a receiver knows a repetition. ``severity``, ``level``: the alarm's own.

    ``cluster``: None where the alarm is about none. ``count``: how often it was seen since ``raised_at``.
    """

    delivery_id: UUID
    occasion: Occasion
    at: datetime
    alarm_id: UUID
    name: str
    severity: str
    level: int
    cluster: str | None
    subject: str
    reason: str
    recommended_action: str
    raised_at: datetime
    last_seen_at: datetime
    count: int
    stage: str | None = None
    cleared_at: datetime | None = None

    def __post_init__(self) -> None:
        assert SYSLOG_LEVELS[self.severity] == self.level  # paired with CHECK alarm_level_is_syslogs
        assert (self.occasion == "cleared") <= (self.cleared_at is not None)

    @property
    def urgency(self) -> int:
        """Syslog's number for this message: an alarm's own, but its end is good news."""
        return INFORMATIONAL if self.occasion == "cleared" else self.level

    @property
    def headline(self) -> str:
        """One line for people: what, whether it is over, and the cause with its numbers."""
        word = {"cleared": "CLEARED ", "test": "TEST ", "repeated": "STILL ", "escalated": "UNACKNOWLEDGED "}.get(self.occasion, "")
        return f"{word}{self.name} ({self.severity}): {self.reason}"
