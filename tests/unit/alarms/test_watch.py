"""Who is away: by looks in a row, patiently at the start, whatever the clock says."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.alarms.domain.heartbeat import Beat
from services.alarms.domain.heartbeat import Patience as BeatPatience
from services.alarms.domain.watch import BROKER, Patience, Sight, Verdict, away, ends_by_answer, heard_lately, ledger_away, subject_of
from services.alarms.settings import AlarmsSettings

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PATIENCE = Patience(looks=3, grace_seconds=30)


def seen(looks: str) -> Sight:
    """``+`` a look that was answered, ``-`` one that was not, one second between; time is set back an hour by ``<``."""
    sight, now = Sight(), NOW
    for look in looks:
        now += timedelta(hours=-1) if look == "<" else timedelta(seconds=1)
        if look != "<":
            sight = sight.after(None if look == "+" else "refused", now)
    return sight


@pytest.mark.parametrize(
    ("looks", "watched_seconds", "verdict"),
    [
        ("", 0, Verdict.UNSURE),
        ("+", 0, Verdict.UP),
        ("+--", 99, Verdict.UNSURE),
        ("+---", 3, Verdict.AWAY),
        ("+--+--", 99, Verdict.UNSURE),
        ("+---+", 99, Verdict.UP),
        ("---", 29, Verdict.UNSURE),
        ("---", 30, Verdict.AWAY),
        ("--", 99, Verdict.UNSURE),
        ("+-<-", 99, Verdict.UNSURE),
        ("+-<--", 99, Verdict.AWAY),
    ],
)
def test_an_absence_is_so_many_looks_in_a_row(looks: str, watched_seconds: float, verdict: Verdict) -> None:
    assert seen(looks).verdict(watched_seconds, PATIENCE) is verdict


def test_an_absence_is_about_something_else_than_the_errors_of_the_service_itself() -> None:
    assert (subject_of("licensefile"), subject_of(BROKER)) == ("licensefile away", "broker")
    assert all(ends_by_answer(subject_of(name)) for name in ("licensefile", "calculator", BROKER))
    assert not ends_by_answer("licensefile")


@pytest.mark.parametrize(("age", "lately"), [(0, True), (15, True), (16, False), (-1, False)])
def test_a_ledger_that_beats_is_not_away(age: float, lately: bool) -> None:
    beat = Beat(NOW, NOW - timedelta(seconds=age), 5)
    assert heard_lately(beat, NOW, BeatPatience(3, 30)) is lately
    assert not heard_lately(None, NOW, BeatPatience(3, 30))


def test_the_words_say_since_when_why_and_what_to_do() -> None:
    sight = seen("+---")
    broker, service, ledger = away(BROKER, sight, NOW), away("calculator", sight, NOW), ledger_away(None, sight, NOW)
    assert broker.reason == "broker is away: no answer to 3 looks in a row since 2026-03-14T09:26:55Z (refused)"
    assert "Facts wait in the outboxes and nothing is lost" in broker.advice
    assert "Start calculator" in service.advice
    assert ledger.reason == "ledger: no answer to 3 looks in a row since 2026-03-14T09:26:55Z (refused); no sign of life was ever heard"


@pytest.mark.parametrize(
    "given", ["ledger=http://a:1,http://b:1 calculator=http://c:1", "ledger=http://a:1,ledger=http://b:1,calculator=http://c:1"]
)
def test_several_addresses_of_one_name_are_replicas(given: str) -> None:
    watched = AlarmsSettings(database_url="postgresql+asyncpg://x", alarms_watched=given).alarms_watched
    assert watched == {"ledger": ("http://a:1", "http://b:1"), "calculator": ("http://c:1",)}


@pytest.mark.parametrize("given", ["http://a:1", "ledger=", "ledger=https://a", "broker=http://a:1", "a b=http://a:1", "ledger=http://a/x"])
def test_what_cannot_be_watched_is_said_at_the_start(given: str) -> None:
    with pytest.raises(ValidationError, match="must be like ledger="):
        AlarmsSettings(database_url="postgresql+asyncpg://x", alarms_watched=given)
