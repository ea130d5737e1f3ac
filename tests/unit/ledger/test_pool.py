"""The pool: what may leave it, what state it is in, what a change of it means."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, Pool, Status, check_in, check_out
from services.ledger.domain.refusals import UnitsExhausted
from services.ledger.domain.transitions import Limits, PoolState, Transition, advance

AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
units = st.integers(0, 10**12)
pools = st.builds(Pool, st.just(PHONE_UNIT), units, units, units)


@pytest.mark.parametrize(
    ("authorized", "allowed", "used", "status", "free", "remaining", "overdraft"),
    [
        (10, 5, 0, "within", 15, 10, 0),
        (10, 5, 10, "within", 5, 0, 0),
        (10, 5, 11, "overdraft", 4, 0, 1),
        (10, 5, 15, "exhausted", 0, 0, 5),
        (10, 5, 16, "beyond_allowance", 0, 0, 6),
        (10, 0, 10, "within", 0, 0, 0),
        (10, 0, 11, "beyond_allowance", 0, 0, 1),
        (0, 0, 0, "within", 0, 0, 0),
    ],
)
def test_the_four_states_of_a_pool(
    authorized: int, allowed: int, used: int, status: Status, free: int, remaining: int, overdraft: int
) -> None:
    pool = Pool(PHONE_UNIT, authorized, allowed, used)
    assert (pool.status, pool.free, pool.remaining, pool.overdraft) == (status, free, remaining, overdraft)


@given(pool=pools, asked=units)
def test_a_check_out_succeeds_exactly_when_the_units_are_free(pool: Pool, asked: int) -> None:
    if asked <= pool.free:
        after = check_out(pool, asked)
        assert after.used == pool.used + asked
        assert check_in(after, asked) == pool
    else:
        with pytest.raises(UnitsExhausted) as refused:
            check_out(pool, asked)
        assert (refused.value.asked, refused.value.free) == (asked, pool.free)


@given(pool=pools, asked=units)
def test_the_ways_out_are_just_enough(pool: Pool, asked: int) -> None:
    if asked > pool.free:
        with pytest.raises(UnitsExhausted) as refused:
            check_out(pool, asked)
        remove, order = refused.value.ways_out
        assert (remove.action, order.action, remove.units) == ("remove", "order", order.units)
        enough = Pool(PHONE_UNIT, pool.authorized + order.units, pool.overdraft_allowed, pool.used)
        assert check_out(enough, asked).used == pool.used + asked
        with pytest.raises(UnitsExhausted):
            check_out(Pool(PHONE_UNIT, pool.authorized + order.units - 1, pool.overdraft_allowed, pool.used), asked)


def state(used: int, *, approached: bool = False, authorized: int = 100, allowed: int = 20, feature: str = PHONE_UNIT) -> PoolState:
    return PoolState(Pool(feature, authorized, allowed, used), 7, approached)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (state(97), state(98, approached=True), ["limit_approached"]),
        (state(0), state(97), []),
        (state(98, approached=True), state(91, approached=True), []),
        (state(98, approached=True), state(90), ["limit_receded"]),
        (state(91, approached=True), state(98, approached=True), []),
        (state(100, approached=True), state(101, approached=True), ["overdraft_entered"]),
        (state(101, approached=True), state(120, approached=True), []),
        (state(101, approached=True), state(100, approached=True), ["overdraft_left"]),
        (state(97), state(101, approached=True), ["overdraft_entered", "limit_approached"]),
        (state(101, approached=True), state(50), ["overdraft_left", "limit_receded"]),
        (state(50), state(50, authorized=40, approached=True), ["overdraft_entered", "limit_approached"]),  # a grant shrank
        (state(1), state(1, authorized=0, allowed=0, approached=True), ["overdraft_entered", "limit_approached"]),
        (state(0, authorized=0), state(0, authorized=5), []),  # an empty pool approaches nothing
        (state(1, feature=CCM_NODE), state(100, feature=CCM_NODE), []),  # nodes approach no limit
        (state(1, feature=CCM_NODE), state(101, feature=CCM_NODE), ["overdraft_entered"]),
    ],
)
def test_what_a_change_of_a_pool_tells(before: PoolState, after: PoolState, told: list[Transition]) -> None:
    now, transitions = advance(before, after.pool, Limits(), AT)
    assert (list(transitions), now.limit_approached, now.version) == (told, after.limit_approached, 8)


@given(before=pools, changes=st.lists(pools))
def test_an_unchanged_pool_counts_no_version_and_tells_nothing(before: Pool, changes: list[Pool]) -> None:
    kept = PoolState(before)
    for pool in changes:
        kept, _ = advance(kept, pool, Limits(), AT)
    assert advance(kept, kept.pool, Limits(), AT) == (kept, ())
    assert kept.version <= len(changes)


@given(changes=st.lists(pools, max_size=30))
def test_the_transitions_of_a_pool_alternate(changes: list[Pool]) -> None:
    kept = PoolState(Pool(PHONE_UNIT))
    told: list[Transition] = []
    for pool in changes:
        kept, transitions = advance(kept, pool, Limits(), AT)
        told += transitions
    for coming, going in (("overdraft_entered", "overdraft_left"), ("limit_approached", "limit_receded")):
        ours = [fact for fact in told if fact in (coming, going)]
        assert ours == [coming if n % 2 == 0 else going for n in range(len(ours))]
    assert bool(kept.pool.overdraft) == (told.count("overdraft_entered") > told.count("overdraft_left"))
