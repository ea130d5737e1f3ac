"""Make a license file again for another server: same content, new host id, and every file named that it makes void."""

from services.registration.actions.desk import Desk
from services.registration.actions.issue_license_file import issue_license_file
from services.registration.domain.delivery import replaced_before
from services.registration.domain.license_file import LicenseFile, rehosted
from services.registration.domain.order import check_not_expired
from services.registration.store import deliveries, files, orders
from shared.contracts.bodies.registration import NewRehost
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac


async def rehost(tx: Transaction, desk: Desk, wanted: NewRehost) -> LicenseFile:
    """The successor. Raises InvalidMac, NotFound, AlreadyRehosted, AlreadyReturned, SameMac, RehostLimitReached, OrderExpired."""
    mac = normalize_mac(wanted.mac)
    file = await files.lock_file(tx, wanted.license_file_id)
    if file is None:
        raise NotFound("license file", wanted.license_file_id)
    content = rehosted(file, mac, desk.key.key_id)
    # Held, so that no statement of the order is made between the new file's instant and its commit.
    order = await orders.find_order(tx, file.order_id, lock=True)
    assert order is not None
    check_not_expired(order, tx.now.date())
    made = await issue_license_file(tx, desk, order, content, wanted.email, wanted.reason)
    await deliveries.give_up_waiting(tx, file.license_file_id, replaced_before(made.license_file_id))
    return made
