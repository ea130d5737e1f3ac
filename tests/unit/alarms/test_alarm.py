"""The life of an alarm, the ledger's silence, and what is known of a data store from two sides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from services.alarms.app import shipped_catalogue
from services.alarms.domain.alarm import AlarmIsCleared, acknowledged, cleared, opened, repeated
from services.alarms.domain.catalogue import AlarmName, read_catalogue
from services.alarms.domain.heartbeat import Beat, Patience, manager_down, manager_up, silent_since
from services.alarms.domain.signals import Raise
from services.alarms.domain.trouble import Trouble, failing

AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
KIND = shipped_catalogue()[AlarmName.FILE_ERROR]
SIGNAL = Raise(AlarmName.FILE_ERROR, "headquarters", "headquarters", 10, AT, "first", "Do this.")
ALARM = opened(UUID(int=1), KIND, SIGNAL, AT)
PATIENCE = Patience(intervals=3, grace_seconds=30)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_a_raised_alarm_says_what_to_do_in_general_and_in_this_case() -> None:
    assert (ALARM.state, ALARM.count, ALARM.version, ALARM.level, ALARM.severity) == ("active", 1, 1, 3, "error")
    assert ALARM.recommended_action == "Check the listed reasons and request a new file if needed. Do this."


def test_a_repeated_alarm_is_counted_and_speaks_of_the_newest_fact() -> None:
    newer = repeated(ALARM, KIND, replace(SIGNAL, version=20, at=AT + seconds(9), reason="newer"))
    assert (newer.count, newer.reason, newer.fact_version, newer.last_seen_at, newer.raised_at) == (2, "newer", 20, AT + seconds(9), AT)
    late = repeated(newer, KIND, replace(SIGNAL, version=5, at=AT - seconds(9), reason="late"))
    assert (late.count, late.reason, late.fact_version, late.last_seen_at) == (3, "newer", 20, AT + seconds(9))
    assert late.raised_at == AT - seconds(9)


def test_an_acknowledged_alarm_is_not_un_acknowledged_by_a_repeat_or_another_caller() -> None:
    seen = acknowledged(ALARM, "ada", AT + seconds(60), "looking")
    again = acknowledged(repeated(seen, KIND, SIGNAL), "bob", AT + seconds(90), None)
    assert (again.state, again.acknowledged_by, again.comment, again.count) == ("acknowledged", "ada", "looking", 2)


def test_a_cleared_alarm_cannot_be_acknowledged() -> None:
    over = cleared(ALARM, AT + seconds(1))
    with pytest.raises(AlarmIsCleared, match="CiscoLicenseFileError of headquarters was cleared at 2026-03-14T09:26:54"):
        acknowledged(over, "ada", AT, None)


def test_an_alarm_never_ends_before_it_was_last_seen() -> None:
    assert cleared(ALARM, AT - seconds(5)).cleared_at == AT


@pytest.mark.parametrize(
    ("beat_received", "listening", "now", "silent"),
    [
        (None, 0, 30, None),
        (None, 0, 31, 0),
        (100, 0, 115, None),
        (100, 0, 116, 100),
        (100, 200, 216, None),
        (100, 200, 231, 200),
    ],
    ids=["grace", "never a beat", "three intervals", "longer", "we were away and may listen first", "still silent after that"],
)
def test_the_license_manager_is_down_after_three_silent_intervals(
    beat_received: int | None, listening: int, now: int, silent: int | None
) -> None:
    beat = None if beat_received is None else Beat(AT, AT + seconds(beat_received), 5.0)
    expected = None if silent is None else AT + seconds(silent)
    assert silent_since(beat, AT + seconds(listening), AT + seconds(now), PATIENCE) == expected


def test_a_slow_heart_gets_its_three_intervals_also_after_our_start() -> None:
    assert silent_since(Beat(AT, AT, 60.0), AT + seconds(1), AT + seconds(180), PATIENCE) is None


def test_only_a_beat_later_than_the_newest_known_ends_manager_down() -> None:
    beat = Beat(AT, AT + seconds(2), 5.0)
    down = manager_down(beat, beat.received_at, AT + seconds(20))
    assert manager_up(AT).version < down.version <= manager_up(AT + timedelta(microseconds=1)).version
    assert down.reason == "ledger: no sign of life for 18 s (last heard at 2026-03-14T09:26:55Z, due every 5 s)"
    never = manager_down(None, AT, AT + seconds(31))
    assert (never.subject, never.cluster) == ("ledger", None)
    assert never.reason == "ledger: no sign of life for 31 s (never heard)"


def test_what_was_told_at_once_and_what_is_stored_end_the_same_in_every_order() -> None:
    failure, recovery, second = Trouble(10, True), Trouble(20, False), Trouble(30, True)
    for order in permutations([failure, recovery, second]):
        told, stored = order[0].newer(order[1]), order[2]
        assert failing({"ledger": told}, {"ledger": stored}) == {"ledger"}
    assert failing({"ledger": failure}, {"ledger": recovery}) == set()
    assert failing({"ledger": failure}, {}) == {"ledger"}
    assert failing({}, {"ledger": failure, "licensefile": recovery}) == {"ledger"}
    assert failing({"ledger": Trouble(10, False)}, {"ledger": failure}) == set(), "of one time, the recovery"


def test_a_catalogue_that_does_not_explain_every_alarm_is_refused() -> None:
    with pytest.raises(AssertionError, match="does not explain"):
        read_catalogue("name,severity,level,meaning,recommended_action\nCiscoLicenseFileError,error,3,m,r\n")
