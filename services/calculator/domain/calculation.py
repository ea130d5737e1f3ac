"""The what-if: how many units so many devices need, and what that would leave of a cluster's pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.calculator.domain.catalogue import unknown_device_types

Status = Literal["within", "overdraft", "exhausted", "beyond_allowance"]


@dataclass(frozen=True, slots=True)
class Line:
    """``count`` devices of a type at ``units_each``."""

    device_type: str
    units_each: int
    count: int

    @property
    def units(self) -> int:
        return self.units_each * self.count


@dataclass(frozen=True, slots=True)
class After:
    """A pool as it would be: units left of the authorized ones, units beyond them, and the state that this is."""

    remaining: int
    overdraft: int
    status: Status


def calculate(prices: Mapping[str, int], wanted: Sequence[tuple[str, int]]) -> list[Line]:
    """Price ``wanted`` (type, count). Raises UnknownDeviceType naming all that have no price."""
    if missing := [device_type for device_type, _ in wanted if device_type not in prices]:
        raise unknown_device_types(missing)
    return [Line(device_type, prices[device_type], count) for device_type, count in wanted]


def after(authorized: int, overdraft_allowed: int, used: int, more: int) -> After:
    """The pool if ``more`` units were checked out, allowed or not: a what-if shows how far too much it would be."""
    total = used + more
    overdraft = max(0, total - authorized)
    status: Status = "within"
    if overdraft > overdraft_allowed:
        status = "beyond_allowance"
    elif overdraft and overdraft == overdraft_allowed:
        status = "exhausted"
    elif overdraft:
        status = "overdraft"
    return After(max(0, authorized - total), overdraft, status)


def days_left(free: int, growth_per_day: float | None) -> float | None:
    """Days until ``free`` units are gone; None where use does not grow, or nobody knows whether it does."""
    if free <= 0:
        return 0.0
    return round(free / growth_per_day, 1) if growth_per_day is not None and growth_per_day > 0 else None
