"""Every way in which the ledger says no. A ``Refusal`` is a decision about units: it is remembered and told to whoever listens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

_MOST_NAMES = 20


def counted(number: int, thing: str) -> str:
    """A number of things, in English: ``1 unit``, ``2 units``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(shown: Sequence[str], total: int, separator: str = ", ") -> str:
    """The first of ``total`` things, and how many more there are."""
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    return separator.join(shown) + more


@dataclass(frozen=True, slots=True)
class WayOut:
    """Something that would help. ``action``: remove_ghosts, return, remove, order, install or change_policy; ``units``: of how many units.

    ``measured_at``: when what it says was true, where that was not this moment.
    """

    action: str
    units: int
    text: str
    measured_at: datetime | None = None


class NotDone(Exception):
    """A check-out or check-in that came to nothing, for whatever reason; everything is as it was."""


class Refusal(NotDone):
    """A check-out that is refused. ``rule`` is the slug of its problem; ``asked`` the units that it wanted, ``free`` what there was."""

    rule: ClassVar[str]
    asked: int
    free: int


class UnitsLacking(Refusal):
    """A refusal for want of units, which says what would make room; see ``ways_out.py``."""

    feature: str
    ways_out: tuple[WayOut, ...]

    @property
    def numbered(self) -> str:
        return " ".join(f"{number}. {way.text}" for number, way in enumerate(self.ways_out, 1))


@dataclass
class UnitsExhausted(UnitsLacking):
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
            f"{self.feature}: {self.asked} asked for, {self.free} free ({self.authorized} authorized, "
            f"{self.overdraft_allowed} more allowed as overdraft, {self.used} used). Ways out: {self.numbered}"
        )


@dataclass
class ProvisioningFrozen(Refusal):
    """The cluster was migrated and its real license file is not installed: only what the migration counted is admitted.

    ``device_type`` is None where a node was refused.
    """

    rule: ClassVar[str] = "provisioning-frozen"

    asked: int
    device_type: str | None
    covered: int
    held: int
    free: int = field(default=0, kw_only=True)
    ways_out: tuple[WayOut, ...] = (
        WayOut("install", 0, "Paste the migration file into License Registration and install the license file that it yields."),
    )

    def __str__(self) -> str:
        what = (
            counted(self.covered, "node") if self.device_type is None else f"{counted(self.covered, 'device')} of type {self.device_type}"
        )
        return (
            f"The migration counted {what} and the cluster has {self.held}; no more are added before the real license file is installed. "
            f"{self.ways_out[0].text}"
        )


@dataclass
class SoftwareLicenseMissing(Refusal):
    """From 6.x on new check-outs need a software license of the cluster's major version."""

    rule: ClassVar[str] = "software-license-missing"

    asked: int
    major: int
    licensed_major: int | None
    ways_out: tuple[WayOut, ...]
    free: int = field(default=0, kw_only=True)

    def __str__(self) -> str:
        reaches = f"its software license (SW_FEATURE) only reaches {self.licensed_major}.x"
        lacks = reaches if self.licensed_major else "has no software license (SW_FEATURE)"
        return f"The cluster runs {self.major}.x and {lacks}. {self.ways_out[0].text}"


def software_license_missing(asked: int, major: int, licensed_major: int, *, free: int = 0) -> SoftwareLicenseMissing:
    way = WayOut("install", 1, f"Install a license file with a SW_FEATURE line of {major}.x.")
    return SoftwareLicenseMissing(asked, major, licensed_major or None, (way,), free=free)


@dataclass
class AtomicRefused(Exception):
    """Of many commands that were to be done together some could not: none was. ``first``: what the first of those said."""

    refused: int
    of: int
    first: str

    def __str__(self) -> str:
        return f"{self.refused} of {counted(self.of, 'device')} would be refused, so nothing was changed. The first: {self.first}"


@dataclass
class UnknownDeviceType(NotDone):
    """Types that stand in no catalogue. ``device_types``: at most twenty of them, sorted."""

    device_types: tuple[str, ...]
    total: int

    def __str__(self) -> str:
        return f"Not in the catalogue: {listed(self.device_types, self.total)}. See GET /v1/device-types, or add a local type."


def unknown_device_types(names: Iterable[str]) -> UnknownDeviceType:
    """The error for ``names``, with no more of them than one reads."""
    found = sorted(set(names))
    return UnknownDeviceType(tuple(found[:_MOST_NAMES]), len(found))


@dataclass
class CatalogueMissing(NotDone):
    """The catalogue of unit prices has not arrived yet."""

    def __str__(self) -> str:
        return "The unit catalogue has not arrived from the calculator yet, so nothing can be priced. Nothing was changed; try again."


@dataclass
class AdjunctNotPossible(NotDone):
    """This device can never be that adjunct: the request itself is wrong."""

    device: str
    device_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.device!r} cannot be an adjunct: {self.reason}. Leave adjunct_of out to check it out at its full price."


@dataclass
class AdjunctConflict(NotDone):
    """This device cannot be that adjunct as things stand."""

    device: str
    adjunct_of: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.device!r} cannot be an adjunct of {self.adjunct_of!r}: {self.reason}. "
            "Name another primary, or leave adjunct_of out to check it out at its full price."
        )


@dataclass
class PrimaryOfAdjunct(NotDone):
    """Adjuncts point to the device. ``adjuncts``: at most twenty of them, sorted; ``costly``: because they cost more than it then would."""

    device: str
    adjuncts: tuple[str, ...]
    total: int
    reason: str
    costly: bool

    def __str__(self) -> str:
        price = " of a higher price" if self.costly else ""
        point, those = (f"an adjunct{price} points", "that") if self.total == 1 else (f"adjuncts{price} point", "those")
        names = listed(self.adjuncts, self.total)
        return f"{self.device!r} {self.reason} while {point} to it: {names}. Remove or change {those} first."


def primary_of_adjunct(device: str, adjuncts: Iterable[str], reason: str, *, costly: bool = False) -> PrimaryOfAdjunct:
    """The error for ``adjuncts``, with no more of them than one reads; ``reason``: what the device cannot do or become."""
    found = sorted(adjuncts)
    return PrimaryOfAdjunct(device, tuple(found[:_MOST_NAMES]), len(found), reason, costly)


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
            f"The cluster has {counted(self.devices, 'device')} and {counted(self.license_files, 'license file')}; "
            "a migration is for a cluster that has neither. Migrate into a new cluster."
        )


@dataclass
class InvalidInventory(Exception):
    """The inventory cannot be migrated as it stands. ``reasons``: at most twenty."""

    reasons: tuple[str, ...]
    reasons_total: int

    def __str__(self) -> str:
        reasons = listed(self.reasons, self.reasons_total, "; ")
        return f"The inventory cannot be migrated: {reasons}. Correct it and send it again."


def invalid_inventory(reasons: Iterable[str]) -> InvalidInventory:
    found = list(reasons)
    return InvalidInventory(tuple(found[:_MOST_NAMES]), len(found))


@dataclass
class InvalidHead(Exception):
    """What was given as a journal's head is none."""

    expected_head: str

    def __str__(self) -> str:
        return f"{self.expected_head!r} is no head of a journal. Give the `head` of a verification: a number, a colon and 64 digits."
