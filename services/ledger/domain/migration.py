"""What a 4.x inventory is covered with: existing devices and nodes, counted and priced."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.ledger.domain.cluster import Cluster, major_of
from services.ledger.domain.inventory_rows import UnknownModel
from services.ledger.domain.refusals import MigrationNotPossible, invalid_inventory, unknown_device_types
from shared.license_file.migration_file import InvalidMigrationFile, MigrationFile, write

FIRST_LICENSED_MAJOR = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """``types``: (device type, devices, units each), by name; together they need ``units``. Of an inventory by rows also how many there
    were, how many of them named a device again, and what stands in no catalogue."""

    from_version: str
    to_version: str
    nodes: int
    types: tuple[tuple[str, int, int], ...]
    unknown: tuple[UnknownModel, ...] = ()
    rows: int | None = None
    repeated_rows: int = 0
    first_repeated_rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert 0 <= self.repeated_rows <= (self.rows or 0)  # paired with CHECK migration_repeated_rows_among_rows

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
    unknown: tuple[UnknownModel, ...] = (),
) -> Coverage:
    """Price an inventory; a type named twice is counted together, one without devices is left out, an ``unknown`` model costs nothing.

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
        models = tuple((model.model, model.devices) for model in unknown)
        write(MigrationFile(migration_id, cluster, from_version, to_version, nodes, types, models))
    except InvalidMigrationFile as refused:
        raise invalid_inventory(refused.reasons) from refused
    return Coverage(from_version, to_version, nodes, types, unknown)
