"""What anybody can prove offline of the files that the desk makes, against plain book-keeping of the same orders."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registration.domain.order import EmptyShare, OrderExhausted
from services.registration.domain.returns import ReturnLimitReached
from shared.license_file.order_tree import OrderProof, prove
from shared.license_file.statement import StatementRefused, read_statement
from tests.unit.license_file.made import KEYS
from tests.unit.registration.paper_desk import PaperDesk

LATER = date(2030, 1, 1)
STEPS = st.lists(st.tuples(st.sampled_from(["register", "rehost", "return"]), st.integers(0, 9), st.integers(0, 99)), max_size=14)


def played(steps: list[tuple[str, int, int]]) -> PaperDesk:
    """A desk after these steps; those that are refused change nothing."""
    desk = PaperDesk()
    for verb, few, many in steps:
        current = sorted(desk.good.values())
        with suppress(OrderExhausted, EmptyShare, ReturnLimitReached):
            if verb == "register":
                desk.register(few, many)
            elif current and verb == "rehost":
                desk.rehost(current[few % len(current)])
            elif current:
                desk.give_back(current[few % len(current)])
    return desk


def valid(proof: OrderProof) -> set[str]:
    return {one.file.license_file_id for one in proof.files if one.valid}


@given(steps=STEPS)
@settings(max_examples=60)
def test_after_any_life_of_an_order_the_proof_agrees_with_the_books(steps: list[tuple[str, int, int]]) -> None:
    desk = played(steps)
    statement = read_statement(desk.signed_statement(), KEYS)
    proof = prove(desk.given(), KEYS, LATER, [statement])
    assert proof.proven, proof
    (order,) = proof.orders
    assert valid(order) == set(desk.good.values())
    assert {one.file.license_file_id for one in order.files} == desk.files.keys()
    held = {total.feature: total.valid for total in order.totals}
    assert (held.get("CCM_NODE", 0), held.get("PHONE_UNIT", 0)) == (desk.order.registered_nodes, desk.order.registered_units)
    for day, good in desk.good_on.items():
        (order,) = prove(desk.given(), KEYS, date.fromisoformat(day), [statement]).orders
        assert valid(order) == good


@given(steps=STEPS, data=st.data())
@settings(max_examples=60)
def test_whichever_files_somebody_holds_those_that_none_of_them_voids_fit_the_order(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    desk = played(steps)
    some = data.draw(st.lists(st.sampled_from(sorted(desk.files)), unique=True)) if desk.files else []
    day = data.draw(st.sampled_from([*sorted(desk.good_on), LATER.isoformat()]))
    proof = prove(desk.given(some), KEYS, date.fromisoformat(day))
    assert proof.proven, proof
    for order in proof.orders:
        assert all(max(total.good, total.valid) <= total.ordered for total in order.totals)


@given(steps=STEPS.filter(len), data=st.data())
@settings(max_examples=60)
def test_a_file_that_is_missing_or_has_one_bit_changed_is_noticed_with_a_statement(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    desk = played([("register", 2, 20), *steps])
    statement = read_statement(desk.signed_statement(), KEYS)
    victim = data.draw(st.sampled_from(sorted(desk.files)))
    rest = [one for one in desk.files if one != victim]
    (order,) = prove(desk.given(rest), KEYS, LATER, [statement]).orders
    assert not order.proven
    assert [one.license_file_id for one in order.missing] == [victim]
    changed = bytearray(desk.contents[victim])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not prove([*desk.given(rest), ("changed.lic", bytes(changed))], KEYS, LATER, [statement]).proven


@given(steps=STEPS, data=st.data())
@settings(max_examples=60)
def test_a_statement_with_one_bit_changed_is_none(steps: list[tuple[str, int, int]], data: st.DataObject) -> None:
    desk = played(steps)
    assert read_statement(desk.signed_statement(), KEYS) == desk.statement()
    changed = bytearray(desk.signed_statement())
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StatementRefused):
        read_statement(bytes(changed), KEYS)
