"""Check-out and check-in of devices: a fold over the pool and the devices concerned.

A holding keeps the units it was taken at until its device is put again. Giving back is never refused. Taking units is refused
all or nothing; so a refused re-pricing leaves the device as it was. While the cluster is frozen a device that changes its type is
new to that type, whatever it costs: else each change would make room for one device more than the migration counted.
What a device is put with is all of it: put without a lease it has none any more.
While the license manager is stopped no device changes; one that is put as it is goes on, also where its price is another by now.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from services.ledger.domain.desk import Desk, Holding, Price, Provisioning, exempt_units
from services.ledger.domain.exemption import ORDINARY, DeviceClass, check_becomes_ordinary, check_out_exempt
from services.ledger.domain.ladder import check_out_by
from services.ledger.domain.network_service import check_started
from services.ledger.domain.pool import Pool, check_in
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
from shared.license_file.consequences import software_missing


@dataclass(frozen=True, slots=True)
class CheckOut:
    """Have this device hold the units of its type. ``device_class``: None leaves it as it was, and a new device is ordinary."""

    device: str
    device_type: str
    adjunct_of: str | None = None
    lease_seconds: int | None = None
    device_class: DeviceClass | None = None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Have this device hold nothing."""

    device: str


@dataclass(frozen=True, slots=True)
class Lapse:
    """Take the units of this device back if its lease has lapsed, and with it those of its adjuncts."""

    device: str


Command = CheckOut | CheckIn | Lapse
Outcome = Literal["checked_out", "repriced", "unchanged", "checked_in", "reclaimed", "gone"]


class Done(NamedTuple):
    """What a command did: the device before and after it (None: it held, or holds, nothing), and the pool that it left behind.

    ``reason``: why, where nobody asked for it or it is not plain; ``along``: what was done to other devices before it.
    """

    outcome: Outcome
    before: Holding | None
    after: Holding | None
    pool: Pool
    reason: str = ""
    along: tuple["Done", ...] = ()


def apply(desk: Desk, command: Command) -> tuple[Desk, Outcome]:
    """The desk after the command. Raises NotDone; the desk is then as it was."""
    counter = Counter(desk)
    outcome = counter.do(command).outcome
    return counter.desk(), outcome


class Counter:
    """The fold: one command after the other on a copy of a desk, so that thousands of them cost no copy each."""

    def __init__(self, desk: Desk) -> None:
        self.pool = desk.pool
        self.holdings = dict(desk.holdings)
        self.prices = desk.prices
        self.provisioning = desk.provisioning
        self.ladder = desk.ladder
        self.exempt_used = desk.exempt_used
        self.held = dict(desk.provisioning.held)
        self.adjuncts: dict[str, set[str]] = {}
        for holding in desk.holdings.values():
            if holding.adjunct_of is not None:
                self.adjuncts.setdefault(holding.adjunct_of, set()).add(holding.device)

    def desk(self) -> Desk:
        """Everything as it is now."""
        provisioning = replace(self.provisioning, held=dict(self.held))
        return Desk(self.pool, dict(self.holdings), self.prices, provisioning, self.ladder, self.exempt_used)

    def do(self, command: Command) -> Done:
        """Raises NotDone; everything is then as it was."""
        if isinstance(command, CheckOut):
            return _check_out(self, command)
        return _check_in(self, command) if isinstance(command, CheckIn) else _lapse(self, command)

    def move(self, outcome: Outcome, before: Holding | None, after: Holding | None, pool: Pool, reason: str = "") -> Done:
        """Replace one holding, and count its types anew."""
        assert self.provisioning.stop is None or outcome == "unchanged"
        self.exempt_used += exempt_units(after) - exempt_units(before)
        if before:
            del self.holdings[before.device]
            self.held[before.device_type] = self.held.get(before.device_type, 0) - 1
            if before.adjunct_of is not None:
                self.adjuncts[before.adjunct_of].discard(before.device)
        if after:
            self.holdings[after.device] = after
            self.held[after.device_type] = self.held.get(after.device_type, 0) + 1
            if after.adjunct_of is not None:
                self.adjuncts.setdefault(after.adjunct_of, set()).add(after.device)
        self.pool = pool
        return Done(outcome, before, after, pool, reason)

    def adjuncts_of(self, device: str) -> list[Holding]:
        return [self.holdings[name] for name in self.adjuncts.get(device, ())]


def _check_in(desk: Counter, command: CheckIn) -> Done:
    known = desk.holdings.get(command.device)
    if known is None:
        return Done("gone", None, None, desk.pool)
    check_started(desk.provisioning.stop)
    if adjuncts := desk.adjuncts_of(command.device):
        raise primary_of_adjunct(command.device, [a.device for a in adjuncts], "cannot be removed")
    return desk.move("checked_in", known, None, check_in(desk.pool, known.units))


def _lapse(desk: Counter, command: Lapse) -> Done:
    known = desk.holdings.get(command.device)
    if known is None:
        return Done("gone", None, None, desk.pool)
    if not known.lapsed or desk.provisioning.stop is not None:
        return Done("unchanged", known, known, desk.pool)
    of_primary = f"lease of its primary {known.device} lapsed"
    along = tuple(_reclaim(desk, adjunct, of_primary) for adjunct in sorted(desk.adjuncts_of(known.device), key=lambda a: a.device))
    return _reclaim(desk, known, f"lease lapsed: not heard from for {known.lease_seconds} s")._replace(along=along)


def _reclaim(desk: Counter, known: Holding, reason: str) -> Done:
    return desk.move("reclaimed", known, None, check_in(desk.pool, known.units))._replace(reason=reason)


def _go_on(desk: Counter, known: Holding, lease_seconds: int | None, device_class: DeviceClass) -> Done:
    """The device changes nothing, unless it be its class, or its lease, which is no matter of units."""
    after = replace(known, lease_seconds=lease_seconds, device_class=device_class)
    if known.device_class != device_class:
        check_started(desk.provisioning.stop)
        _check_class(desk, known, device_class)
        return desk.move("repriced", known, after, desk.pool)
    if known.lease_seconds != lease_seconds:
        return desk.move("unchanged", known, after, desk.pool)
    return Done("unchanged", known, known, desk.pool)


def _check_out(desk: Counter, command: CheckOut) -> Done:
    known = desk.holdings.get(command.device)
    device_class = command.device_class or (known.device_class if known else ORDINARY)
    same = known is not None and known.device_type == command.device_type and known.adjunct_of == command.adjunct_of
    if desk.prices is None:
        raise CatalogueMissing
    price = desk.prices.get(command.device_type)
    if not same:
        check_started(desk.provisioning.stop)
    if price is None:
        if same and known is not None:
            return _go_on(desk, known, command.lease_seconds, device_class)  # the type left the catalogue; what holds its units goes on
        raise unknown_device_types([command.device_type])
    if not same:
        _check_adjunct(desk, command, price)
        _check_primary(desk, command, price)
    units = price.units if command.adjunct_of is None or price.adjunct_units is None else price.adjunct_units
    if same and known is not None and (known.units == units or desk.provisioning.stop is not None):
        return _go_on(desk, known, command.lease_seconds, device_class)
    wanted = Holding(
        command.device, command.device_type, units, command.adjunct_of, lease_seconds=command.lease_seconds, device_class=device_class
    )
    more = units - (known.units if known else 0)
    if known is None or known.device_type != wanted.device_type:
        _check_freeze(desk, wanted.device_type, more)
    _check_class(desk, known, device_class)
    if known and more <= 0:
        return desk.move("repriced", known, wanted, check_in(desk.pool, -more))
    _check_software_license(desk.provisioning, more, desk.pool.free)
    pool, reason = _taken(desk, known, wanted)
    return desk.move("repriced" if known else "checked_out", known, wanted, pool, reason)


def _taken(desk: Counter, known: Holding | None, wanted: Holding) -> tuple[Pool, str]:
    """The pool without the units that ``wanted`` holds more than the device did, and why if not by the ordinary rules."""
    more = wanted.units - (known.units if known else 0)
    if wanted.device_class == ORDINARY:
        return check_out_by(desk.ladder, desk.pool, more), ""
    exempt = desk.exempt_used - exempt_units(known) + wanted.units
    return check_out_exempt(desk.ladder, desk.pool, more, exempt)


def _check_class(desk: Counter, known: Holding | None, device_class: DeviceClass) -> None:
    if exempt_units(known) and device_class == ORDINARY:
        assert known is not None
        check_becomes_ordinary(desk.ladder, desk.pool, known.units)


def _check_adjunct(desk: Counter, command: CheckOut, price: Price) -> None:
    """Only a type with an adjunct price, for a primary that is none itself and costs at least as much."""
    if command.adjunct_of is None:
        return
    if price.adjunct_units is None:
        raise AdjunctNotPossible(command.device, command.device_type, f"a {command.device_type} has no adjunct price")
    if command.adjunct_of == command.device:
        raise AdjunctNotPossible(command.device, command.device_type, "it would be an adjunct of itself")
    if adjuncts := desk.adjuncts_of(command.device):
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


def _check_primary(desk: Counter, command: CheckOut, price: Price) -> None:
    """A device that adjuncts point to keeps a price that none of theirs exceeds."""
    dearer = [a.device for a in desk.adjuncts_of(command.device) if _normal_units(desk, a) > price.units]
    if dearer:
        becoming = f"cannot become a device of type {command.device_type} at {counted(price.units, 'unit')}"
        raise primary_of_adjunct(command.device, dearer, becoming, costly=True)


def _normal_units(desk: Counter, holding: Holding) -> int:
    """The price of a device's type; where that left the catalogue, what the device holds."""
    price = (desk.prices or {}).get(holding.device_type)
    return price.units if price else holding.units


def _check_freeze(desk: Counter, device_type: str, more: int) -> None:
    if not desk.provisioning.frozen:
        return
    covered, held = desk.provisioning.covered.get(device_type, 0), desk.held.get(device_type, 0)
    if held >= covered:
        raise ProvisioningFrozen(max(0, more), device_type, covered, held, free=desk.pool.free)


def _check_software_license(state: Provisioning, more: int, free: int) -> None:
    if software_missing(state.major, state.software_major):
        raise software_license_missing(more, state.major, state.software_major, free=free)
