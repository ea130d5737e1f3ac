"""Unmet demand: what was asked for and refused, counted by feature, device type, rule and day.

The demand of one device is open until the device holds what it asked for, or has not asked for ``OPEN_DAYS``: then it gave up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from services.ledger.domain.refusals import Refusal

MOST_DEVICES = 2000
"""Devices remembered by name for one feature of a cluster; further ones are counted as refusals only."""

OPEN_DAYS = 30
KEPT_DAYS = 400


@dataclass(frozen=True, slots=True)
class Demanded:
    """What was refused: of which feature, for which device (or node) of which type (empty for a node)."""

    feature: str
    name: str
    device_type: str
    refusal: Refusal


class Demand(NamedTuple):
    """What one device was refused, ``refusals`` times: the units that it asked for last, and all its requests together."""

    feature: str
    device_type: str
    rule: str
    device: str
    units: int
    units_asked: int
    refusals: int


def demands_of(refused: Iterable[Demanded]) -> list[Demand]:
    """A demand for each device, feature, type and rule, in an order that is the same for everybody."""
    found: dict[tuple[str, str, str, str], Demand] = {}
    for one in refused:
        key = (one.feature, one.device_type, one.refusal.rule, one.name)
        asked = one.refusal.asked
        before = found.get(key)
        found[key] = Demand(*key, asked, asked + (before.units_asked if before else 0), 1 + (before.refusals if before else 0))
    return [found[key] for key in sorted(found)]
