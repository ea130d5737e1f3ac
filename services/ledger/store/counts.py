"""How many devices of each type and price a cluster has, kept by the statement that changes them.

Must not be broken: a cluster's counts change only while its pool is locked, by those who hold the lock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col

from services.ledger.domain.desk import Holding
from services.ledger.tables import DeviceRow, TypeCountRow
from shared.kit.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ReportedTypes:
    """Devices of one type that hold the same units each."""

    device_type: str
    devices: int
    units_each: int


def counting(moved: str) -> str:
    """The change of the counts, for a statement that has the cluster in ``headed``. ``moved``: a table of types, units and devices more."""
    return f"""
        INSERT INTO type_count AS known (cluster, device_type, units, devices)
        SELECT headed.cluster, moved.* FROM headed, {moved} AS moved
            ON CONFLICT (cluster, device_type, units) DO UPDATE SET devices = known.devices + excluded.devices
    """  # noqa: S608 -- constants


def moved(before: Mapping[str, Holding], gone: Iterable[str], put: Iterable[Holding]) -> tuple[list[str], list[int], list[int]]:
    """By how many devices each type and price has more or less than before."""
    counts: Counter[tuple[str, int]] = Counter()
    for holding in put:
        counts[holding.device_type, holding.units] += 1
        if (known := before.get(holding.device)) is not None:
            counts[known.device_type, known.units] -= 1
    for name in gone:
        counts[before[name].device_type, before[name].units] -= 1
    changed = [(*key, count) for key, count in counts.items() if count]
    return [name for name, _, _ in changed], [units for _, units, _ in changed], [count for _, _, count in changed]


async def types_of(tx: Transaction, cluster: str, used: int) -> Sequence[ReportedTypes]:
    """Devices by type and price, by name. ``used``: what they hold together by the pool."""
    found = await kept(tx, cluster)
    if sum(each.devices * each.units_each for each in found) == used:
        return found
    return await counted(tx, cluster)  # the release before, which counts nothing, still writes


async def kept(tx: Transaction, cluster: str) -> Sequence[ReportedTypes]:
    """The counts."""
    by = (col(TypeCountRow.device_type), col(TypeCountRow.units))
    ours = (col(TypeCountRow.cluster) == cluster, col(TypeCountRow.devices) != 0)
    rows = await tx.session.execute(select(*by, col(TypeCountRow.devices)).where(*ours).order_by(*by))
    return [ReportedTypes(device_type, devices, units) for device_type, units, devices in rows]


async def counted(tx: Transaction, cluster: str) -> Sequence[ReportedTypes]:
    """The same from the devices themselves: some 0.1 s for each million."""
    by = (col(DeviceRow.device_type), col(DeviceRow.units))
    rows = await tx.session.execute(select(*by, func.count()).where(col(DeviceRow.cluster) == cluster).group_by(*by).order_by(*by))
    return [ReportedTypes(device_type, devices, units) for device_type, units, devices in rows]
