"""What a fact means for an alarm: it raises one or clears one. ``version`` orders the facts of one alarm name and subject.

For facts about a pool it is the pool's version, for all others the time in microseconds since 1970 (UTC).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.alarms.domain.catalogue import AlarmName

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """A time as a version."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def time_of(version: int) -> datetime:
    """The time that ``microseconds`` made a version of."""
    return _EPOCH + timedelta(microseconds=version)


@dataclass(frozen=True, slots=True)
class Raise:
    """The alarm stands from here on. ``advice``: what to do in this very case, behind the catalogue's general action.

    ``stage``: of an overdraft, beside the severity, which it never changes.

    ``times``: how often it was seen by this fact.

    ``kept_when_late``: a fact that arrives after its own end is still worth a row, already cleared.
    """

    name: AlarmName
    subject: str
    cluster: str | None
    version: int
    at: datetime
    reason: str
    advice: str
    kept_when_late: bool = False
    stage: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Clear:
    """The alarm stands no longer; facts of this version and older are settled."""

    name: AlarmName
    subject: str
    version: int
    at: datetime
