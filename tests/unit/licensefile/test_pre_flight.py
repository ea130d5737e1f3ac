"""What a change would do to a cluster: files, pools, the role, the software license; and what to request."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.pre_flight.foresight import MOST_MOMENTS, Foresight
from services.licensefile.domain.pre_flight.requests import requests_of
from services.licensefile.domain.pre_flight.situation import (
    Change,
    FirstNodeMissing,
    MacInUse,
    MajorLowered,
    Node,
    NotAhead,
    Pool,
    changed,
    moment_of,
)
from services.licensefile.domain.standing import Revocation, Standing
from shared.license_file.lines import LicenseLine
from tests.unit.licensefile.foreseen import DAY, GRACE, HOUR, NOW, foreseen, installed, situation
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, MAC, OLD_ID, OTHER_ID, OTHER_MAC, made_line

FINE, OTHER = installed(), installed(license_file_id=OTHER_ID, mac=OTHER_MAC)


def test_another_mac_breaks_the_files_of_the_first_node_and_no_others() -> None:
    told = foreseen(situation(FINE, OTHER), mac=FOREIGN_MAC)
    broken, kept = told.courses
    assert (broken.before.state, broken.after.state, broken.breaks) == ("installed", "host_mismatch", True)
    assert (broken.after.grace_ends_at, broken.ends_at) == (NOW + GRACE, NOW + GRACE)
    assert (kept.after.state, kept.breaks, kept.ends_at) == ("installed", False, None)
    assert [(loss.feature, loss.units_at_once, loss.units_later) for loss in told.losses] == [("PHONE_UNIT", 0, 1000), ("CCM_NODE", 0, 15)]


def test_pools_stay_through_the_grace_and_shrink_at_its_end() -> None:
    told = foreseen(situation(FINE, OTHER, used=1020), mac=FOREIGN_MAC)
    units = [outlook.pools[1] for outlook in (told.before, told.after, told.last)]
    assert [(pool.authorized, pool.overdraft_allowed, pool.status) for pool in units] == [
        (2000, 100, "within"),
        (2000, 100, "within"),
        (1000, 50, "overdraft"),
    ]
    assert [(moment.at, [how.state for _, how in moment.moved]) for moment in told.moments] == [
        (NOW, ["host_mismatch"]),
        (NOW + GRACE, ["grace_exceeded"]),
    ]
    assert told.moments[1].outlook == told.last


def test_a_file_that_the_ledger_does_not_count_yet_is_not_taken_off() -> None:
    early = replace(situation(FINE), counted=frozenset(), pools=(Pool("PHONE_UNIT", 50, 0, 0),))
    assert foreseen(early, mac=FOREIGN_MAC).last.pools == early.pools


def test_a_file_that_ended_before_the_units_were_taken_back_is_shown_so_and_counted_so() -> None:
    late = installed(expiry=(NOW - DAY).date())
    told = foreseen(situation(late))
    assert (told.courses[0].before.state, told.courses[0].breaks) == ("expired", False)
    assert (told.before.pools[1].authorized, told.losses) == (0, ())


def test_grace_that_began_before_is_not_restarted_and_one_that_is_over_takes_the_units_at_once() -> None:
    begun = replace(FINE, standing=Standing("installed", "It fits.", NOW - 10 * DAY, NOW + 20 * DAY))
    (course,) = foreseen(situation(begun), mac=FOREIGN_MAC).courses
    assert course.after.grace_ends_at == NOW + 20 * DAY
    over = replace(FINE, standing=Standing("installed", "It fits.", NOW - 40 * DAY, NOW - 10 * DAY))
    told = foreseen(situation(over), mac=FOREIGN_MAC)
    assert (told.courses[0].after.state, told.losses[0].units_at_once) == ("grace_exceeded", 1000)


def test_a_later_change_finds_what_time_has_done_until_then() -> None:
    short = installed(expiry=(NOW + 5 * DAY).date())
    begun = replace(OTHER, standing=Standing("host_mismatch", "No node.", NOW - 25 * DAY, NOW + 5 * DAY), mac=FOREIGN_MAC)
    begun = replace(begun, lines=tuple(replace(line, host_ids=(FOREIGN_MAC,)) for line in begun.lines))
    told = foreseen(situation(short, begun), at=NOW + 10 * DAY, version="6.0")
    assert [course.after.state for course in told.courses] == ["expired", "grace_exceeded"]
    assert [moment.at for moment in told.moments] == [NOW + 5 * DAY, datetime(2026, 3, 20, tzinfo=UTC), NOW + 10 * DAY]
    # Until the change the cluster is what it was.
    assert [moment.outlook.software_missing for moment in told.moments] == [False, False, True]


def test_a_change_back_in_time_mends_what_was_broken() -> None:
    lines = tuple(replace(line, host_ids=(FOREIGN_MAC,)) for line in FINE.lines)
    broken = replace(FINE, mac=FOREIGN_MAC, lines=lines, standing=Standing("host_mismatch", "No node.", NOW - DAY, NOW + 29 * DAY))
    told = foreseen(situation(broken), mac=FOREIGN_MAC)
    assert (told.courses[0].after.state, told.courses[0].breaks, told.losses, requests_of(told)) == ("installed", False, (), ())


def test_without_a_change_nothing_breaks_and_nothing_is_requested() -> None:
    told = foreseen(situation(FINE, OTHER))
    assert (told.losses, requests_of(told), told.before, told.after) == ((), (), told.last, told.last)
    assert not any(course.breaks for course in told.courses)
    assert [moment.moved for moment in told.moments] == [()]


def test_a_file_for_the_last_day_of_the_calendar_never_ends() -> None:
    (course,) = foreseen(situation(replace(FINE, expires_on=date.max))).courses
    assert (course.ends_at, course.file.expired_from) == (None, None)


def test_the_timeline_is_limited_and_the_end_is_told_all_the_same() -> None:
    many = [
        replace(FINE, license_file_id=f"{20260101000000000 + n}", expires_on=(NOW + n * DAY).date()) for n in range(1, MOST_MOMENTS + 20)
    ]
    told = foreseen(situation(*many))
    assert (len(told.moments), told.moments_total) == (MOST_MOMENTS, MOST_MOMENTS + 20)
    assert told.last.pools[1].authorized == 0


@pytest.mark.parametrize(
    ("lines", "starter", "version", "missing"),
    [
        ((made_line(1),), False, "5.1", False),
        ((made_line(1),), False, "6.0", True),
        ((made_line(1),), True, "6.0", False),
        ((made_line(1), made_line(2, feature="SW_FEATURE", version="6.0", units=1, overdraft_units=0)), False, "6.1", False),
        ((made_line(1), made_line(2, feature="SW_FEATURE", version="6.0", units=1, overdraft_units=0)), False, "7.0", True),
    ],
)
def test_whether_the_software_license_would_be_missing(lines: Sequence[LicenseLine], starter: bool, version: str, missing: bool) -> None:
    told = foreseen(situation(installed(*lines), starter=starter), version=version)
    assert (told.before.software_missing, told.after.software_missing) == (False, missing)


def test_a_migration_licenses_its_software_as_a_grant_and_as_a_file() -> None:
    granted = replace(situation(), migration_id="m1", provisional_major=6)
    assert [foreseen(granted, version=version).after.software_missing for version in ("6.0", "7.0")] == [False, True]
    free = replace(installed(version="6.0"), migration_id="m1")
    with_file = replace(situation(free), migration_id="m1")
    assert [foreseen(with_file, version=version).after.software_missing for version in ("6.0", "7.0")] == [False, True]
    assert foreseen(replace(with_file, migration_id="m2"), version="6.0").after.software_missing


def test_who_would_be_license_manager() -> None:
    told = foreseen(situation(FINE, OTHER), mac=FOREIGN_MAC)
    names = [outlook.license_manager.node if outlook.license_manager else None for outlook in (told.before, told.after, told.last)]
    assert names == ["cm1", "cm2", "cm2"]
    alone = foreseen(situation(FINE), mac=FOREIGN_MAC)
    assert alone.last.license_manager == Node("cm1", FOREIGN_MAC, True)
    assert foreseen(replace(situation(), nodes=())).after.license_manager is None


def test_what_cannot_be_changed_is_refused_as_the_ledger_refuses_it() -> None:
    here = situation(FINE)
    with pytest.raises(MacInUse, match="node 'cm2' of cluster 'headquarters'"):
        changed(here, Change(NOW, OTHER_MAC), {})
    with pytest.raises(MacInUse, match="a node of cluster 'branch'"):
        changed(here, Change(NOW, FOREIGN_MAC), {FOREIGN_MAC: "branch"})
    with pytest.raises(MajorLowered, match=r"runs 5\.0.*that of 4\.2"):
        changed(here, Change(NOW, None, "4.2"), {})
    with pytest.raises(FirstNodeMissing, match="no first node"):
        changed(replace(here, nodes=here.nodes[1:]), Change(NOW, FOREIGN_MAC), {})
    assert changed(here, Change(NOW, MAC, "5.0"), {}) == here


@pytest.mark.parametrize(
    ("at", "meant"),
    [
        (None, NOW),
        (NOW.date(), NOW),
        (date(2026, 3, 15), datetime(2026, 3, 15, tzinfo=UTC)),
        (datetime(2026, 3, 14, 14, tzinfo=UTC), NOW + 2 * HOUR),
    ],
)
def test_which_moment_is_meant(at: date | datetime | None, meant: datetime) -> None:
    assert moment_of(at, NOW) == meant


@pytest.mark.parametrize("at", [date(2026, 3, 13), NOW - HOUR, date(2126, 3, 16), date.max])
def test_a_pre_flight_looks_ahead_and_no_farther_than_a_century(at: date) -> None:
    with pytest.raises(NotAhead, match="Leave `at` out"):
        moment_of(at, NOW)


def kinds(told: Foresight) -> list[tuple[str, str | None, str | None]]:
    return [(request.kind, request.license_file_id, request.mac) for request in requests_of(told)]


def test_a_lost_host_asks_for_a_rehost_to_the_new_address() -> None:
    told = foreseen(situation(FINE, OTHER), mac=FOREIGN_MAC)
    assert kinds(told) == [("rehost", FILE_ID, FOREIGN_MAC)]
    (request,) = requests_of(told)
    assert "uploaded once the change is made" in request.text
    assert "taken back on 2026-04-13 12:00:00 UTC" in request.text


def test_a_raised_major_asks_for_an_upgrade_and_so_does_a_lost_host_besides() -> None:
    old = installed(version="4.0", license_file_id=OLD_ID, cluster=Cluster("headquarters", 1, "4.2", (MAC, OTHER_MAC)))
    at_four = situation(old, version="4.2")
    assert kinds(foreseen(at_four, version="5.0")) == [("upgrade", OLD_ID, MAC)]
    both = foreseen(at_four, mac=FOREIGN_MAC, version="5.0")
    assert both.courses[0].after.state == "host_mismatch"
    assert kinds(both) == [("upgrade", OLD_ID, FOREIGN_MAC)]
    (request,) = requests_of(both)
    assert (request.product_version, request.nodes, request.units) == ("5.0", 15, 1000)


def test_an_expired_file_asks_for_a_new_one_and_a_missing_software_license_for_an_order() -> None:
    short = installed(expiry=(NOW + 5 * DAY).date())
    assert kinds(foreseen(situation(short), at=NOW + 6 * DAY)) == [("new_file", FILE_ID, MAC)]
    assert kinds(foreseen(situation(FINE), version="6.0")) == [("software_license", None, MAC)]
    # An order for the new major brings a software license by itself; a re-host does not.
    assert kinds(foreseen(situation(short), at=NOW + 6 * DAY, version="6.0")) == [("new_file", FILE_ID, MAC)]
    moved = foreseen(situation(FINE), mac=FOREIGN_MAC, version="6.0")
    assert [kind for kind, *_ in kinds(moved)] == ["rehost", "software_license"]


def test_a_file_whose_grace_was_used_up_is_re_hosted_to_its_own_server_if_that_is_there() -> None:
    told = foreseen(situation(replace(FINE, standing=Standing("version_mismatch", "Too low.", NOW - 40 * DAY, NOW - 10 * DAY))))
    assert told.courses[0].after.state == "installed"
    gone = replace(FINE, standing=Standing("host_mismatch", "No node.", NOW - 29 * DAY, NOW + DAY))
    away = replace(gone, mac=FOREIGN_MAC, lines=tuple(replace(line, host_ids=(FOREIGN_MAC,)) for line in gone.lines))
    back = foreseen(situation(away), at=NOW + 2 * DAY, mac=FOREIGN_MAC)
    assert back.courses[0].after.state == "grace_exceeded"
    assert kinds(back) == [("rehost", FILE_ID, FOREIGN_MAC)]


@pytest.mark.parametrize(("keeps", "authorized"), [(False, 0), (True, 1000)])
def test_the_revocation_of_a_key_lies_over_what_is_foretold(keeps: bool, authorized: int) -> None:
    revoked = replace(FINE, standing=replace(FINE.standing, revocation=Revocation("The key is revoked.", keeps)))
    told = foreseen(situation(revoked))
    assert (told.before.pools[1].authorized, told.courses[0].breaks, told.losses) == (authorized, False, ())
    assert kinds(told) == [("rehost", FILE_ID, MAC)]
    moved = foreseen(situation(revoked), mac=FOREIGN_MAC)
    assert (moved.courses[0].breaks, moved.courses[0].ends_at) == (True, NOW + GRACE if keeps else None)
    assert kinds(moved) == [("rehost", FILE_ID, FOREIGN_MAC)]


def test_where_no_node_is_left_the_rehost_has_no_address_yet() -> None:
    empty = replace(situation(FINE), nodes=(), cluster=Cluster("headquarters", 1, "5.0", ()))
    assert kinds(foreseen(empty)) == [("rehost", FILE_ID, None)]
