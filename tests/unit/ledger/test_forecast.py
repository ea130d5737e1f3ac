"""The forecast: exact on a line, deaf to a single day, the same in every unit of measure, and honest where it cannot know."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.forecast import NEEDED_DAYS, WINDOW_DAYS, Trend, every_day, forecast, trend_of
from services.ledger.domain.pool import PHONE_UNIT, Pool

histories = st.lists(st.integers(0, 10_000), min_size=NEEDED_DAYS, max_size=WINDOW_DAYS + 10)
lines = st.tuples(st.integers(-50, 50), st.integers(NEEDED_DAYS, WINDOW_DAYS + 20))


def line(slope: int, days: int) -> list[int]:
    return [100_000 + slope * day for day in range(days)]


@given(lines, st.integers(0, 1_000_000))
def test_an_exact_line_gives_the_exact_day(given_line: tuple[int, int], free: int) -> None:
    slope, days = given_line
    used = line(slope, days)
    found = forecast(Pool(PHONE_UNIT, used[-1], free, used[-1]), used)
    assert found.trend is not None
    assert found.trend == Trend(Fraction(slope), Fraction(slope), Fraction(slope))
    assert found.until_used_up is not None
    if free and slope > 0:
        assert found.outcome == "running_out"
        assert found.until_used_up.left == found.until_used_up.low == found.until_used_up.high == Fraction(free, slope)
    else:
        assert found.outcome == ("not_running_out" if free else "used_up")
        assert found.until_used_up.left == (None if free else 0)


@given(lines, st.data())
def test_one_day_gone_wrong_does_not_move_it(given_line: tuple[int, int], data: st.DataObject) -> None:
    slope, days = given_line
    used = line(slope, days)
    used[data.draw(st.integers(0, days - 1))] = data.draw(st.integers(0, 10_000_000))
    found = trend_of(used)
    assert found is not None
    assert found.slope == slope


@given(histories, st.integers(0, 100_000), st.integers(1, 50))
def test_it_is_the_same_line_in_other_units_and_from_another_beginning(used: list[int], shift: int, scale: int) -> None:
    one, other = trend_of(used), trend_of([scale * (value + shift) for value in used])
    assert one is not None
    assert other is not None
    assert (other.slope, other.low, other.high) == (scale * one.slope, scale * one.low, scale * one.high)
    assert one.low <= one.slope <= one.high


@given(st.integers(1, 20), st.lists(st.integers(-500, 500), min_size=7, max_size=7), st.integers(2, 12))
def test_weekends_bend_nothing(weekly: int, pattern: list[int], weeks: int) -> None:
    """Whatever a week looks like: what counts is how one differs from the next."""
    used = [10_000 + week * 7 * weekly + pattern[day] for week in range(weeks) for day in range(7)]
    found = trend_of(used)
    assert found is not None
    assert found == Trend(Fraction(weekly), Fraction(weekly), Fraction(weekly))


def test_a_history_that_wavers_gives_an_interval_around_what_is_likely() -> None:
    used = [1000 + 3 * day + (17 * day * day % 41) for day in range(WINDOW_DAYS)]
    found = forecast(Pool(PHONE_UNIT, 2000, 100, used[-1]), used)
    assert found.outcome == "running_out"
    assert found.until_used_up is not None
    assert found.until_overdraft is not None
    low, left, high = found.until_used_up.low, found.until_used_up.left, found.until_used_up.high
    assert low is not None
    assert left is not None
    assert high is not None
    assert low < left < high
    assert low <= Fraction(2100 - used[-1], 3) <= high
    assert found.until_overdraft.left is not None
    assert found.until_overdraft.left < left


def test_what_may_stand_still_has_no_latest_day() -> None:
    used = [1000 + (day * day * 31 % 97) for day in range(4 * 7)]
    found = forecast(Pool(PHONE_UNIT, 2000, 0, used[-1]), used)
    assert found.until_used_up is not None
    assert found.until_used_up.high is None
    assert found.until_used_up.low is not None


@pytest.mark.parametrize("days", [0, 1, NEEDED_DAYS - 1])
def test_not_enough_history_is_an_answer(days: int) -> None:
    found = forecast(Pool(PHONE_UNIT, 10, 0, 10), [5] * days)
    assert (found.outcome, found.until_used_up) == ("not_enough_history", None)


def test_only_the_last_weeks_count() -> None:
    assert trend_of([0] * 300 + line(4, WINDOW_DAYS)) == trend_of(line(4, WINDOW_DAYS))


def test_a_day_on_which_nothing_happened_ends_as_the_one_before() -> None:
    closing = {date(2026, 3, 1): 5, date(2026, 3, 4): 9, date(2026, 3, 6): 2}
    assert every_day(closing, date(2026, 3, 2), date(2026, 3, 7)) == [5, 5, 9, 9, 2, 2]
