"""The cluster as one value: role, starter, grants, versions; and what is derived from them."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.cluster import (
    Cluster,
    begin,
    change_version,
    migrated,
    new_first_mac,
    settled,
    with_file,
    with_file_state,
    with_node,
    without_node,
    without_replaced,
    without_starter,
)
from services.ledger.domain.grants import LicenseFile, Line
from services.ledger.domain.migration import check_may_migrate, cover
from services.ledger.domain.nodes import Node, license_manager
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, SW_FEATURE
from services.ledger.domain.refusals import (
    FirstNodeRequired,
    InvalidInventory,
    MajorLowered,
    MigrationNotPossible,
    ProvisioningFrozen,
    UnitsExhausted,
    UnknownDeviceType,
)
from services.ledger.domain.report import by_status, sums_of

NOW = datetime(2026, 3, 14, tzinfo=UTC)


def new(version: str = "5.0", *, starter: bool = True) -> Cluster:
    return begin(Cluster("hq", version, NOW), starter=starter)


def file(number: int, mac: str = "M", **more: object) -> LicenseFile:
    values = {"version": 1, "state": "installed", "granting": True, "mac": mac, "installed_at": NOW + timedelta(days=number)}
    return LicenseFile(f"{number:017}", **{**values, **more})  # type: ignore[arg-type]


def lines(number: int, *wanted: tuple[str, int, int], major: int = 5) -> tuple[Line, ...]:
    return tuple(
        Line("file", f"{number:017}", at, feature, units, overdraft, major, granting=True)
        for at, (feature, units, overdraft) in enumerate(wanted, 1)
    )


def numbers(cluster: Cluster, feature: str = PHONE_UNIT) -> tuple[int, int, int]:
    pool = cluster.pools[feature].pool
    return pool.authorized, pool.overdraft_allowed, pool.used


FIRST, SECOND = Node("cm1", "A", True), Node("cm2", "B", False)


@pytest.mark.parametrize(
    ("nodes", "files", "who"),
    [
        ((), (), None),
        ((FIRST, SECOND), (), "cm1"),
        ((FIRST, SECOND), (file(1, "B"),), "cm2"),
        ((FIRST, SECOND), (file(1, "B"), file(2, "A")), "cm1"),  # the first node, if a file bears its MAC
        ((FIRST, SECOND, Node("cm3", "C", False)), (file(2, "C"), file(1, "B")), "cm2"),  # else the oldest
        ((FIRST, SECOND), (file(1, "B", granting=False),), "cm1"),
        ((FIRST, SECOND), (file(1, "X"), file(2, "B")), "cm2"),  # the oldest one's server is gone
        ((FIRST, SECOND), (file(1, "X"),), "cm1"),
        ((SECOND,), (file(1, "X"),), None),
        ((FIRST, SECOND), (file(1, "B", installed_at=None),), "cm1"),
    ],
)
def test_who_is_license_manager(nodes: tuple[Node, ...], files: tuple[LicenseFile, ...], who: str | None) -> None:
    assert license_manager(nodes, files) == who


def test_the_first_node_is_admitted_beyond_the_allowance_but_only_while_there_is_none() -> None:
    cluster = with_node(new(starter=False), "cm1", "A", None)
    assert (numbers(cluster, CCM_NODE), cluster.license_manager) == ((0, 0, 1), "cm1")
    for first in (None, True, False):
        with pytest.raises(UnitsExhausted):
            with_node(cluster, "cm2", "B", first)
    with pytest.raises(UnitsExhausted):
        with_node(new(starter=False), "cm1", "A", False)  # not the first node


def test_the_first_flag_moves_but_is_not_taken_away() -> None:
    cluster = with_node(with_node(with_file(new(), file(1), lines(1, (CCM_NODE, 5, 0))), "cm1", "A", None), "cm2", "B", None)
    assert [n.first for n in cluster.nodes] == [True, False]
    assert [n.first for n in with_node(cluster, "cm2", "B", True).nodes] == [False, True]
    assert [n.first for n in with_node(cluster, "cm1", "C", None).nodes] == [True, False]
    with pytest.raises(FirstNodeRequired):
        with_node(cluster, "cm1", "A", False)
    assert [n.first for n in with_node(without_node(cluster, "cm1"), "cm3", "C", None).nodes] == [False, True]


def test_the_starter_is_claimed_for_each_new_first_address_while_it_grants() -> None:
    none, one = new(), with_node(new(), "cm1", "A", None)
    assert new_first_mac(none, one) == "A"
    assert new_first_mac(one, one) is None
    assert new_first_mac(one, with_node(one, "cm1", "B", None)) == "B"
    gone = without_starter(one)
    assert (numbers(gone), new_first_mac(none, gone)) == ((0, 0, 0), None)


def test_each_feature_of_the_starter_ends_with_the_first_file_that_has_it() -> None:
    cluster = with_file(new(), file(1), lines(1, (PHONE_UNIT, 7, 1)))
    assert (numbers(cluster), numbers(cluster, CCM_NODE)) == ((7, 1, 0), (1, 0, 0))
    retired = with_file_state(cluster, file(1, version=2, state="retired", granting=False))
    assert numbers(retired) == (0, 0, 0)
    assert numbers(with_file(retired, file(2), lines(2, (SW_FEATURE, 1, 0))), CCM_NODE) == (1, 0, 0)


@pytest.mark.parametrize(
    ("version", "starter", "granted", "software"),
    [
        ("6.0", True, (), 6),  # under the starter
        ("6.0", False, (), 0),
        ("6.0", True, ((CCM_NODE, 1, 0),), 6),  # the starter still has the phone units
        ("6.0", True, ((PHONE_UNIT, 1, 0),), 0),
        ("6.0", True, ((PHONE_UNIT, 1, 0), (SW_FEATURE, 1, 0)), 6),
    ],
)
def test_what_software_is_licensed(version: str, starter: bool, granted: tuple[tuple[str, int, int], ...], software: int) -> None:
    cluster = new(version, starter=starter)
    after = with_file(cluster, file(1), lines(1, *granted, major=6)) if granted else cluster
    assert after.software_major == software


def test_a_major_is_never_lowered() -> None:
    assert change_version(new("5.1"), "5.0").product_version == "5.0"
    assert change_version(new("5.1"), "6.0").software_major == 6  # the starter goes along
    with pytest.raises(MajorLowered):
        change_version(new("10.0"), "9.1")


def test_a_migration_freezes_and_its_own_file_ends_that() -> None:
    cluster = migrated(new("4.2"), "id", 2, 30, "6.0")
    assert (cluster.frozen, cluster.product_version, cluster.software_major) == (True, "6.0", 6)
    assert (numbers(cluster), numbers(cluster, CCM_NODE)) == ((30, 0, 0), (2, 0, 0))
    for n in range(2):
        cluster = with_node(cluster, f"n{n}", f"A{n}", None)
    with pytest.raises(ProvisioningFrozen) as refused:
        with_node(cluster, "n2", "A2", None)
    assert (refused.value.covered, refused.value.held) == (2, 2)
    other = with_file(cluster, file(1), lines(1, (PHONE_UNIT, 5, 1)))
    assert (other.frozen, numbers(other)) == (True, (35, 1, 0))
    real = with_file(other, file(2, migration_id="id"), lines(2, (PHONE_UNIT, 30, 0), major=6))
    assert (real.frozen, numbers(real), real.software_major) == (False, (35, 1, 0), 6)
    with pytest.raises(MigrationNotPossible):
        check_may_migrate(real, 0)


def test_a_migration_is_priced_counted_together_and_must_fit_a_file() -> None:
    found = cover("hq", "id", ("4.2", "5.0"), 3, [("b", 2), ("a", 1), ("b", 3), ("none", 0)], {"a": 4, "b": 5, "none": 9})
    assert (found.types, found.units) == ((("a", 1, 4), ("b", 5, 5)), 29)
    with pytest.raises(UnknownDeviceType):
        cover("hq", "id", ("4.2", "5.0"), 3, [("x", 1)], {})
    for versions, nodes, count in ((("5.0", "6.0"), 1, 1), (("4.0", "4.2"), 1, 1), (("4.0", "5.0"), 10**9, 1), (("4.0", "5.0"), 1, 10**9)):
        with pytest.raises(InvalidInventory):
            cover("hq", "id", versions, nodes, [("a", count)], {"a": 4})


def test_a_replaced_file_grants_nothing_for_ever_and_one_unheard_of_is_remembered() -> None:
    cluster = without_replaced(with_file(new(), file(1), lines(1, (PHONE_UNIT, 7, 1))), f"{1:017}")
    assert (numbers(cluster), cluster.grants.files[0].version) == ((0, 0, 0), 2)
    again = with_file_state(cluster, file(1, version=9, state="installed"))
    assert again == cluster
    remembered = without_replaced(new(), f"{2:017}")
    late = with_file(remembered, file(2), lines(2, (PHONE_UNIT, 7, 1)))
    assert (numbers(late), late.grants.files[0].grants) == ((0, 0, 0), False)
    assert without_replaced(remembered, f"{2:017}") == remembered


facts = st.lists(
    st.one_of(
        st.tuples(st.just("install"), st.integers(0, 3)),
        st.tuples(st.just("state"), st.integers(0, 3), st.integers(2, 4)),
        st.tuples(st.just("replace"), st.integers(0, 3)),
    ),
    max_size=12,
)


def play(cluster: Cluster, fact: tuple[str, int] | tuple[str, int, int]) -> Cluster:
    number = fact[1]
    if fact[0] == "install":
        return with_file(cluster, file(number), lines(number, (PHONE_UNIT, 10**number, number)))
    if fact[0] == "replace":
        return without_replaced(cluster, f"{number:017}")
    version = fact[2] if len(fact) == 3 else 0
    return with_file_state(cluster, file(number, version=version, state=f"state {version}", granting=version == 3, installed_at=None))


@given(facts, st.randoms(use_true_random=False))
def test_facts_about_files_may_come_in_any_order_and_repeated(
    sequence: list[tuple[str, int] | tuple[str, int, int]], chance: Random
) -> None:
    shuffled = [*sequence, *sequence[:3]]
    chance.shuffle(shuffled)
    there, here = new(starter=False), new(starter=False)
    for fact in sequence:
        there = play(there, fact)
    for fact in shuffled:
        here = play(here, fact)
    assert numbers(there) == numbers(here)
    granting = [line.license_file_id for line in here.grants.lines if line.granting]
    assert len(granting) == len(set(granting))
    assert settled(here) == here


def test_sums_offset_nothing_and_show_the_worst() -> None:
    pools = [new().pools[PHONE_UNIT].pool, with_file(new(), file(1), lines(1, (PHONE_UNIT, 0, 0))).pools[PHONE_UNIT].pool]
    sums = sums_of(PHONE_UNIT, pools)
    assert (sums.authorized, sums.remaining, sums.status) == (50, 50, "within")
    assert by_status(pools) == {"within": 2, "overdraft": 0, "exhausted": 0, "beyond_allowance": 0}
    assert sums_of(PHONE_UNIT, []).status == "within"
