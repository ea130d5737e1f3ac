"""What a 4.x inventory is covered with: existing devices and nodes, counted and priced."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.ledger.domain.cluster import Cluster, major_of
from services.ledger.domain.refusals import MigrationNotPossible, invalid_inventory, unknown_device_types
from shared.license_file.migration_file import InvalidMigrationFile, MigrationFile, write

FIRST_LICENSED_MAJOR = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """``types``: (device type, devices, units each), by name; together they need ``units``."""

    from_version: str
    to_version: str
    nodes: int
    types: tuple[tuple[str, int, int], ...]

    @property
    def units(self) -> int:
        return sum(count * units_each for _, count, units_each in self.types)


def check_may_migrate(cluster: Cluster, devices: int) -> None:
    """Raises MigrationNotPossible for a cluster that has devices or files, or was migrated."""
    files = len(cluster.grants.files)
    if devices or files or cluster.migration_id:
        raise MigrationNotPossible(devices, files, cluster.migration_id)


def cover(
    cluster: str,
    migration_id: str,
    versions: tuple[str, str],
    nodes: int,
    counts: Iterable[tuple[str, int]],
    prices: Mapping[str, int],
) -> Coverage:
    """Price an inventory; a type named twice is counted together, one without devices is left out.

    Raises UnknownDeviceType, InvalidInventory: also for what no migration file could say.
    """
    from_version, to_version = versions
    devices: Counter[str] = Counter()
    for device_type, count in counts:
        devices[device_type] += count
    if missing := [name for name in devices if name not in prices]:
        raise unknown_device_types(missing)
    types = tuple((name, count, prices[name]) for name, count in sorted(devices.items()) if count)
    if not major_of(from_version) < FIRST_LICENSED_MAJOR <= major_of(to_version):
        raise invalid_inventory([f"a migration leads from 4.x to 5.x or later, not from {from_version} to {to_version}"])
    try:
        write(MigrationFile(migration_id, cluster, from_version, to_version, nodes, types))
    except InvalidMigrationFile as refused:
        raise invalid_inventory(refused.reasons) from refused
    return Coverage(from_version, to_version, nodes, types)
