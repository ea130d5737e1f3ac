"""ManagerDown: has the ledger been silent for too long? Silence counts only while somebody could listen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.signals import Clear, Raise, microseconds

LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest sign of life: ``at`` by the sender's clock (it orders the beats), ``received_at`` by ours (it measures silence)."""

    at: datetime
    received_at: datetime
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class Patience:
    """How many intervals may pass without a beat, and how long after we began to listen nothing is expected yet."""

    intervals: float
    grace_seconds: float


def silent_since(beat: Beat | None, listening_since: datetime, now: datetime, patience: Patience) -> datetime | None:
    """Since when the ledger is silent, if that is too long; else None. A beat of the future came before the clock was set back."""
    if beat is not None and listening_since <= beat.received_at <= now:
        since, allowed = beat.received_at, patience.intervals * beat.interval_seconds
    else:
        since = listening_since
        allowed = max(patience.grace_seconds, patience.intervals * beat.interval_seconds if beat else 0.0)
    return since if now - since > timedelta(seconds=allowed) else None


def manager_down(beat: Beat | None, since: datetime, now: datetime) -> Raise:
    """Raised just behind the newest beat, so that only a later one clears it, whichever fact arrives first."""
    last = f"last heard at {beat.received_at:%Y-%m-%dT%H:%M:%SZ}, due every {beat.interval_seconds:g} s" if beat else "never heard"
    reason = f"{LEDGER}: no sign of life for {(now - since).total_seconds():.0f} s ({last})"
    advice = "Existing devices go on, nothing can be added or changed until the ledger service runs; its next sign of life ends the alarm."
    version = microseconds(beat.at) + 1 if beat else 1
    return Raise(AlarmName.MANAGER_DOWN, LEDGER, None, version, now, reason, advice)


def manager_up(at: datetime) -> Clear:
    return Clear(AlarmName.MANAGER_DOWN, LEDGER, microseconds(at), at)
