"""A 4.x inventory is covered by a provisional grant, and the cluster frozen until the real license file is installed."""

from uuid import uuid4

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import check_changeable, migrated
from services.ledger.domain.migration import check_may_migrate, cover
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters, devices, migrations
from shared.contracts.bodies.ledger import NewMigration
from shared.kit.transaction import Transaction


async def start_migration(tx: Transaction, limits: Limits, cluster: str, wanted: NewMigration) -> None:
    """Raises NotFound, LicenseManagerStopped, CatalogueMissing, UnknownDeviceType, InvalidInventory, MigrationNotPossible, MajorLowered."""
    before = await clusters.lock(tx, cluster)
    check_changeable(before)
    check_may_migrate(before, await devices.count(tx, cluster))
    counts = [(device.device_type, device.count) for device in wanted.devices]
    prices = await devices.prices_of(tx, [name for name, _ in counts])
    migration_id = uuid4().hex
    coverage = cover(cluster, migration_id, (wanted.from_version, wanted.to_version), wanted.nodes, counts, prices)
    after = migrated(before, migration_id, coverage.nodes, coverage.units, coverage.to_version)
    await record_change(tx, limits, before, after)
    await migrations.keep(tx, cluster, coverage)
