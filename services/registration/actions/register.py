"""Make a license file from a share of a PAK, or the free one of a migration. The shares never exceed the order.

What was returned to the order is named in the new file as void, for it may be made from that rest.
"""

from services.registration.actions.desk import Desk
from services.registration.actions.issue_license_file import issue_license_file
from services.registration.domain.license_file import Content, LicenseFile, overdraft_of
from services.registration.domain.migration import MigrationAlreadyRegistered
from services.registration.domain.order import Order, next_share
from services.registration.domain.returns import voided_by_returns
from services.registration.store import files, orders, returns
from shared.contracts.bodies.registration import NewRegistration
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac


async def register_share(tx: Transaction, desk: Desk, wanted: NewRegistration) -> LicenseFile:
    """Raises InvalidMac, NotFound (the PAK), OrderExpired, EmptyShare, OrderExhausted, SplitNotAllowed."""
    assert wanted.pak is not None
    mac = normalize_mac(wanted.mac)
    order = await orders.order_of_pak(tx, wanted.pak.upper(), lock=True)
    if order is None:
        raise NotFound("PAK", wanted.pak)
    return await _make(tx, desk, order, wanted, mac)


async def register_migration(tx: Transaction, desk: Desk, order: Order, wanted: NewRegistration) -> LicenseFile:
    """``order`` is the migration's, approved and locked. Raises MigrationAlreadyRegistered."""
    assert order.migration_id is not None
    assert order.source_cluster is not None
    mac = normalize_mac(wanted.mac)
    if made := await files.free_file(tx, order.migration_id, order.source_cluster, mac):
        raise MigrationAlreadyRegistered(order.migration_id, order.source_cluster, made.license_file_id)
    return await _make(tx, desk, order, wanted, mac)


async def _make(tx: Transaction, desk: Desk, order: Order, wanted: NewRegistration, mac: str) -> LicenseFile:
    share = next_share(order, wanted.nodes, wanted.units, tx.now.date())
    await orders.take_share(tx, order.order_id, share.nodes, share.units)
    overdraft_units = overdraft_of(share.units, desk.overdraft_percent)
    voided = voided_by_returns(await returns.returned_files(tx, order.order_id))
    content = Content(share.number, share.nodes, share.units, overdraft_units, mac, mac, voids=voided)
    return await issue_license_file(tx, desk, order, content, wanted.email, wanted.reason)
