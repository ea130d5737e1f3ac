"""When may a destination be disturbed: in its hours, and in no maintenance window. A schedule delays; it never drops."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_WINDOWS = 20
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Whatever is muted for ever is muted until then: behind it days cannot be counted any more, and no store has such a time."""

_ONE_DAY = timedelta(days=1)
_DAYS_AHEAD = 9
"""Hours have a day a week at least; the ninth day covers one whose hours do not exist because clocks were put forward."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``opens`` to ``closes`` in ``time_zone``, on ``days`` (0 is Monday). Closing no later than it opens means the next day."""

    time_zone: str
    days: tuple[int, ...]
    opens: time
    closes: time

    def __post_init__(self) -> None:
        assert self.days
        assert all(0 <= day <= 6 for day in self.days)

    def periods(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open periods around and behind ``at``, in UTC, the earliest first."""
        zone = ZoneInfo(self.time_zone)
        today = at.astimezone(zone).date()
        for offset in range(-1, _DAYS_AHEAD):
            day = today + timedelta(days=offset)
            if day.weekday() in self.days:
                last = day + _ONE_DAY if self.closes <= self.opens else day
                begins, ends = _moment(day, self.opens, zone), _moment(last, self.closes, zone)
                if begins < ends:
                    yield begins, ends


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Nothing is told between these two moments."""

    begins: datetime
    ends: datetime

    def __post_init__(self) -> None:
        assert self.begins < self.ends


@dataclass(frozen=True, slots=True)
class Schedule:
    """``hours``: None for always."""

    hours: Hours | None = None
    maintenance: tuple[Maintenance, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.maintenance) <= MOST_WINDOWS

    def opens_at(self, at: datetime) -> datetime:
        """``at`` where something may be told then, else the first moment behind it when it may."""
        while (later := self._open_hours(self._behind_maintenance(at))) != at:
            at = later
        return at

    def _behind_maintenance(self, at: datetime) -> datetime:
        return min(LATEST, max((window.ends for window in self.maintenance if window.begins <= at < window.ends), default=at))

    def _open_hours(self, at: datetime) -> datetime:
        if self.hours is None:
            return at
        periods = [(begins, ends) for begins, ends in self.hours.periods(at) if at < ends]
        return max(at, periods[0][0])


@dataclass
class InvalidSchedule(Exception):
    """Hours or maintenance that cannot be kept."""

    text: str

    def __str__(self) -> str:
        return self.text


def hours_of(time_zone: str, days: tuple[int, ...], opens: time, closes: time) -> Hours:
    """Raises InvalidSchedule."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSchedule(f"hours.time_zone {time_zone!r} is unknown: write one of the IANA list, as Europe/Berlin or UTC.") from None
    if opens.tzinfo is not None or closes.tzinfo is not None:
        raise InvalidSchedule("hours.opens and hours.closes are times of hours.time_zone: write them without an offset, as 08:00.")
    return Hours(time_zone, days, opens, closes)


def maintenance_of(begins: datetime, ends: datetime) -> Maintenance:
    """Raises InvalidSchedule."""
    if ends <= begins:
        raise InvalidSchedule(f"maintenance ends at {ends.isoformat()}, and begins at {begins.isoformat()}: it has to end later.")
    return Maintenance(begins, ends)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
