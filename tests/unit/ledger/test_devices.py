"""Check-out and check-in as a fold: prices, adjuncts, the freeze and the software license."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.devices import CheckIn, CheckOut, Outcome, apply
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.refusals import (
    AdjunctConflict,
    AdjunctNotPossible,
    CatalogueMissing,
    PrimaryOfAdjunct,
    ProvisioningFrozen,
    Refusal,
    SoftwareLicenseMissing,
    UnitsExhausted,
    UnknownDeviceType,
)

PRICES = {
    "one": Price(1, None),
    "four": Price(4, None),
    "five": Price(5, None),
    "soft": Price(3, 1),
    "dear": Price(6, 1),
    "port": Price(0, None),
}
FREE = Provisioning(major=5, software_major=0)


def desk(*holdings: Holding, authorized: int = 100, allowed: int = 0, provisioning: Provisioning = FREE) -> Desk:
    used = sum(holding.units for holding in holdings)
    return Desk(Pool(PHONE_UNIT, authorized, allowed, used), {h.device: h for h in holdings}, PRICES, provisioning)


def test_four_at_4_and_four_at_5_are_36_units() -> None:
    now = desk(authorized=36)
    for n in range(4):
        now, _ = apply(now, CheckOut(f"a{n}", "four"))
        now, _ = apply(now, CheckOut(f"b{n}", "five"))
    assert now.pool.used == 36
    with pytest.raises(UnitsExhausted):
        apply(now, CheckOut("c", "one"))


@pytest.mark.parametrize(
    ("known", "command", "outcome", "used"),
    [
        (None, CheckOut("a", "four"), "checked_out", 4),
        (None, CheckOut("a", "port"), "checked_out", 0),
        (Holding("a", "four", 4), CheckOut("a", "four"), "unchanged", 4),
        (Holding("a", "four", 3), CheckOut("a", "four"), "repriced", 4),  # the catalogue's price rose
        (Holding("a", "four", 9), CheckOut("a", "four"), "repriced", 4),  # or fell
        (Holding("a", "four", 4), CheckOut("a", "five"), "repriced", 5),
        (Holding("a", "four", 4), CheckOut("a", "one"), "repriced", 1),
        (Holding("a", "gone-type", 9), CheckOut("a", "gone-type"), "unchanged", 9),
        (Holding("a", "gone-type", 9), CheckOut("a", "four"), "repriced", 4),
        (Holding("a", "four", 4), CheckIn("a"), "checked_in", 0),
        (None, CheckIn("a"), "gone", 0),
    ],
)
def test_what_a_command_does(known: Holding | None, command: CheckOut | CheckIn, outcome: Outcome, used: int) -> None:
    now, what = apply(desk(*([known] if known else [])), command)
    assert (what, now.pool.used) == (outcome, used)
    assert sum(holding.units for holding in now.holdings.values()) == used


def test_a_refused_reprice_leaves_everything_as_it_was() -> None:
    before = desk(Holding("a", "one", 1), authorized=3)
    with pytest.raises(UnitsExhausted) as refused:
        apply(before, CheckOut("a", "five"))
    assert (refused.value.asked, refused.value.free) == (4, 2)
    assert before == desk(Holding("a", "one", 1), authorized=3)


def test_without_a_catalogue_nothing_is_priced_but_everything_can_be_given_back() -> None:
    blind = replace(desk(Holding("a", "one", 1)), prices=None)
    with pytest.raises(CatalogueMissing):
        apply(blind, CheckOut("b", "one"))
    assert apply(blind, CheckIn("a"))[1] == "checked_in"


PHONE, OTHER, ADJUNCT = Holding("desk", "four", 4), Holding("other", "four", 4), Holding("pc", "soft", 1, "desk")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (CheckOut("x", "one", "desk"), AdjunctNotPossible),
        (CheckOut("x", "soft", "x"), AdjunctNotPossible),
        (CheckOut("x", "soft", "nobody"), AdjunctConflict),
        (CheckOut("x", "soft", "pc"), AdjunctConflict),
        (CheckOut("x", "dear", "desk"), AdjunctConflict),
        (CheckOut("x", "no-such", "desk"), UnknownDeviceType),
        (CheckOut("desk", "soft", "other"), PrimaryOfAdjunct),
        (CheckOut("desk", "one"), PrimaryOfAdjunct),
        (CheckIn("desk"), PrimaryOfAdjunct),
    ],
)
def test_rules_of_adjuncts(command: CheckOut | CheckIn, error: type[Exception]) -> None:
    with pytest.raises(error):
        apply(desk(PHONE, OTHER, ADJUNCT), command)


def test_an_adjunct_costs_its_adjunct_price_follows_another_primary_and_becomes_a_device_of_its_own() -> None:
    now, _ = apply(desk(PHONE, OTHER), CheckOut("pc", "soft", "desk"))
    assert now.holdings["pc"] == ADJUNCT
    now, what = apply(now, CheckOut("pc", "soft", "other"))
    assert (what, now.pool.used) == ("repriced", 9)
    now, what = apply(now, CheckOut("pc", "soft"))
    assert (what, now.pool.used, now.holdings["pc"].units) == ("repriced", 11, 3)
    assert apply(now, CheckIn("other"))[1] == "checked_in"


def test_a_primary_may_be_retyped_where_the_rule_still_holds() -> None:
    assert apply(desk(PHONE, ADJUNCT), CheckOut("desk", "soft"))[1] == "repriced"  # 3 is not less than the adjunct's 3


def test_an_adjunct_of_a_type_that_lost_its_adjunct_price_is_repriced_in_full() -> None:
    now = replace(desk(PHONE, ADJUNCT), prices={**PRICES, "soft": Price(3, None)})
    after, what = apply(now, CheckOut("pc", "soft", "desk"))
    assert (what, after.holdings["pc"].units) == ("repriced", 3)


def frozen(covered: dict[str, int], held: dict[str, int]) -> Provisioning:
    return Provisioning(5, 0, True, covered, held)


def test_while_frozen_a_type_is_admitted_until_its_count_is_reached() -> None:
    now = desk(provisioning=frozen({"four": 2}, {}))
    for n in range(2):
        now, _ = apply(now, CheckOut(f"d{n}", "four"))
    with pytest.raises(ProvisioningFrozen) as refused:
        apply(now, CheckOut("d2", "four"))
    assert (refused.value.covered, refused.value.held, refused.value.asked) == (2, 2, 4)
    now, _ = apply(now, CheckIn("d0"))
    assert apply(now, CheckOut("d2", "four"))[1] == "checked_out"


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (CheckOut("a", "four"), "unchanged"),
        (CheckOut("b", "four"), "repriced"),  # the price rose; the device is not new
        (CheckIn("a"), "checked_in"),
    ],
)
@pytest.mark.parametrize("provisioning", [frozen({}, {}), Provisioning(5, 0)])
def test_known_devices_go_on_while_frozen(provisioning: Provisioning, command: CheckOut | CheckIn, outcome: Outcome) -> None:
    assert apply(desk(Holding("a", "four", 4), Holding("b", "four", 3), provisioning=provisioning), command)[1] == outcome


@pytest.mark.parametrize(
    "command",
    [
        CheckOut("x", "four"),
        CheckOut("x", "port"),
        CheckOut("a", "five"),
        CheckOut("a", "one"),
        CheckOut("a", "port"),
        CheckOut("y", "no-such"),
        CheckOut("a", "dear"),
    ],
)
def test_nothing_new_is_added_while_frozen_not_even_for_nothing(command: CheckOut) -> None:
    with pytest.raises((ProvisioningFrozen, UnknownDeviceType)):
        apply(desk(Holding("a", "four", 4), provisioning=frozen({}, {})), command)


def test_while_frozen_a_changed_type_makes_no_room_for_devices_that_nobody_counted() -> None:
    now = desk(provisioning=frozen({"five": 2, "one": 1}, {}))
    for n in range(2):
        now, _ = apply(now, CheckOut(f"d{n}", "five"))
    now, what = apply(now, CheckOut("d0", "one"))  # that one was counted
    assert what == "repriced"
    with pytest.raises(ProvisioningFrozen) as refused:
        apply(now, CheckOut("d1", "port"))  # would cost nothing, and leave room for one more of type five each time
    assert (refused.value.device_type, refused.value.asked) == ("port", 0)
    assert apply(now, CheckIn("d1"))[1] == "checked_in"


@pytest.mark.parametrize(
    ("major", "software", "allowed"), [(5, 0, True), (6, 0, False), (6, 5, False), (6, 6, True), (7, 6, False), (6, 7, True)]
)
def test_from_6_on_new_check_outs_need_a_software_license_of_the_major(major: int, software: int, allowed: bool) -> None:
    now = desk(Holding("a", "four", 4), provisioning=Provisioning(major, software))
    for command in (CheckOut("b", "one"), CheckOut("a", "five")):
        if allowed:
            apply(now, command)
        else:
            with pytest.raises(SoftwareLicenseMissing, match=rf"{major}\.x"):
                apply(now, command)
    assert apply(now, CheckOut("a", "four"))[1] == "unchanged"
    assert apply(now, CheckOut("a", "one"))[1] == "repriced"


names = st.sampled_from(["a", "b", "c"])
commands = st.one_of(
    st.builds(CheckOut, names, st.sampled_from([*PRICES, "no-such"]), st.none() | names),
    st.builds(CheckIn, names),
)


@given(st.lists(commands, max_size=40), st.integers(0, 12), st.integers(0, 4))
def test_the_fold_keeps_its_invariants(sequence: list[CheckOut | CheckIn], authorized: int, allowed: int) -> None:
    now = desk(authorized=authorized, allowed=allowed)
    for command in sequence:
        try:
            now, _ = apply(now, command)
        except (Refusal, AdjunctNotPossible, AdjunctConflict, PrimaryOfAdjunct, UnknownDeviceType):
            continue
    assert now.pool.used == sum(holding.units for holding in now.holdings.values())
    assert now.pool.used <= authorized + allowed  # the grants never shrank here
    for holding in now.holdings.values():
        if holding.adjunct_of is not None:
            assert now.holdings[holding.adjunct_of].adjunct_of is None
    counted = {t: n for t, n in now.provisioning.held.items() if n}
    types = [holding.device_type for holding in now.holdings.values()]
    assert counted == {t: types.count(t) for t in set(types)}
