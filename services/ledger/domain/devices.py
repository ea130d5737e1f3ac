"""Check-out and check-in of devices: a fold over the pool and the devices concerned.

A holding keeps the units it was taken at until its device is put again. Giving back is never refused. Taking units is refused
all or nothing; so a refused re-pricing leaves the device as it was. While the cluster is frozen a device that changes its type is
new to that type, whatever it costs: else each change would make room for one device more than the migration counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from services.ledger.domain.pool import Pool, check_in, check_out
from services.ledger.domain.refusals import (
    AdjunctConflict,
    AdjunctNotPossible,
    CatalogueMissing,
    ProvisioningFrozen,
    counted,
    primary_of_adjunct,
    software_license_missing,
    unknown_device_types,
)

FIRST_MAJOR_WITH_SOFTWARE_LICENSE = 6


@dataclass(frozen=True, slots=True)
class Price:
    """Units of a type. ``adjunct_units``: as adjunct of a primary, None where it cannot be one."""

    units: int
    adjunct_units: int | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A device and the units that it has out."""

    device: str
    device_type: str
    units: int
    adjunct_of: str | None = None

    def __post_init__(self) -> None:
        assert self.units >= 0  # paired with CHECK device_units_not_negative
        assert self.adjunct_of != self.device  # paired with CHECK device_not_its_own_adjunct


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What the cluster's state says about new devices. ``covered`` and ``held``: devices by type, while the cluster is frozen."""

    major: int
    software_major: int
    frozen: bool = False
    covered: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that decides about the devices of some commands: the devices named, their primaries, and their adjuncts.

    ``prices``: of the types concerned; None while there is no catalogue.
    """

    pool: Pool
    holdings: Mapping[str, Holding]
    prices: Mapping[str, Price] | None
    provisioning: Provisioning


@dataclass(frozen=True, slots=True)
class CheckOut:
    """Have this device hold the units of its type."""

    device: str
    device_type: str
    adjunct_of: str | None = None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Have this device hold nothing."""

    device: str


Outcome = Literal["checked_out", "repriced", "unchanged", "checked_in", "gone"]


def apply(desk: Desk, command: CheckOut | CheckIn) -> tuple[Desk, Outcome]:
    """The desk after the command. Raises what ``refusals`` names; the desk is then as it was."""
    return _check_in(desk, command) if isinstance(command, CheckIn) else _check_out(desk, command)


def _check_in(desk: Desk, command: CheckIn) -> tuple[Desk, Outcome]:
    known = desk.holdings.get(command.device)
    if known is None:
        return desk, "gone"
    if adjuncts := _adjuncts(desk, command.device):
        raise primary_of_adjunct(command.device, [a.device for a in adjuncts], "cannot be removed")
    return _moved(desk, known, None, check_in(desk.pool, known.units)), "checked_in"


def _check_out(desk: Desk, command: CheckOut) -> tuple[Desk, Outcome]:
    known = desk.holdings.get(command.device)
    same = known is not None and (known.device_type, known.adjunct_of) == (command.device_type, command.adjunct_of)
    if desk.prices is None:
        raise CatalogueMissing
    price = desk.prices.get(command.device_type)
    if price is None:
        if same:
            return desk, "unchanged"  # the type left the catalogue; what holds its units goes on
        raise unknown_device_types([command.device_type])
    if not same:
        _check_adjunct(desk, command, price)
        _check_primary(desk, command, price)
    units = price.units if command.adjunct_of is None or price.adjunct_units is None else price.adjunct_units
    wanted = Holding(command.device, command.device_type, units, command.adjunct_of)
    if wanted == known:
        return desk, "unchanged"
    more = units - (known.units if known else 0)
    if known is None or known.device_type != wanted.device_type:
        _check_freeze(desk.provisioning, wanted.device_type, more)
    if known and more <= 0:
        return _moved(desk, known, wanted, check_in(desk.pool, -more)), "repriced"
    _check_software_license(desk.provisioning, more)
    return _moved(desk, known, wanted, check_out(desk.pool, more)), "repriced" if known else "checked_out"


def _check_adjunct(desk: Desk, command: CheckOut, price: Price) -> None:
    """Only a type with an adjunct price, for a primary that is none itself and costs at least as much."""
    if command.adjunct_of is None:
        return
    if price.adjunct_units is None:
        raise AdjunctNotPossible(command.device, command.device_type, f"a {command.device_type} has no adjunct price")
    if command.adjunct_of == command.device:
        raise AdjunctNotPossible(command.device, command.device_type, "it would be an adjunct of itself")
    if adjuncts := _adjuncts(desk, command.device):
        raise primary_of_adjunct(command.device, [a.device for a in adjuncts], "cannot become an adjunct")
    primary = desk.holdings.get(command.adjunct_of)
    if primary is None:
        raise AdjunctConflict(command.device, command.adjunct_of, "the cluster has no such device")
    if primary.adjunct_of is not None:
        raise AdjunctConflict(command.device, command.adjunct_of, f"that is itself an adjunct, of {primary.adjunct_of!r}")
    primary_units = _normal_units(desk, primary)
    if price.units > primary_units:
        raise AdjunctConflict(
            command.device,
            command.adjunct_of,
            f"its normal price is {counted(price.units, 'unit')}, the primary's is {counted(primary_units, 'unit')}, "
            "and it may not exceed that",
        )


def _check_primary(desk: Desk, command: CheckOut, price: Price) -> None:
    """A device that adjuncts point to keeps a price that none of theirs exceeds."""
    dearer = [a.device for a in _adjuncts(desk, command.device) if _normal_units(desk, a) > price.units]
    if dearer:
        becoming = f"cannot become a device of type {command.device_type} at {counted(price.units, 'unit')}"
        raise primary_of_adjunct(command.device, dearer, becoming, costly=True)


def _normal_units(desk: Desk, holding: Holding) -> int:
    """The price of a device's type; where that left the catalogue, what the device holds."""
    price = (desk.prices or {}).get(holding.device_type)
    return price.units if price else holding.units


def _check_freeze(state: Provisioning, device_type: str, more: int) -> None:
    covered, held = (counts.get(device_type, 0) for counts in (state.covered, state.held))
    if state.frozen and held >= covered:
        raise ProvisioningFrozen(max(0, more), device_type, covered, held)


def _check_software_license(state: Provisioning, more: int) -> None:
    if state.major >= FIRST_MAJOR_WITH_SOFTWARE_LICENSE and state.software_major < state.major:
        raise software_license_missing(more, state.major, state.software_major)


def _adjuncts(desk: Desk, device: str) -> list[Holding]:
    return [holding for holding in desk.holdings.values() if holding.adjunct_of == device]


def _moved(desk: Desk, before: Holding | None, after: Holding | None, pool: Pool) -> Desk:
    """The desk with one holding replaced, and its types counted anew."""
    holdings = dict(desk.holdings)
    held = dict(desk.provisioning.held)
    if before:
        del holdings[before.device]
        held[before.device_type] = held.get(before.device_type, 0) - 1
    if after:
        holdings[after.device] = after
        held[after.device_type] = held.get(after.device_type, 0) + 1
    return replace(desk, pool=pool, holdings=holdings, provisioning=replace(desk.provisioning, held=held))
