"""The overdraft ladder: the longer the narrower, never wider than what was signed, and of no concern to whoever gives back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.devices import CheckIn, CheckOut, apply
from services.ledger.domain.exemption import DeviceClass, most_exempt
from services.ledger.domain.ladder import (
    STAGES,
    Ladder,
    OverdraftRestricted,
    Policy,
    Rung,
    Step,
    check_out_by,
    climbed,
    content_of,
    policy_of,
    rung_of,
)
from services.ledger.domain.pool import CCM_NODE, PHONE_UNIT, Pool, check_out
from services.ledger.domain.refusals import Refusal, UnitsExhausted
from services.ledger.domain.transitions import Limits, PoolState, advance, climb
from shared.contracts.bodies.overdraft import OverdraftPolicy

AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
NARROW = Policy(steps=(Step("minor", 7, allowance_percent=50), Step("critical", 30, allowance_units=3)), stop_after_days=60)

percents, few = st.none() | st.integers(0, 100), st.none() | st.integers(0, 400)
units = st.integers(0, 300)
days = st.integers(0, 100)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy that the contract admits."""
    stages = sorted(draw(st.sets(st.sampled_from(STAGES[1:]))), key=STAGES.index)
    at = sorted(draw(st.sets(st.integers(0, 90), min_size=len(stages), max_size=len(stages))))
    steps = tuple(Step(stage, day, draw(percents), draw(few)) for stage, day in zip(stages, at, strict=True))
    stop = draw(st.none() | st.integers(max([1, *at]), 99))
    return Policy(draw(percents), draw(few), steps, stop)


def after(policy: Policy, pool: Pool, day: int) -> Ladder:
    return Ladder(policy, rung_of(policy, pool, AT, AT + timedelta(days=day)), AT + timedelta(days=day))


@given(policy=policies(), signed=units, over=st.integers(1, 300), day=days, later=days)
def test_with_the_days_the_stage_only_rises_and_the_allowance_only_shrinks_and_is_never_wider_than_signed(
    policy: Policy, signed: int, over: int, day: int, later: int
) -> None:
    pool = Pool(PHONE_UNIT, 100, signed, 100 + over)
    early, late = after(policy, pool, day), after(policy, pool, day + later)
    assert early.rung.stage is not None
    assert late.rung.stage is not None
    assert STAGES.index(early.rung.stage) <= STAGES.index(late.rung.stage)
    assert signed >= Ladder(policy).allowance(signed) >= early.allowance(signed) >= late.allowance(signed) >= 0
    assert late.rung.stopped >= early.rung.stopped


@given(policy=policies(), pool=st.builds(Pool, st.just(PHONE_UNIT), units, units, units), day=days, asked=units)
def test_who_is_refused_by_the_files_is_refused_whatever_the_policy_and_what_is_admitted_fits_both(
    policy: Policy, pool: Pool, day: int, asked: int
) -> None:
    ladder = after(policy, pool, day)
    by_files, by_policy = outcome_of(lambda: check_out(pool, asked)), outcome_of(lambda: check_out_by(ladder, pool, asked))
    if isinstance(by_files, UnitsExhausted) or isinstance(by_policy, UnitsExhausted):
        assert by_policy == by_files
    elif isinstance(by_policy, OverdraftRestricted):
        assert by_policy.asked > by_policy.free
        assert by_policy.allowance <= by_policy.overdraft_allowed
        remove, order, change = by_policy.ways_out
        assert (remove.action, order.action, change.action) == ("remove", "order", "change_policy")
        assert remove.units == order.units >= 1
    else:
        assert by_policy == by_files == replace(pool, used=pool.used + asked)
        assert asked == 0 or pool.used + asked <= pool.authorized + ladder.allowance(pool.overdraft_allowed)


def outcome_of(take: Callable[[], Pool]) -> Pool | Refusal:
    try:
        return take()
    except Refusal as refusal:
        return refusal


@given(policy=policies(), pool=st.builds(Pool, st.just(PHONE_UNIT), units, units, units), day=days, asked=st.integers(1, 50))
def test_the_first_two_ways_out_of_a_refusal_lead_out(policy: Policy, pool: Pool, day: int, asked: int) -> None:
    ladder = after(policy, pool, day)
    refusal = outcome_of(lambda: check_out_by(ladder, pool, asked))
    if isinstance(refusal, OverdraftRestricted):
        needed = refusal.ways_out[0].units
        ordered = replace(pool, authorized=pool.authorized + needed)
        for better in (ordered, *([replace(pool, used=pool.used - needed)] if needed <= pool.used else [])):
            left = replace(ladder, rung=Rung() if not better.overdraft else ladder.rung)
            assert check_out_by(left, better, asked).used == better.used + asked


@given(policy=policies(), used=st.integers(1, 300), day=days, device_class=st.sampled_from(("ordinary", "emergency")))
def test_giving_back_is_never_refused_and_a_holder_goes_on(policy: Policy, used: int, day: int, device_class: DeviceClass) -> None:
    pool = Pool(PHONE_UNIT, 50, 20, used)
    held = Holding("a", "any", used, device_class=device_class)
    desk = Desk(pool, {"a": held}, {"any": Price(used, None)}, Provisioning(5, 0), after(policy, pool, day), used)
    assert apply(desk, CheckOut("a", "any")) == (desk, "unchanged")
    left, outcome = apply(desk, CheckIn("a"))
    assert (outcome, left.pool.used, left.holdings) == ("checked_in", 0, {})
    assert left.exempt_used == (0 if device_class == "emergency" else used)


@given(policy=policies())
def test_what_is_stored_of_a_policy_is_that_policy_and_what_the_contract_says(policy: Policy) -> None:
    assert policy_of(content_of(policy)) == policy
    body = OverdraftPolicy.model_validate(content_of(policy) or {})
    assert policy_of(body.model_dump()) == policy


UNFIT: list[dict[str, object]] = [
    {"allowance_percent": 101},
    {"allowance_units": -1},
    {"steps": [{"stage": "major", "after_days": 3}, {"stage": "minor", "after_days": 5}]},
    {"steps": [{"stage": "minor", "after_days": 3}, {"stage": "major", "after_days": 3}]},
    {"steps": [{"stage": "notice", "after_days": 1}]},
    {"stop_after_days": 59},
    {"stop_after_days": 0, "steps": []},
    {"approach_percent": 90},
    {"approach_percent": 90, "recede_percent": 90},
    {"widen": True},
]


@pytest.mark.parametrize("content", UNFIT)
def test_a_policy_that_means_nothing_is_not_admitted(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OverdraftPolicy.model_validate(content)


@pytest.mark.parametrize(
    ("day", "stage", "stopped", "allowance"),
    [
        *((0, "notice", False, 20), (6, "notice", False, 20), (7, "minor", False, 10), (29, "minor", False, 10)),
        *((30, "critical", False, 3), (59, "critical", False, 3), (60, "critical", True, 0), (9999, "critical", True, 0)),
    ],
)
def test_the_steps_of_a_ladder(day: int, stage: str, stopped: bool, allowance: int) -> None:
    ladder = after(NARROW, Pool(PHONE_UNIT, 100, 20, 101), day)
    assert (ladder.rung.stage, ladder.rung.stopped, ladder.allowance(20), ladder.days) == (stage, stopped, allowance, day)


def test_a_clock_that_is_set_back_takes_no_stage_back() -> None:
    rung = climbed(NARROW, Rung(AT, "critical", stopped=True), AT - timedelta(days=400))
    assert rung == Rung(AT, "critical", stopped=True)


def test_an_overdraft_begins_at_the_foot_lasts_and_leaves_the_ladder_when_it_ends() -> None:
    state = PoolState(Pool(PHONE_UNIT, 100, 20, 100), policy=NARROW, limit_approached=True)
    state, told = advance(state, replace(state.pool, used=101), Limits(), AT)
    assert (told, state.rung) == (("overdraft_entered",), Rung(AT, "notice"))
    state, told = advance(state, replace(state.pool, used=105), Limits(), AT + timedelta(days=8))
    assert (told, state.rung) == ((), Rung(AT, "notice")), "only the timer climbs, so that what decides was told before"
    state, told = climb(state, AT + timedelta(days=8))
    assert (told, state.rung, state.version) == (("stage_reached",), Rung(AT, "minor"), 3)
    assert climb(state, AT + timedelta(days=9)) == (state, ())
    relaxed, told = advance(state, state.pool, Limits(), AT + timedelta(days=9), Policy(steps=()))
    assert (told, relaxed.rung) == (("stage_reached",), Rung(AT, "notice"))
    state, told = advance(state, replace(state.pool, used=100), Limits(), AT + timedelta(days=9))
    assert (told, state.rung) == (("overdraft_left",), Rung())


def test_what_an_earlier_release_left_on_the_ladder_climbs_no_further_and_its_next_change_takes_it_down() -> None:
    left = PoolState(Pool(PHONE_UNIT, 100, 20, 90), policy=NARROW, rung=Rung(AT, "minor"))
    assert climb(left, AT + timedelta(days=99)) == (left, ())
    assert advance(left, replace(left.pool, used=91), Limits(), AT + timedelta(days=99))[0].rung == Rung()


def test_nodes_are_on_no_ladder() -> None:
    state, told = advance(PoolState(Pool(CCM_NODE, 1, 1, 1)), Pool(CCM_NODE, 1, 1, 2), Limits(), AT)
    assert (told, state.rung, climb(state, AT + timedelta(days=99))[1]) == (("overdraft_entered",), Rung(), ())


def test_a_policy_has_limits_of_its_own_for_the_approaching_limit() -> None:
    early = Policy(approach_percent=50, recede_percent=40)
    state, told = advance(PoolState(Pool(PHONE_UNIT, 100, 0, 60)), Pool(PHONE_UNIT, 100, 0, 60), Limits(), AT, early)
    assert told == ("limit_approached",)
    assert advance(state, Pool(PHONE_UNIT, 100, 0, 40), Limits(), AT)[1] == ("limit_receded",)


def test_a_refusal_says_the_numbers_the_days_and_the_ways_out() -> None:
    with pytest.raises(OverdraftRestricted) as refused:
        check_out_by(after(NARROW, Pool(PHONE_UNIT, 100, 20, 108), 8), Pool(PHONE_UNIT, 100, 20, 108), 5)
    assert str(refused.value) == (
        "PHONE_UNIT: 5 asked for, 2 free (100 authorized, 108 used); the cluster's overdraft policy leaves 10 of the 20 that the license "
        "files allow as overdraft after 8 days in overdraft (stage minor). Ways out: 1. Remove unused devices that hold at least 3 units. "
        "2. Order at least 3 more units and upload the license file. 3. Have an admin change the cluster's overdraft_policy, within what "
        "the license files allow."
    )
    with pytest.raises(OverdraftRestricted, match=r"lets nothing more be checked out after 60 days in overdraft \(stage critical\)"):
        check_out_by(after(NARROW, Pool(PHONE_UNIT, 100, 20, 108), 60), Pool(PHONE_UNIT, 100, 20, 108), 1)


PRICES = {"one": Price(1, None), "two": Price(2, None)}


def desk(used: int, *holdings: Holding, authorized: int = 200, allowed: int = 10) -> Desk:
    pool = Pool(PHONE_UNIT, authorized, allowed, used)
    exempt = sum(h.units for h in holdings if h.device_class != "ordinary")
    return Desk(pool, {h.device: h for h in holdings}, PRICES, Provisioning(5, 0), after(NARROW, pool, 61), exempt)


@pytest.mark.parametrize("used", [205, 210, 230])  # stopped by the ladder, exhausted, beyond what the files allow
def test_exempt_devices_go_on_where_others_stop_until_they_hold_a_hundredth(used: int) -> None:
    now = desk(used)
    with pytest.raises(Refusal):
        apply(now, CheckOut("a", "one"))
    now, _ = apply(now, CheckOut("sos", "one", device_class="emergency"))
    now, _ = apply(now, CheckOut("desk", "one", device_class="attendant"))
    assert (now.pool.used, now.exempt_used) == (used + 2, most_exempt(200))
    with pytest.raises(Refusal, match=r"may together hold 2 units \(1 % of what is authorized\); remove those that hold at least 1 unit"):
        apply(now, CheckOut("sos2", "one", device_class="emergency"))
    with pytest.raises(Refusal):
        apply(now, CheckOut("sos", "two"))  # it keeps its class, and the hundredth is used up
    now, _ = apply(now, CheckIn("desk"))
    assert apply(now, CheckOut("sos", "two"))[0].holdings["sos"] == Holding("sos", "two", 2, device_class="emergency")


def test_no_exemption_is_minted_by_making_the_exempt_ordinary() -> None:
    now, _ = apply(desk(205), CheckOut("sos", "one", device_class="emergency"))
    for again in (CheckOut("sos", "one", device_class="ordinary"), CheckOut("sos", "two", device_class="ordinary")):
        with pytest.raises(OverdraftRestricted):
            apply(now, again)
    roomy, outcome = apply(desk(100, Holding("sos", "one", 1, device_class="emergency")), CheckOut("sos", "one", device_class="ordinary"))
    assert (outcome, roomy.exempt_used, roomy.pool.used) == ("repriced", 0, 100)


@given(authorized=st.integers(0, 10**9))
def test_a_hundredth_is_rounded_up_and_of_nothing_it_is_nothing(authorized: int) -> None:
    most = most_exempt(authorized)
    assert 100 * most >= authorized > 100 * (most - 1)
    assert most_exempt(0) == 0
