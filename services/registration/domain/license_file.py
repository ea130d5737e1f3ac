"""License files: what their lines say, under which id they are made, and who may replace whom.

Must not be broken: a re-host changes the host id and nothing else of what is licensed, and a file has at most one successor.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.registration.domain.order import Order
from shared.license_file.composing import license_line
from shared.license_file.features import CCM_NODE, PHONE_UNIT, SOFTWARE_MAJOR, SW_FEATURE, major_of
from shared.license_file.lines import LicenseLine

MOST_VOIDED = 200
"""Files that one file voids: each stands in every line of it, and a file has a largest size."""


State = Literal["current", "replaced", "returned"]


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """A license file as made. ``replaces``: the one it was made from in a re-host; ``replaced_by``: the one made from it.

    ``voids``: every file that grants nothing beside it: those that it replaces, the direct one first, and returned ones.
    ``key_id``: of the key that signed it.
    """

    license_file_id: str
    order_id: int
    share: int
    nodes: int
    units: int
    overdraft_units: int
    mac: str
    original_mac: str
    email: str
    replaces: str | None
    reason: str | None
    sha256: str
    made_by: str
    made_at: datetime
    key_id: str
    voids: tuple[str, ...] = ()
    replaced_by: str | None = None
    returned_at: datetime | None = None

    def __post_init__(self) -> None:
        assert self.nodes > 0 or self.units > 0  # paired with CHECK license_file_not_empty
        assert self.replaces is None or self.reason is not None  # paired with CHECK license_file_rehost_has_reason
        assert self.replaces is None or self.voids[0] == self.replaces  # paired with CHECK license_file_replaces_first
        assert len(self.voids) <= MOST_VOIDED  # paired with CHECK license_file_voids_limited
        assert self.license_file_id not in self.voids  # paired with CHECK license_file_voids_others

    @property
    def file_name(self) -> str:
        return f"{self.license_file_id}.lic"

    @property
    def state(self) -> State:
        """What the desk knows of it: ``current`` until a re-host replaces it or its share goes back to the order."""
        if self.replaced_by is not None:
            return "replaced"
        return "current" if self.returned_at is None else "returned"


@dataclass(frozen=True, slots=True)
class Content:
    """What a license file is to say. ``replaces``: the file that it is made from in a re-host; ``voids``: that one and all others."""

    share: int
    nodes: int
    units: int
    overdraft_units: int
    mac: str
    original_mac: str
    replaces: str | None = None
    voids: tuple[str, ...] = ()


@dataclass
class AlreadyRehosted(Exception):
    """The file was replaced before; ``successor`` is the file that did it."""

    license_file_id: str
    successor: str

    def __str__(self) -> str:
        return f"License file {self.license_file_id} was replaced by {self.successor} already. Use that one instead."


@dataclass
class SameMac(Exception):
    """The file is bound to this MAC already, and the current key signed it."""

    license_file_id: str
    mac: str

    def __str__(self) -> str:
        return (
            f"License file {self.license_file_id} is bound to {self.mac} already and signed with the current key. "
            "Download it, or name the MAC of the new server."
        )


@dataclass
class RehostLimitReached(Exception):
    """The license changed its server too often for one more file to be named as void in it."""

    license_file_id: str
    voided: int
    most_voided: int = MOST_VOIDED

    def __str__(self) -> str:
        return (
            f"License file {self.license_file_id} and the {self.voided} files that it voids would all have to stand in the new file, "
            f"which may name {self.most_voided}. Place a new order for this server."
        )


@dataclass
class AlreadyReturned(Exception):
    """The file's share went back to its order; what was made from it since is another file."""

    license_file_id: str
    returned_at: datetime

    def __str__(self) -> str:
        return (
            f"The share of license file {self.license_file_id} went back to its order on {self.returned_at:%Y-%m-%d %H:%M:%S} UTC. "
            "Register what remains of the PAK instead: the new file voids this one."
        )


def overdraft_of(units: int, percent: int) -> int:
    """Units allowed beyond ``units``: so many percent of them, rounded down."""
    return units * percent // 100


def check_current(file: LicenseFile) -> None:
    """Is this the file of its share? Raises AlreadyRehosted, AlreadyReturned."""
    if file.replaced_by is not None:
        raise AlreadyRehosted(file.license_file_id, file.replaced_by)
    if file.returned_at is not None:
        raise AlreadyReturned(file.license_file_id, file.returned_at)


def rehosted(file: LicenseFile, mac: str, key_id: str) -> Content:
    """What ``file`` says for another ``mac``, or for its own signed with another key. ``key_id``: of the key that would sign.

    Raises AlreadyRehosted, AlreadyReturned, SameMac, RehostLimitReached.
    """
    check_current(file)
    if file.mac == mac and file.key_id == key_id:
        raise SameMac(file.license_file_id, mac)
    if len(file.voids) >= MOST_VOIDED:
        raise RehostLimitReached(file.license_file_id, len(file.voids))
    return Content(
        share=file.share,
        nodes=file.nodes,
        units=file.units,
        overdraft_units=file.overdraft_units,
        mac=mac,
        original_mac=file.original_mac,
        replaces=file.license_file_id,
        voids=(file.license_file_id, *file.voids),
    )


def next_id(now: datetime, taken: Collection[str]) -> str:
    """The LicFileID of ``now`` (yyyyMMddHHmmssSSS, UTC), or of the next millisecond that is not ``taken``."""
    at = now
    while (found := id_of(at)) in taken:
        at += timedelta(milliseconds=1)
    return found


def id_of(at: datetime) -> str:
    """A moment as 17 digits."""
    return f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}"


def lines_of(order: Order, content: Content, license_file_id: str) -> list[LicenseLine]:
    """The unsigned lines: nodes, units, and from 6.x on the software license.

    SW_FEATURE has no order count: an order does not hold software licenses, every file of it brings one.
    """
    wanted = [(CCM_NODE, content.nodes, 0, order.nodes), (PHONE_UNIT, content.units, content.overdraft_units, order.units)]
    found: list[tuple[str, int, int, int | None]] = [line for line in wanted if line[1]]
    if major_of(order.product_version) >= SOFTWARE_MAJOR:
        found.append((SW_FEATURE, 1, 0, None))
    return [
        license_line(
            feature=feature,
            version=order.product_version,
            units=units,
            mac=content.mac,
            license_file_id=license_file_id,
            license_line_id=number,
            original_mac=content.original_mac,
            pak=order.pak or "",
            order_count=order_count,
            replaces=content.voids,
            migration_id=order.migration_id,
            overdraft_units=overdraft_units,
            expiry=order.expires,
        )
        for number, (feature, units, overdraft_units, order_count) in enumerate(found, start=1)
    ]


def comment_of(order: Order, content: Content) -> str:
    """The comment above the lines, for people: nothing in it is signed."""
    origin = f"migration {order.migration_id}, order {order.order_id}" if order.migration_id else f"order {order.order_id}"
    parts = f"{content.nodes} of {order.nodes} nodes, {content.units} of {order.units} units"
    replaced = f"\nreplaces {content.replaces}" if content.replaces else ""
    return f"{origin}, share {content.share}: {parts}{replaced}"
