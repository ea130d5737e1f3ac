"""License files: what their lines say, under which id they are made, and who may replace whom.

Must not be broken: a re-host changes the host id and nothing else of what is licensed, and a file has at most one successor.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.domain.order import Order
from shared.license_file.composing import license_line
from shared.license_file.features import CCM_NODE, PHONE_UNIT, SOFTWARE_MAJOR, SW_FEATURE, major_of
from shared.license_file.lines import LicenseLine

MOST_REHOSTS = 100
"""Of one license, one after the other: every ancestor stands in the file, which has a largest size."""


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """A license file as made. ``replaces``: the one it was made from in a re-host; ``replaced_by``: the one made from it."""

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
    replaced_by: str | None = None

    def __post_init__(self) -> None:
        assert self.nodes > 0 or self.units > 0  # paired with CHECK license_file_not_empty
        assert self.replaces is None or self.reason is not None  # paired with CHECK license_file_rehost_has_reason

    @property
    def file_name(self) -> str:
        return f"{self.license_file_id}.lic"


@dataclass(frozen=True, slots=True)
class Content:
    """What a license file is to say. ``ancestors``: the files it replaces, the direct one first."""

    share: int
    nodes: int
    units: int
    overdraft_units: int
    mac: str
    original_mac: str
    ancestors: tuple[str, ...] = ()


@dataclass
class AlreadyRehosted(Exception):
    """The file was replaced before; ``successor`` is the file that did it."""

    license_file_id: str
    successor: str

    def __str__(self) -> str:
        return f"License file {self.license_file_id} was replaced by {self.successor} already. Re-host that one instead."


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
    """The license changed its server too often for one more ancestor to stand in the file."""

    license_file_id: str
    rehosts: int

    def __str__(self) -> str:
        return (
            f"The license in {self.license_file_id} was re-hosted {self.rehosts} times, which is the limit. "
            "Place a new order for this server."
        )


def overdraft_of(units: int, percent: int) -> int:
    """Units allowed beyond ``units``: so many percent of them, rounded down."""
    return units * percent // 100


def check_rehost(file: LicenseFile, ancestors: Collection[str], mac: str, *, of_current_key: bool) -> None:
    """May ``file`` be made again for ``mac``? For its own MAC only to sign it with a newer key.

    Raises AlreadyRehosted, SameMac, RehostLimitReached.
    """
    if file.replaced_by is not None:
        raise AlreadyRehosted(file.license_file_id, file.replaced_by)
    if file.mac == mac and of_current_key:
        raise SameMac(file.license_file_id, mac)
    if len(ancestors) >= MOST_REHOSTS:
        raise RehostLimitReached(file.license_file_id, len(ancestors))


def ancestors_of(license_file_id: str, replacements: Mapping[str, str]) -> tuple[str, ...]:
    """The files that this one replaces, the direct one first. ``replacements``: what each re-host replaced."""
    found: list[str] = []
    while (license_file_id := replacements.get(license_file_id, "")) != "":
        found.append(license_file_id)
    return tuple(found)


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
            replaces=content.ancestors,
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
    replaced = f"\nreplaces {content.ancestors[0]}" if content.ancestors else ""
    return f"{origin}, share {content.share}: {parts}{replaced}"
