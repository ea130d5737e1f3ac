"""The clock of the leases, and whose sign of life is noted."""

from datetime import UTC, datetime, timedelta

import pytest

from services.ledger.domain.desk import Holding
from services.ledger.domain.leases import LeaseClock, heard_of

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
PATIENCE = timedelta(seconds=30)
CLOCK = LeaseClock(NOON, NOON - timedelta(hours=9))


@pytest.mark.parametrize(
    ("seconds", "listened"),
    [(0, True), (5, True), (30, True), (30.001, False), (86_400, False), (-0.001, False), (-86_400, False)],
)
def test_leases_begin_anew_after_a_gap_and_after_a_time_that_went_back(seconds: float, listened: bool) -> None:
    now = NOON + timedelta(seconds=seconds)
    assert CLOCK.tick(now, PATIENCE) == LeaseClock(now, CLOCK.runs_from if listened else now)


def test_a_lease_that_begins_anew_has_its_full_time() -> None:
    clock = LeaseClock(NOON, NOON)
    assert clock.end_of(NOON - timedelta(hours=2), 3600) == NOON + timedelta(hours=1)
    assert clock.end_of(NOON + timedelta(hours=2), 3600) == NOON + timedelta(hours=2)
    assert clock.end_of(None, None) is None


def test_who_was_heard_is_noted_where_nothing_else_notes_it() -> None:
    quiet, leased, changed = Holding("quiet", "t", 1), Holding("leased", "t", 1, None, 60), Holding("changed", "t", 1)
    before = {"quiet": quiet, "leased": leased, "changed": changed, "gone": Holding("gone", "t", 1)}
    after = {"quiet": quiet, "leased": leased, "changed": Holding("changed", "t", 1, None, 90)}
    heard = {"quiet", "leased", "changed", "gone", "never"}
    assert heard_of(heard, before, after, set(), written=True) == {"leased": 60}
    assert heard_of(heard, before, after, set(), written=False) == {"leased": 60, "changed": 90}
    assert heard_of(heard, before, after, {"quiet"}, written=True) == {"leased": 60, "quiet": None}
    assert heard_of({"quiet"}, before, after, {"quiet", "leased"}, written=False) == {"quiet": None}
