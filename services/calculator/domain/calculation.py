"""The what-if: how many units so many devices need, and what that would leave of a cluster's pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.calculator.domain.catalogue import unknown_device_types
from shared.license_file.consequences import PoolStatus, pool_status


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
    status: PoolStatus


def calculate(prices: Mapping[str, int], wanted: Sequence[tuple[str, int]]) -> list[Line]:
    """Price ``wanted`` (type, count). Raises UnknownDeviceType naming all that have no price."""
    if missing := [device_type for device_type, _ in wanted if device_type not in prices]:
        raise unknown_device_types(missing)
    return [Line(device_type, prices[device_type], count) for device_type, count in wanted]


def after(authorized: int, overdraft_allowed: int, used: int, more: int) -> After:
    """The pool if ``more`` units were checked out, allowed or not: a what-if shows how far too much it would be."""
    total = used + more
    return After(max(0, authorized - total), max(0, total - authorized), pool_status(authorized, overdraft_allowed, total))


def days_left(free: int, growth_per_day: float | None) -> float | None:
    """Days until ``free`` units are gone; None where use does not grow, or nobody knows whether it does."""
    if free <= 0:
        return 0.0
    return round(free / growth_per_day, 1) if growth_per_day is not None and growth_per_day > 0 else None
