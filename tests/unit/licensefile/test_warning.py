"""At which days a warning is due."""

from datetime import UTC, datetime, timedelta

import pytest

from services.licensefile.domain.warning import STEPS, days_left, step_of
from services.licensefile.tables import ExpiryWarningRow


@pytest.mark.parametrize(
    ("days", "step"),
    [(-1, None), (0, 0), (1, 1), (6, 6), (7, 7), (8, 14), (14, 14), (15, 21), (21, 21), (22, 28), (28, 28), (29, None)],
)
def test_the_nearest_step_that_is_reached(days: int, step: int | None) -> None:
    assert step_of(days) == step


def test_four_three_and_two_weeks_ahead_and_then_daily() -> None:
    due = [step_of(days) for days in range(400, -3, -1)]
    assert [step for step in dict.fromkeys(due) if step is not None] == [28, 21, 14, 7, 6, 5, 4, 3, 2, 1, 0] == list(STEPS)


def test_the_last_day_is_the_day_on_which_it_ends() -> None:
    ends = datetime(2026, 3, 14, 23, 59, 59, tzinfo=UTC)
    moments = [datetime(2026, 3, 14, 0, 0, tzinfo=UTC), ends, datetime(2026, 3, 13, 23, 59, 59, tzinfo=UTC), ends - timedelta(days=28)]
    assert [days_left(ends, moment) for moment in moments] == [0, 0, 1, 28]


def test_the_table_knows_the_same_steps() -> None:
    checks = {
        str(check.name): str(check.sqltext)
        for check in ExpiryWarningRow.metadata.tables["licensefile.expiry_warning"].constraints
        if hasattr(check, "sqltext")
    }
    assert checks["expiry_warning_step_known"] == f"step IN ({', '.join(map(str, STEPS))})"
