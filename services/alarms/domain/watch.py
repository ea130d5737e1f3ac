"""Who is away? Of what is watched by asking it: looks in, verdicts and words out.

Only looks count, never the time between them: a process that slept, or a clock that was set, makes nobody absent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.heartbeat import LEDGER, Beat
from services.alarms.domain.heartbeat import Patience as BeatPatience
from services.alarms.domain.signals import Raise, microseconds

BROKER = "broker"
_AWAY = " away"


class Verdict(Enum):
    """What the looks so far allow to say. UNSURE changes nothing: what stands stands, what does not is not raised."""

    UP = "up"
    UNSURE = "unsure"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Patience:
    """``looks`` in a row that miss make an absence; who never answered yet has ``grace_seconds`` since the watch began."""

    looks: int
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What the looks at one of the watched have shown. ``missing_since``, ``finding``: of the first and the newest look that missed."""

    missed: int = 0
    answered: bool = False
    missing_since: datetime | None = None
    finding: str = ""

    def __post_init__(self) -> None:
        assert (self.missed > 0) == (self.missing_since is not None)

    def after(self, finding: str | None, now: datetime) -> "Sight":
        """One look later; ``finding``: why there was no answer, None where there was one."""
        if finding is None:
            return Sight(answered=True)
        return Sight(self.missed + 1, self.answered, self.missing_since or now, finding)

    def verdict(self, watched_seconds: float, patience: Patience) -> Verdict:
        """``watched_seconds``: since the watch began."""
        if self.missed == 0:
            return Verdict.UP if self.answered else Verdict.UNSURE
        patient = self.missed < patience.looks or (not self.answered and watched_seconds < patience.grace_seconds)
        return Verdict.UNSURE if patient else Verdict.AWAY


def subject_of(watched: str) -> str:
    """What the InternalError of an absence is about. Apart from the service's own errors, which have their own end."""
    return watched if watched == BROKER else f"{watched}{_AWAY}"


def ends_by_answer(subject: str) -> bool:
    """Of InternalError: an absence ends when it ends, however long nothing was said of it. No service has a blank in its name."""
    return subject == BROKER or subject.endswith(_AWAY)


def heard_lately(beat: Beat | None, now: datetime, patience: BeatPatience) -> bool:
    """Whether the ledger's heartbeat says that it lives. One of the future came before the clock was set back."""
    if beat is None or beat.received_at > now:
        return False
    return now - beat.received_at <= timedelta(seconds=patience.intervals * beat.interval_seconds)


def away(watched: str, sight: Sight, now: datetime) -> Raise:
    """InternalError: the broker, or a service other than the ledger, is away."""
    reason = f"{watched} is away: no answer to {sight.missed} looks in a row since {_time(sight)} ({sight.finding})"
    if watched == BROKER:
        advice = (
            "No correlation id belongs to it. Start the broker and read its log, or mend the way to it. "
            "Facts wait in the outboxes and nothing is lost; alarms that are raised by facts come late until then."
        )
    else:
        advice = f"No correlation id belongs to it. Start {watched} and read its log; its next answer ends the alarm."
    return Raise(AlarmName.INTERNAL_ERROR, subject_of(watched), None, microseconds(now), now, reason, advice)


def ledger_away(beat: Beat | None, sight: Sight, now: datetime) -> Raise:
    """ManagerDown, seen by asking: just behind the newest beat, so that the next one clears it, as with a silence."""
    last = f"last sign of life at {beat.received_at:%Y-%m-%dT%H:%M:%SZ}" if beat else "no sign of life was ever heard"
    reason = f"{LEDGER}: no answer to {sight.missed} looks in a row since {_time(sight)} ({sight.finding}); {last}"
    advice = (
        "Existing devices go on, nothing can be added or changed until the ledger service runs; "
        "its next answer or sign of life ends the alarm."
    )
    return Raise(AlarmName.MANAGER_DOWN, LEDGER, None, microseconds(beat.at) + 1 if beat else 1, now, reason, advice)


def _time(sight: Sight) -> str:
    assert sight.missing_since is not None
    return f"{sight.missing_since:%Y-%m-%dT%H:%M:%SZ}"
