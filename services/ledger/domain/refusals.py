"""Every way in which the ledger says no. A ``Refusal`` is a decision about units: it is remembered and told to whoever listens."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class WayOut:
    """Something that would help. ``action``: remove, order, install or upgrade; ``units``: of how many units."""

    action: str
    units: int
    text: str


class Refusal(Exception):
    """A check-out that is refused. ``rule`` is the slug of its problem; ``asked`` the units that it wanted."""

    rule: ClassVar[str]
    asked: int


@dataclass
class UnitsExhausted(Refusal):
    """The pool has not enough units, overdraft included."""

    rule: ClassVar[str] = "units-exhausted"

    feature: str
    asked: int
    free: int
    authorized: int
    used: int
    overdraft_allowed: int
    ways_out: tuple[WayOut, ...]

    def __str__(self) -> str:
        return (
            f"{self.feature}: {self.asked} asked, {self.free} free "
            f"(authorized {self.authorized}, overdraft allowed {self.overdraft_allowed}, used {self.used}). "
            + " Or: ".join(way.text for way in self.ways_out)
        )


@dataclass
class ProvisioningFrozen(Refusal):
    """The cluster was migrated and its real license file is not installed: only what the migration counted is admitted."""

    rule: ClassVar[str] = "provisioning-frozen"

    asked: int
    what: str
    covered: int
    held: int
    ways_out: tuple[WayOut, ...] = (
        WayOut("install", 0, "Paste the migration file into License Registration and install the license file that it yields."),
    )

    def __str__(self) -> str:
        return (
            f"The migration covers {self.covered} of {self.what}, and {self.held} are there already; nothing new is added before the real "
            f"license file is installed. {self.ways_out[0].text}"
        )


@dataclass
class SoftwareLicenseMissing(Refusal):
    """From 6.x on new check-outs need a software license of the cluster's major version."""

    rule: ClassVar[str] = "software-license-missing"

    asked: int
    major: int
    licensed_major: int | None
    ways_out: tuple[WayOut, ...]

    def __str__(self) -> str:
        has = f"reaches {self.licensed_major}.x" if self.licensed_major else "is missing"
        return f"The cluster runs {self.major}.x and its software license (SW_FEATURE) {has}. {self.ways_out[0].text}"


def software_license_missing(asked: int, major: int, licensed_major: int) -> SoftwareLicenseMissing:
    way = WayOut("install", 1, f"Install a license file with a SW_FEATURE line of {major}.x.")
    return SoftwareLicenseMissing(asked, major, licensed_major or None, (way,))


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
    return UnknownDeviceType(tuple(found[:_MOST_NAMES]), len(found))


@dataclass
class CatalogueMissing(Exception):
    """The catalogue of unit prices has not arrived yet."""

    def __str__(self) -> str:
        return "The unit catalogue has not arrived from the calculator yet, so nothing can be priced. Nothing was changed; try again."


@dataclass
class AdjunctNotPossible(Exception):
    """This device can never be that adjunct: the request itself is wrong."""

    device: str
    device_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.device!r} cannot be an adjunct: {self.reason}. Leave adjunct_of out to check it out at its full price."


@dataclass
class AdjunctConflict(Exception):
    """This device cannot be that adjunct as things stand."""

    device: str
    adjunct_of: str
    reason: str

    def __str__(self) -> str:
        return f"{self.device!r} cannot be an adjunct of {self.adjunct_of!r}: {self.reason}."


@dataclass
class PrimaryOfAdjunct(Exception):
    """Adjuncts point to the device. ``adjuncts``: at most twenty of them, sorted."""

    device: str
    adjuncts: tuple[str, ...]
    total: int
    reason: str

    def __str__(self) -> str:
        names = ", ".join(self.adjuncts)
        return f"{self.device!r} {self.reason} while adjuncts point to it: {names} ({self.total} in all). Remove or change those first."


def primary_of_adjunct(device: str, adjuncts: Iterable[str], reason: str) -> PrimaryOfAdjunct:
    found = sorted(adjuncts)
    return PrimaryOfAdjunct(device, tuple(found[:_MOST_NAMES]), len(found), reason)


@dataclass
class MacInUse(Exception):
    """Another node has this address; a server is one node of one cluster."""

    mac: str
    used_by_cluster: str
    used_by_node: str

    def __str__(self) -> str:
        return (
            f"{self.mac} is the address of node {self.used_by_node!r} of cluster {self.used_by_cluster!r}. "
            "Check the address, or remove that node first."
        )


@dataclass
class FirstNodeRequired(Exception):
    """The first node was asked to be first no longer, and no other was named."""

    node: str

    def __str__(self) -> str:
        return f"{self.node!r} is the first node. Name another node first (first: true) instead; the flag then moves."


@dataclass
class MajorLowered(Exception):
    """A cluster's major version was asked to go down."""

    product_version: str
    asked_version: str

    def __str__(self) -> str:
        return (
            f"The cluster runs {self.product_version}; its major version cannot be lowered to that of {self.asked_version}, because "
            "license files were accepted for it. Register the downgraded system as a new cluster."
        )


@dataclass
class MigrationNotPossible(Exception):
    """A migration is for a cluster that starts with it."""

    devices: int
    license_files: int
    migration_id: str | None

    def __str__(self) -> str:
        if self.migration_id:
            return f"The cluster was migrated already (migration {self.migration_id}). GET its migration; a cluster is migrated once."
        return (
            f"The cluster has {self.devices} devices and {self.license_files} license files; "
            "a migration is for a cluster that has neither. Migrate into a new cluster."
        )


@dataclass
class InvalidInventory(Exception):
    """The inventory cannot be migrated as it stands. ``reasons``: at most twenty."""

    reasons: tuple[str, ...]
    reasons_total: int

    def __str__(self) -> str:
        return f"The inventory cannot be migrated: {'; '.join(self.reasons)} ({self.reasons_total} in all). Correct it and send it again."


def invalid_inventory(reasons: Iterable[str]) -> InvalidInventory:
    found = list(reasons)
    return InvalidInventory(tuple(found[:_MOST_NAMES]), len(found))
