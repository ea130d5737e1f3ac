"""A 4.x inventory is covered by a provisional grant, and the cluster frozen until the real license file is installed."""

from dataclasses import dataclass, replace
from uuid import uuid4

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import migrated
from services.ledger.domain.inventory_rows import RatedType, Tally
from services.ledger.domain.migration import Coverage, check_may_migrate, cover
from services.ledger.domain.refusals import unknown_device_types
from services.ledger.domain.transitions import Limits
from services.ledger.store import catalogue, clusters, devices, migrations
from shared.kit.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a cluster of 4.x has: nodes, and devices either by type, which must be known, or by rows."""

    from_version: str
    to_version: str
    nodes: int
    devices: tuple[tuple[str, int], ...] | Tally


async def start_migration(tx: Transaction, limits: Limits, cluster: str, wanted: Inventory, *, refuse_unknown: bool) -> None:
    """All in one transaction. ``refuse_unknown``: also of rows every model must be known.

    Raises NotFound, CatalogueMissing, UnknownDeviceType, InvalidInventory, MigrationNotPossible, MajorLowered.
    """
    before = await clusters.lock(tx, cluster)
    check_may_migrate(before, await devices.count(tx, cluster))
    migration_id = uuid4().hex
    if isinstance(wanted.devices, Tally):
        types = await catalogue.all_types(tx)
        coverage = _of_rows(cluster, migration_id, wanted, wanted.devices, types, refuse_unknown=refuse_unknown)
    else:
        prices = await devices.prices_of(tx, [name for name, _ in wanted.devices])
        coverage = cover(cluster, migration_id, (wanted.from_version, wanted.to_version), wanted.nodes, wanted.devices, prices)
    after = migrated(before, migration_id, coverage.nodes, coverage.units, coverage.to_version)
    await record_change(tx, limits, before, after)
    await migrations.keep(tx, cluster, coverage)


def _of_rows(cluster: str, migration_id: str, wanted: Inventory, tally: Tally, types: list[RatedType], *, refuse_unknown: bool) -> Coverage:
    found = tally.sorted_by(types)
    if found.unknown and refuse_unknown:
        raise unknown_device_types(f"{model.model} ({model.devices})" for model in found.unknown)
    versions, prices = (wanted.from_version, wanted.to_version), {rated.device_type: rated.units for rated in types}
    coverage = cover(cluster, migration_id, versions, wanted.nodes, found.counts, prices, found.unknown)
    return replace(coverage, rows=tally.rows, repeated_rows=tally.repeated, first_repeated_rows=tuple(tally.first_repeated))
