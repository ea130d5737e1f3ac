"""What of an order may become the next license file."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.order import (
    EmptyOrder,
    EmptyShare,
    ExpiryPassed,
    Order,
    OrderExhausted,
    OrderExpired,
    SplitNotAllowed,
    UnsupportedVersion,
    check_order,
    may_be_split,
    next_share,
)

TODAY = date(2026, 3, 14)


def order(nodes: int = 20, units: int = 20000, *, split_allowed: bool = True, expires: date | None = None) -> Order:
    return Order(
        order_id=4711,
        customer="Example Ltd",
        email="it@example.com",
        product_version="5.0",
        nodes=nodes,
        units=units,
        split="by_policy",
        expires=expires,
        status="approved",
        pak="7K2M9QX4TB",
        split_allowed=split_allowed,
        registered_nodes=0,
        registered_units=0,
        shares=0,
        migration_id=None,
        source_cluster=None,
        migration_digest=None,
        requested_by="desk",
        requested_at=datetime(2026, 3, 1, tzinfo=UTC),
        approved_by="desk",
        approved_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def taken(of: Order, nodes: int | None, units: int | None) -> Order:
    share = next_share(of, nodes, units, TODAY)
    return replace(
        of, registered_nodes=of.registered_nodes + share.nodes, registered_units=of.registered_units + share.units, shares=share.number
    )


def test_20_nodes_and_20000_units_are_15_and_15000_and_5_and_5000_and_nothing_more() -> None:
    first = taken(order(), 15, 15000)
    share = next_share(first, None, None, TODAY)
    assert (share.number, share.nodes, share.units) == (2, 5, 5000)
    with pytest.raises(OrderExhausted) as refused:
        next_share(taken(first, 5, 5000), None, None, TODAY)
    assert (refused.value.remaining_nodes, refused.value.remaining_units) == (0, 0)


@pytest.mark.parametrize(("nodes", "units"), [(6, 0), (0, 5001), (6, 5001), (999_999_999, 1)])
def test_more_than_remains_is_refused_with_what_remains(nodes: int, units: int) -> None:
    with pytest.raises(OrderExhausted) as refused:
        next_share(taken(order(), 15, 15000), nodes, units, TODAY)
    assert (refused.value.remaining_nodes, refused.value.remaining_units) == (5, 5000)
    assert "5 nodes and 5000 units remain" in str(refused.value)


@pytest.mark.parametrize(("nodes", "units"), [(19, None), (None, 19999), (0, 20000), (20, 0)])
def test_an_order_that_may_not_be_split_is_one_file_or_none(nodes: int | None, units: int | None) -> None:
    with pytest.raises(SplitNotAllowed):
        next_share(order(split_allowed=False), nodes, units, TODAY)


@pytest.mark.parametrize(("nodes", "units"), [(None, None), (20, 20000), (20, None)])
def test_the_whole_of_an_order_is_no_split(nodes: int | None, units: int | None) -> None:
    share = next_share(order(split_allowed=False), nodes, units, TODAY)
    assert (share.nodes, share.units) == (20, 20000)


def test_a_share_of_nothing_is_refused_while_something_remains() -> None:
    with pytest.raises(EmptyShare):
        next_share(order(), 0, 0, TODAY)
    with pytest.raises(EmptyShare):
        next_share(taken(order(), 20, 0), None, 0, TODAY)
    with pytest.raises(OrderExhausted):
        next_share(taken(order(), 20, 20000), 0, 0, TODAY)


def test_a_day_of_expiry_is_valid_through_its_end() -> None:
    assert next_share(order(expires=TODAY), None, None, TODAY).units == 20000
    with pytest.raises(OrderExpired):
        next_share(order(expires=date(2026, 3, 13)), None, None, TODAY)


@pytest.mark.parametrize(
    ("split", "units", "allowed"),
    [("by_policy", 999, False), ("by_policy", 1000, True), ("allowed", 1, True), ("denied", 1_000_000, False)],
)
def test_the_vendor_decides_about_splitting_by_the_number_of_licenses_or_explicitly(split: str, units: int, allowed: bool) -> None:
    assert may_be_split(split, units, 1000) is allowed  # type: ignore[arg-type]


def test_what_cannot_be_ordered() -> None:
    check_order("5.0", 1, 0, TODAY, TODAY)
    check_order("12.5.1", 0, 1, None, TODAY)
    with pytest.raises(EmptyOrder):
        check_order("5.0", 0, 0, None, TODAY)
    with pytest.raises(UnsupportedVersion):
        check_order("4.2", 1, 1, None, TODAY)
    with pytest.raises(ExpiryPassed):
        check_order("5.0", 1, 1, date(2026, 3, 13), TODAY)


COUNTS = st.one_of(st.none(), st.integers(0, 60))


@given(nodes=st.integers(0, 50), units=st.integers(1, 50), asked=st.lists(st.tuples(COUNTS, COUNTS), max_size=12), split=st.booleans())
def test_whatever_is_asked_for_the_shares_never_exceed_the_order(
    nodes: int, units: int, asked: list[tuple[int | None, int | None]], split: bool
) -> None:
    now = order(nodes, units, split_allowed=split)
    for wanted in asked:
        try:
            now = taken(now, *wanted)
        except (OrderExhausted, EmptyShare, SplitNotAllowed):
            continue
    assert 0 <= now.registered_nodes <= nodes
    assert 0 <= now.registered_units <= units
    assert split or now.shares <= 1
