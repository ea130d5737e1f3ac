"""Orders and their shares: what was bought, what of it went into license files, and whether it may be divided.

Must not be broken: the shares of an order never exceed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from shared.license_file.features import major_of

OLDEST_MAJOR = 5
"""Licensing begins with product version 5.0."""

Split = Literal["by_policy", "allowed", "denied"]
Status = Literal["requested", "approved"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order in units and nodes. ``pak``: None until approved, and for ever on the free order of a migration.

    ``unknown_models``: [model, devices] of what the migration file names and no catalogue has; nothing is licensed for it.
    """

    order_id: int
    customer: str
    email: str
    product_version: str
    nodes: int
    units: int
    split: Split
    expires: date | None
    status: Status
    pak: str | None
    split_allowed: bool
    registered_nodes: int
    registered_units: int
    shares: int
    migration_id: str | None
    source_cluster: str | None
    migration_digest: str | None
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    unknown_models: Sequence[Sequence[Any]] = ()

    def __post_init__(self) -> None:
        assert self.nodes > 0 or self.units > 0  # paired with CHECK order_not_empty
        assert 0 <= self.registered_nodes <= self.nodes  # paired with CHECK order_nodes_not_exceeded
        assert 0 <= self.registered_units <= self.units  # paired with CHECK order_units_not_exceeded

    @property
    def remaining_nodes(self) -> int:
        return self.nodes - self.registered_nodes

    @property
    def remaining_units(self) -> int:
        return self.units - self.registered_units


@dataclass(frozen=True, slots=True)
class Share:
    """A part of an order that becomes one license file; ``number`` counts the shares of the order from 1."""

    number: int
    nodes: int
    units: int

    def __post_init__(self) -> None:
        assert self.nodes > 0 or self.units > 0  # paired with CHECK license_file_not_empty


@dataclass
class EmptyOrder(Exception):
    """An order of nothing."""

    def __str__(self) -> str:
        return "The order holds neither nodes nor units. Order at least one node or one unit."


@dataclass
class ExpiryPassed(Exception):
    """An order of licenses that would have expired already."""

    expires: date
    today: date

    def __str__(self) -> str:
        return f"Licenses that expire on {self.expires} cannot be ordered on {self.today}. Name today or a later day, or none."


@dataclass
class UnsupportedVersion(Exception):
    """A product version from before licensing."""

    product_version: str

    def __str__(self) -> str:
        return f"There are license files for product version {OLDEST_MAJOR}.0 and later, not for {self.product_version}."


@dataclass
class EmptyShare(Exception):
    """A share of neither nodes nor units was asked for while some remain."""

    remaining_nodes: int
    remaining_units: int

    def __str__(self) -> str:
        return (
            "The license file would hold neither nodes nor units. "
            f"{self.remaining_nodes} nodes and {self.remaining_units} units remain; ask for some, or leave both out for all."
        )


@dataclass
class OrderExhausted(Exception):
    """More was asked for than remains of the order."""

    asked_nodes: int
    asked_units: int
    remaining_nodes: int
    remaining_units: int

    def __str__(self) -> str:
        if not self.remaining_nodes and not self.remaining_units:
            return "Nothing remains of this order: all of it is in license files. Order more, or re-host one of its files."
        return (
            f"{self.asked_nodes} nodes and {self.asked_units} units were asked for, "
            f"but {self.remaining_nodes} nodes and {self.remaining_units} units remain. Ask for no more than that."
        )


@dataclass
class SplitNotAllowed(Exception):
    """A part was asked for of an order that is one license file or none."""

    asked_nodes: int
    asked_units: int
    nodes: int
    units: int

    def __str__(self) -> str:
        return (
            f"This order may not be split: its license file holds all {self.nodes} nodes and {self.units} units, "
            f"not {self.asked_nodes} and {self.asked_units}. Leave nodes and units out, or ask the vendor to allow a split."
        )


@dataclass
class OrderExpired(Exception):
    """The day on which the order's licenses expire is over."""

    expires: date

    def __str__(self) -> str:
        return f"The licenses of this order expired on {self.expires}; a license file would be refused at once. Place a new order."


def check_order(product_version: str, nodes: int, units: int, expires: date | None, today: date) -> None:
    """May this be ordered? Raises EmptyOrder, UnsupportedVersion, ExpiryPassed."""
    if nodes == 0 and units == 0:
        raise EmptyOrder
    if major_of(product_version) < OLDEST_MAJOR:
        raise UnsupportedVersion(product_version)
    if expires is not None and expires < today:
        raise ExpiryPassed(expires, today)


def may_be_split(split: Split, units: int, threshold_units: int) -> bool:
    """The vendor's word on the order, or else the policy: large orders may be split."""
    return units >= threshold_units if split == "by_policy" else split == "allowed"


def check_not_expired(order: Order, today: date) -> None:
    """Is a license file of this order worth making? Raises OrderExpired."""
    if order.expires is not None and order.expires < today:
        raise OrderExpired(order.expires)


def next_share(order: Order, nodes: int | None, units: int | None, today: date) -> Share:
    """The share that becomes the next license file; None means all that remains.

    Raises OrderExpired, EmptyShare, OrderExhausted, SplitNotAllowed.
    """
    check_not_expired(order, today)
    asked_nodes = order.remaining_nodes if nodes is None else nodes
    asked_units = order.remaining_units if units is None else units
    exhausted = order.remaining_nodes == order.remaining_units == 0
    if exhausted or asked_nodes > order.remaining_nodes or asked_units > order.remaining_units:
        raise OrderExhausted(asked_nodes, asked_units, order.remaining_nodes, order.remaining_units)
    if asked_nodes == 0 and asked_units == 0:
        raise EmptyShare(order.remaining_nodes, order.remaining_units)
    if not order.split_allowed and (asked_nodes, asked_units) != (order.nodes, order.units):
        raise SplitNotAllowed(asked_nodes, asked_units, order.nodes, order.units)
    return Share(order.shares + 1, asked_nodes, asked_units)
