"""The catalogue: what a device of each type costs. Shipped entries are the vendor's; local ones are the customer's own."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass

LOCAL_SOURCE = "local"


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A type and its price in units. ``adjunct_units``: its price as adjunct of a primary phone, None where it cannot be one."""

    device_type: str
    label: str
    model_code: int | None
    units: int
    adjunct_units: int | None
    provisional: bool
    source: str
    shipped: bool

    def __post_init__(self) -> None:
        assert self.units >= 0  # paired with CHECK device_type_units_not_negative
        assert self.shipped or self.units >= 1  # paired with CHECK device_type_local_costs_something


@dataclass
class ShippedDeviceType(Exception):
    """The vendor's own price was asked to be changed."""

    device_type: str
    units: int

    def __str__(self) -> str:
        return (
            f"{self.device_type} is a shipped type and costs {self.units} units; only the vendor's catalogue changes that. "
            "Add a local type under another name instead."
        )


@dataclass
class UnknownDeviceType(Exception):
    """Types that stand in no catalogue. ``device_types``: at most twenty of them, sorted."""

    device_types: tuple[str, ...]
    total: int

    def __str__(self) -> str:
        names = ", ".join(self.device_types)
        return f"Not in the catalogue: {names} ({self.total} in all). See GET /v1/device-types, or add a local type."


def unknown_device_types(names: Iterable[str]) -> UnknownDeviceType:
    """The error for ``names``, with no more of them than one reads."""
    found = sorted(set(names))
    return UnknownDeviceType(tuple(found[:20]), len(found))


def read_shipped(text: str) -> list[DeviceType]:
    """The catalogue as shipped: CSV with device_type, label, model_code, units, adjunct_units, provisional, source."""
    return [
        DeviceType(
            device_type=row["device_type"],
            label=row["label"],
            model_code=int(row["model_code"]),
            units=int(row["units"]),
            adjunct_units=int(row["adjunct_units"]) if row["adjunct_units"] else None,
            provisional=row["provisional"] == "yes",
            source=row["source"],
            shipped=True,
        )
        for row in csv.DictReader(text.splitlines())
    ]
