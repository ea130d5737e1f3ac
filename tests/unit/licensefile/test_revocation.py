"""What lies over a standing while a key is revoked, when that ends, and how a key stands."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.licensefile.domain.keys import HeldKey, KeyState, RevokedKey, revocation_of, still_revoked
from services.licensefile.domain.standing import INSTALLED, FileState, Mismatch, Revocation, Standing, standing
from shared.license_file.trusted_key import Validity
from tests.unit.licensefile.made import KEY, STRANGER, made_file, made_line, offered

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
GRACE = timedelta(days=30)
TAKEN, FLAGGED = Revocation("It is revoked.", keeps_granting=False), Revocation("It is revoked.", keeps_granting=True)
FINE = Standing("installed", INSTALLED)
NO_HOST = Mismatch("host_mismatch", "No node has the MAC.")
LOST = HeldKey("A" * 16, "lost.revoked", Validity(), date(2026, 3, 1), "stolen")
KNOWN = RevokedKey(LOST.key_id, LOST.file_name, LOST.revoked_on, LOST.reason, NOON)


def test_a_revocation_is_what_is_told_and_whether_units_stay_is_said_with_it() -> None:
    taken, flagged = replace(FINE, revocation=TAKEN), replace(FINE, revocation=FLAGGED)
    assert (taken.shown_state, taken.granting, taken.shown_reason, taken.is_final) == ("key_revoked", False, "It is revoked.", False)
    assert (flagged.shown_state, flagged.granting) == ("key_revoked", True)
    mismatched = replace(standing(FINE, None, NO_HOST, NOON, GRACE), revocation=TAKEN)
    assert mismatched.shown_reason == "It is revoked. Besides: No node has the MAC."


@pytest.mark.parametrize("state", ["superseded", "expired", "retired", "grace_exceeded"])
def test_over_a_final_state_a_revocation_is_nothing(state: FileState) -> None:
    final = Standing(state, "So it is.", NOON - GRACE, NOON, FLAGGED)
    assert (final.shown_state, final.shown_reason, final.granting, final.is_final) == (state, "So it is.", False, True)


@given(
    troubles=st.lists(
        st.tuples(st.sampled_from([None, NO_HOST]), st.integers(1, 400), st.sampled_from([None, TAKEN, FLAGGED])), max_size=20
    ),
    expires_on=st.none() | st.dates(date(2026, 3, 1), date(2026, 9, 1)),
)
def test_beneath_revocations_a_file_stands_as_it_would_without(
    troubles: list[tuple[Mismatch | None, int, Revocation | None]], expires_on: date | None
) -> None:
    under, free, at = FINE, FINE, NOON
    for mismatch, hours, revocation in troubles:
        at += timedelta(hours=hours)
        under = standing(replace(under, revocation=revocation), expires_on, mismatch, at, GRACE)
        free = standing(free, expires_on, mismatch, at, GRACE)
        assert replace(under, revocation=None) == free
        assert under.granting <= free.granting


def test_a_revocation_is_remembered_from_its_first_day_and_follows_what_its_file_says() -> None:
    first = still_revoked({}, {LOST.key_id: LOST}, (), NOON)
    assert first == {LOST.key_id: KNOWN}
    renamed = replace(LOST, file_name="really.revoked", reason=None)
    later = still_revoked(first, {LOST.key_id: renamed}, {LOST.key_id}, NOON + GRACE)
    assert later == {LOST.key_id: replace(KNOWN, file_name="really.revoked", reason=None)}


@pytest.mark.parametrize(
    ("revoked", "trusted", "ends"),
    [((), (), False), ((), ("B" * 16,), False), ((), (LOST.key_id,), True), ((LOST,), (LOST.key_id,), False)],
    ids=["all gone", "another key", "trusted again", "both"],
)
def test_a_revocation_ends_only_where_the_key_is_trusted_and_not_revoked(
    revoked: tuple[HeldKey, ...], trusted: tuple[str, ...], ends: bool
) -> None:
    found = still_revoked({LOST.key_id: KNOWN}, {key.key_id: key for key in revoked}, trusted, NOON + GRACE)
    assert (found == {}) == ends


def test_one_line_of_a_revoked_key_is_enough_and_the_sentence_says_which_and_what_to_do() -> None:
    lines = offered(made_file(made_line(1), made_line(2, key=STRANGER))).lines
    stranger = lines[1].key_id or ""
    revoked = {stranger: replace(KNOWN, key_id=stranger)}
    found = revocation_of(lines, revoked, keeps_granting=False)
    assert found == Revocation(
        f"The key {stranger} that signed it is revoked (found on 2026-03-14 12:00:00 UTC in 'lost.revoked': stolen). "
        "Its units were taken back. Have it re-hosted to the same MAC: that signs it with the current key.",
        keeps_granting=False,
    )
    kept = revocation_of(lines, revoked, keeps_granting=True)
    assert kept is not None
    assert "It still grants" in kept.reason
    assert revocation_of(lines[:1], revoked, keeps_granting=False) is None
    assert revocation_of(offered(made_file(key=KEY)).lines, {}, keeps_granting=False) is None


@pytest.mark.parametrize(
    ("day", "state"),
    [(date(2025, 12, 31), "not_yet_valid"), (date(2026, 1, 1), "trusted"), (date(2026, 12, 31), "trusted"), (date(2027, 1, 1), "retired")],
)
def test_how_a_key_stands_on_a_day(day: date, state: KeyState) -> None:
    assert HeldKey("A" * 16, "a.pub", Validity(date(2026, 1, 1), date(2026, 12, 31))).state_on(day) == state


@pytest.mark.parametrize(
    ("license_file_id", "made"),
    [("20260314235959999", True), ("20260315000000000", False), ("20261399000000000", False), (None, False)],
)
def test_a_key_with_days_made_what_is_dated_on_one_of_them(license_file_id: str | None, made: bool) -> None:
    assert HeldKey("A" * 16, "a.pub", Validity(None, date(2026, 3, 14))).made(license_file_id) == made
    assert HeldKey("A" * 16, "a.pub", Validity()).made(license_file_id)
