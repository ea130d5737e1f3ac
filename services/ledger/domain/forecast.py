"""When will a pool be used up? A robust line through the use of the last weeks, and how sure one can be of it.

The slope is the median of the slopes between every two days **of the same weekday** (the seasonal estimator of Theil, Sen, Hirsch and
Slack), over the last ``WINDOW_DAYS`` whole days. So a weekend on which soft clients lapse bends nothing, one day gone wrong moves nothing,
and an exact line gives exactly its slope. Only use is looked at: units that were bought, or expired, are not growth.

The interval holds the slope with 90 %: by ranks of those slopes, with Kendall's variance. What devices hold today they mostly hold
tomorrow, so the seven weekdays are no seven witnesses: their deviations are added as if they always erred together. That errs to the
wide side.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Literal

from services.ledger.domain.pool import Pool

WEEK_DAYS = 7
WINDOW_DAYS = 12 * WEEK_DAYS
NEEDED_DAYS = 2 * WEEK_DAYS
"""Whole days of history below which no forecast is made: two of each weekday."""

CONFIDENCE = 0.9
_NORMAL_QUANTILE = 1.6449
Outcome = Literal["running_out", "not_running_out", "used_up", "not_enough_history"]


@dataclass(frozen=True, slots=True)
class Trend:
    """Units a day, and the bounds between which they lie with ``CONFIDENCE``."""

    slope: Fraction
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Days:
    """Days until so many units are gone. ``low``: at the fastest growth; ``high``: at the slowest; None for never."""

    left: Fraction | None
    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """``until_used_up``: until nothing can be checked out any more, overdraft included; ``until_overdraft``: until it begins.

    None where there is not enough history; then there is no ``trend``.
    """

    outcome: Outcome
    trend: Trend | None = None
    until_used_up: Days | None = None
    until_overdraft: Days | None = None


def trend_of(used: Sequence[int]) -> Trend | None:
    """The trend of units used at the end of successive days; None for fewer than ``NEEDED_DAYS``."""
    if len(used) < NEEDED_DAYS:
        return None
    recent = used[-WINDOW_DAYS:]
    slopes: list[Fraction] = []
    deviation = 0.0
    for weekday in range(WEEK_DAYS):
        same = list(enumerate(recent[weekday::WEEK_DAYS]))
        slopes += [Fraction(later - earlier, (b - a) * WEEK_DAYS) for (a, earlier), (b, later) in combinations(same, 2)]
        deviation += math.sqrt(len(same) * (len(same) - 1) * (2 * len(same) + 5) / 18)
    slopes.sort()
    half = _NORMAL_QUANTILE * deviation
    low = max(0, math.floor((len(slopes) - half) / 2) - 1)
    high = min(len(slopes) - 1, math.ceil((len(slopes) + half) / 2))
    return Trend(_median(slopes), slopes[low], slopes[high])


def _median(ordered: Sequence[Fraction]) -> Fraction:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def forecast(pool: Pool, used: Sequence[int]) -> Forecast:
    """When the units of ``pool`` are gone if its use goes on as it did; ``used``: at the end of each day, the last yesterday's."""
    trend = trend_of(used)
    if trend is None:
        return Forecast("not_enough_history")
    until = _days(pool.free, trend), _days(pool.remaining, trend)
    if not pool.free:
        return Forecast("used_up", trend, *until)
    return Forecast("running_out" if trend.slope > 0 else "not_running_out", trend, *until)


def _days(units: int, trend: Trend) -> Days:
    if not units:
        return Days(Fraction(0), Fraction(0), Fraction(0))
    left, low, high = (Fraction(units) / slope if slope > 0 else None for slope in (trend.slope, trend.high, trend.low))
    return Days(left, low, high)


def every_day(closing: Mapping[date, int], first: date, last: date) -> list[int]:
    """A value for each day from ``first`` to ``last``: a day on which nothing happened ends as the one before it did.

    ``closing`` has the days on which something did, one of them not after ``first``.
    """
    found = []
    now = closing[max(day for day in closing if day <= first)]
    for number in range((last - first).days + 1):
        now = closing.get(first + timedelta(days=number), now)
        found.append(now)
    return found
