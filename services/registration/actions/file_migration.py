"""Take a migration down as an order free of charge: a small one is approved at once, a large one waits for the vendor.

Doing it again changes nothing, so that the same migration file is registered by the same call before and after the approval.
"""

from services.registration.domain.migration import (
    MigrationAlreadyRegistered,
    MigrationAwaitsApproval,
    MigrationFileChanged,
    read_migration,
)
from services.registration.domain.order import Order
from services.registration.settings import RegistrationSettings
from services.registration.store import files, orders
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac
from shared.license_file.migration_file import MigrationFile


async def file_migration(tx: Transaction, settings: RegistrationSettings, migration_file: str, mac: str, email: str) -> Order:
    """The approved order of a migration, locked together with all migrations.

    Raises InvalidMac, MigrationFileRefused, UnsupportedVersion, MigrationAlreadyRegistered, MigrationFileChanged, and
    MigrationAwaitsApproval: then the order is kept.
    """
    host = normalize_mac(mac)
    migration, product_version = read_migration(migration_file)
    await orders.lock_migrations(tx)
    order = await orders.order_of_migration(tx, migration.migration_id)
    if order is None:
        if made := await files.free_file(tx, migration.migration_id, migration.source_cluster, host):
            raise MigrationAlreadyRegistered(migration.migration_id, migration.source_cluster, made.license_file_id)
        order = await _add(tx, migration, product_version, email)
    elif order.migration_digest != migration.digest and not order.shares:
        raise MigrationFileChanged(migration.migration_id, str(order.order_id))
    if order.status == "approved":
        return order
    given_nodes, given_units = await orders.given_free(tx, migration.source_cluster)
    waits = MigrationAwaitsApproval(
        migration_id=migration.migration_id,
        order_id=str(order.order_id),
        nodes=migration.nodes,
        units=migration.total_units,
        given_nodes=given_nodes,
        given_units=given_units,
        threshold_nodes=settings.migration_approval_nodes,
        threshold_units=settings.migration_approval_units,
        unknown_devices=sum(devices for _, devices in migration.unknown_models),
    )
    if waits.is_above_threshold:
        raise waits
    return await orders.approve(tx, order, None, False)


async def _add(tx: Transaction, migration: MigrationFile, product_version: str, email: str) -> Order:
    return await orders.add_order(
        tx,
        customer=migration.source_cluster,
        email=email,
        product_version=product_version,
        nodes=migration.nodes,
        units=migration.total_units,
        split="denied",
        status="requested",
        split_allowed=False,
        migration_id=migration.migration_id,
        source_cluster=migration.source_cluster,
        migration_digest=migration.digest,
        unknown_models=[list(unknown) for unknown in migration.unknown_models],
        requested_by=tx.caller,
        requested_at=tx.now,
    )
