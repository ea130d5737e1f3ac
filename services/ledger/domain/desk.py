"""What decides about the devices of some commands, as it lies on the desk before they are counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.ledger.domain.exemption import ORDINARY, DeviceClass
from services.ledger.domain.ladder import Ladder
from services.ledger.domain.network_service import Stop
from services.ledger.domain.pool import Pool

LONGEST_LEASE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Price:
    """Units of a type. ``adjunct_units``: as adjunct of a primary, None where it cannot be one."""

    units: int
    adjunct_units: int | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A device and the units that it has out. ``lease_seconds``: it has to be put again within; None: it holds them until checked in.

    ``lapsed``: it was not.
    """

    device: str
    device_type: str
    units: int
    adjunct_of: str | None = None
    lease_seconds: int | None = None
    lapsed: bool = False
    device_class: DeviceClass = ORDINARY

    def __post_init__(self) -> None:
        assert self.units >= 0  # paired with CHECK device_units_not_negative
        assert self.adjunct_of != self.device  # paired with CHECK device_not_its_own_adjunct
        assert self.lease_seconds is None or 1 <= self.lease_seconds <= LONGEST_LEASE_SECONDS  # paired with CHECK device_lease_bounded


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What the cluster's state says about new devices. ``covered`` and ``held``: devices by type, while the cluster is frozen.

    ``stop``: its license manager is stopped, and no device may change.
    """

    major: int
    software_major: int
    frozen: bool = False
    covered: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that decides about the devices of some commands: the devices named, their primaries, and their adjuncts.

    ``prices``: of the types concerned; None while there is no catalogue. ``exempt_used``: units of all exempt devices, where one is
    concerned.
    """

    pool: Pool
    holdings: Mapping[str, Holding]
    prices: Mapping[str, Price] | None
    provisioning: Provisioning
    ladder: Ladder = field(default_factory=Ladder)
    exempt_used: int = 0


def exempt_units(holding: Holding | None) -> int:
    """What a device holds of the units that exempt devices may hold together."""
    return holding.units if holding is not None and holding.device_class != ORDINARY else 0
