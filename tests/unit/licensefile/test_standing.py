"""What becomes of an installed file: grace, expiry, and which of several troubles is told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.licensefile.domain.installed import accepted
from services.licensefile.domain.lines import FileLine, grants_of
from services.licensefile.domain.standing import GRANTING, INSTALLED, FileState, Mismatch, Standing, mismatch_of, standing
from shared.license_file.signature import key_id_of
from shared.license_file.writing import write_file
from tests.unit.licensefile.made import FOREIGN_MAC, HEADQUARTERS, KEY, MAC, made_file, made_line, offered, rebuilt, with_attributes

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
GRACE = timedelta(days=30)
FINE = Standing("installed", INSTALLED)
NO_HOST = Mismatch("host_mismatch", "No node has the MAC.")
TOO_LOW = Mismatch("version_mismatch", "The cluster is at 6.0.")


def test_a_mismatch_starts_the_grace_and_keeps_granting() -> None:
    found = standing(FINE, None, NO_HOST, NOON, GRACE)
    assert (found.state, found.granting, found.mismatch_since, found.grace_ends_at) == ("host_mismatch", True, NOON, NOON + GRACE)


def test_grace_is_not_restarted_by_changing_back_and_forth() -> None:
    first = standing(FINE, None, NO_HOST, NOON, GRACE)
    back = standing(first, None, None, NOON + timedelta(days=10), GRACE)
    assert (back.state, back.granting, back.mismatch_since) == ("installed", True, NOON)
    again = standing(back, None, TOO_LOW, NOON + timedelta(days=20), GRACE)
    assert (again.state, again.grace_ends_at) == ("version_mismatch", NOON + GRACE)
    over = standing(again, None, TOO_LOW, NOON + GRACE, GRACE)
    assert (over.state, over.granting) == ("grace_exceeded", False)
    assert "2026-04-13 12:00:00 UTC" in over.reason


def test_a_mismatch_after_the_grace_takes_the_units_at_once() -> None:
    used_up = replace(FINE, mismatch_since=NOON, grace_ends_at=NOON + GRACE)
    assert standing(used_up, None, None, NOON + GRACE, GRACE) == used_up
    assert standing(used_up, None, NO_HOST, NOON + GRACE, GRACE).state == "grace_exceeded"


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (datetime(2026, 3, 14, 23, 59, 59, 999999, tzinfo=UTC), "installed"),
        (datetime(2026, 3, 15, tzinfo=UTC), "expired"),
    ],
)
def test_a_day_is_valid_through_its_last_second(at: datetime, state: FileState) -> None:
    assert standing(FINE, date(2026, 3, 14), None, at, GRACE).state == state


@pytest.mark.parametrize(
    ("last_day", "expired_from", "expires_at"),
    [
        (date(2026, 3, 14), datetime(2026, 3, 15, tzinfo=UTC), datetime(2026, 3, 14, 23, 59, 59, tzinfo=UTC)),
        (date.max, None, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (None, None, None),
    ],
)
def test_a_file_knows_its_last_second_and_the_first_moment_after(
    last_day: date | None, expired_from: datetime | None, expires_at: datetime | None
) -> None:
    file = replace(accepted(offered(made_file()), HEADQUARTERS, NOON, "alice"), expires_on=last_day)
    assert (file.expired_from, file.expires_at) == (expired_from, expires_at)


def test_expiry_goes_before_the_end_of_grace_and_that_before_a_mismatch() -> None:
    ended = Standing("host_mismatch", "No node.", NOON - GRACE, NOON)
    assert standing(ended, date(2026, 3, 13), NO_HOST, NOON, GRACE).state == "expired"
    assert standing(ended, date(2026, 3, 14), NO_HOST, NOON, GRACE).state == "grace_exceeded"
    assert standing(FINE, date(2026, 3, 13), NO_HOST, NOON, GRACE).state == "expired"


@given(
    troubles=st.lists(st.tuples(st.sampled_from([None, NO_HOST, TOO_LOW]), st.integers(1, 400)), max_size=30),
    expires_on=st.none() | st.dates(date(2026, 3, 1), date(2026, 9, 1)),
)
def test_whatever_happens_units_once_taken_never_come_back_and_grace_ends_once(
    troubles: list[tuple[Mismatch | None, int]], expires_on: date | None
) -> None:
    now_is, at = FINE, NOON
    ends: datetime | None = None
    for mismatch, hours in troubles:
        at += timedelta(hours=hours)
        before, now_is = now_is, standing(now_is, expires_on, mismatch, at, GRACE)
        assert before.granting or now_is == before
        ends = ends or now_is.grace_ends_at
        assert now_is.grace_ends_at == ends
        assert not (now_is.mismatch and ends and at >= ends)


@pytest.mark.parametrize("state", ["superseded", "expired", "retired", "grace_exceeded"])
def test_what_is_final_stays(state: FileState) -> None:
    final = Standing(state, "So it is.", NOON - GRACE, NOON)
    assert state not in GRANTING
    assert standing(final, date(2026, 3, 1), NO_HOST, NOON, GRACE) == final
    assert standing(final, None, None, NOON, GRACE) == final


FITS = [
    ("its host", made_file(), "5.0", (MAC,), None),
    ("no host left", made_file(), "5.0", (FOREIGN_MAC,), "host_mismatch"),
    ("host goes before version", made_file(), "5.0", (), "host_mismatch"),
    ("units of 5 at 6", made_file(), "6.0", (MAC,), None),
    ("units of 4 at 5", made_file(version="4.0"), "5.0", (MAC,), "version_mismatch"),
    ("units of 4 at 6", made_file(version="4.0"), "6.0", (MAC,), "version_mismatch"),
    ("units beside an old software license", made_file(made_line(1), made_line(2, feature="SW_FEATURE")), "6.0", (MAC,), None),
    ("a software license alone", made_file(made_line(1, feature="SW_FEATURE")), "6.0", (MAC,), "version_mismatch"),
    ("a software license of 5 at 5", made_file(made_line(1, feature="SW_FEATURE")), "5.0", (MAC,), None),
]  # fmt: skip


@pytest.mark.parametrize(("content", "version", "macs", "state"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_whether_a_file_fits_its_cluster(content: bytes, version: str, macs: tuple[str, ...], state: str | None) -> None:
    found = mismatch_of(MAC, offered(content).lines, replace(HEADQUARTERS, product_version=version, macs=macs))
    assert (found.state if found else None) == state


def test_only_the_first_feature_of_a_name_counts_and_every_increment_adds() -> None:
    first, second = made_line(1, keyword="FEATURE", units=10), made_line(2, keyword="FEATURE", units=700)
    node = made_line(5, keyword="FEATURE", feature="CCM_NODE", units=2, overdraft_units=0)
    lines = offered(write_file([first, second, made_line(3, units=5), made_line(4, units=6), node])).lines
    assert [line.grants for line in lines] == [True, False, True, True, True]
    assert [(g.feature, g.units, g.overdraft_units) for g in grants_of(lines)] == [("PHONE_UNIT", 21, 150), ("CCM_NODE", 2, 0)]


def test_which_feature_line_is_first_is_signed_and_not_the_order_in_the_file() -> None:
    first, second = made_line(1, keyword="FEATURE", units=10), made_line(2, keyword="FEATURE", units=700)
    assert [(g.units, g.overdraft_units) for g in grants_of(offered(write_file([second, first])).lines)] == [(10, 50)]


def test_supersede_voids_lines_issued_earlier_and_no_others() -> None:
    older, newer = made_line(1, units=10, issued=date(2026, 1, 1)), made_line(2, units=20, issued=date(2026, 2, 1))
    newer = with_attributes(newer, {"SUPERSEDE": ""})
    undated, node = made_line(3, units=1), made_line(4, feature="CCM_NODE", issued=date(2026, 1, 1))
    assert [line.grants for line in offered(write_file([older, newer, undated, node])).lines] == [False, True, True, True]
    assert rebuilt(newer).supersede == ("PHONE_UNIT",)


def test_the_newest_supersede_decides_wherever_it_stands() -> None:
    plain = made_line(1, issued=date(2026, 1, 20))
    newer, older = (
        with_attributes(made_line(2 + n, issued=day), {"SUPERSEDE": ""}) for n, day in enumerate((date(2026, 2, 1), date(2026, 1, 10)))
    )
    for lines in ((plain, newer, older), (older, plain, newer), (newer, older, plain)):
        granting = {line.line_id: line.grants for line in offered(write_file(lines)).lines}
        assert granting == {1: False, 2: True, 3: False}


def test_the_first_feature_line_that_is_not_superseded_counts() -> None:
    first = made_line(1, keyword="FEATURE", issued=date(2026, 1, 1))
    second = with_attributes(made_line(2, keyword="FEATURE", units=20, issued=date(2026, 2, 1)), {"SUPERSEDE": ""})
    third = made_line(3, keyword="FEATURE", units=30, issued=date(2026, 2, 1))
    assert [line.grants for line in offered(write_file([first, second, third])).lines] == [False, True, False]


def test_a_line_issued_on_the_day_of_the_superseding_one_stays() -> None:
    newer = with_attributes(made_line(2, issued=date(2026, 1, 1)), {"SUPERSEDE": ""})
    assert [line.grants for line in offered(write_file([made_line(1, issued=date(2026, 1, 1)), newer])).lines] == [True, True]


def test_supersede_of_named_features_spares_its_own() -> None:
    old = made_line(1, issued=date(2026, 1, 1))
    node = made_line(2, feature="CCM_NODE", issued=date(2026, 1, 1))
    newer = with_attributes(made_line(3, issued=date(2026, 2, 1)), {"SUPERSEDE": "CCM_NODE SW_FEATURE"})
    assert [line.grants for line in offered(write_file([old, node, newer])).lines] == [True, False, True]


def test_a_line_is_kept_with_all_that_it_says() -> None:
    content = made_file(made_line(7, expiry=date(2027, 1, 1), order_count=20_000, original_mac=FOREIGN_MAC, version="5.1"), comment="c")
    assert offered(content).lines == (
        FileLine(
            position=2, line_id=7, feature="PHONE_UNIT", version="5.1", units=1000, overdraft_units=50, expires_on=date(2027, 1, 1),
            host_ids=(MAC,), original_mac=FOREIGN_MAC, pak="7K2M9QX4TB", order_count=20_000,
            key_id=key_id_of(KEY.public_key()), grants=True,
        ),
    )  # fmt: skip


def test_a_line_of_no_units_grants_none() -> None:
    lines = offered(write_file([made_line(1, units=0, overdraft_units=0), made_line(2, units=3)])).lines
    assert [(grant.units, grant.overdraft_units) for grant in grants_of(lines)] == [(3, 50)]


def test_what_an_other_line_makes_void_has_no_say_in_the_standing() -> None:
    old = with_attributes(made_line(1, mac=FOREIGN_MAC, version="4.0"), {"ISSUED": "1-jan-2026"})
    newer = with_attributes(made_line(2, issued=date(2026, 2, 1)), {"SUPERSEDE": ""})
    assert mismatch_of(MAC, offered(write_file([old, newer])).lines, HEADQUARTERS) is None
