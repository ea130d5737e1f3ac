"""Have a license file sent: with the transaction that makes it, and again whenever the vendor wants."""

from services.registration.actions.desk import Desk
from services.registration.domain.delivery import Delivery, MailIsOff, ReplacedBeforeDelivery
from services.registration.domain.license_file import AlreadyReturned
from services.registration.store import deliveries, files, record
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def send_again(tx: Transaction, desk: Desk, license_file_id: str, email: str | None, reason: str | None) -> Delivery:
    """A delivery that is due now, to ``email`` or to the address of the file.

    Raises NotFound, MailIsOff, AlreadyReturned, ReplacedBeforeDelivery.
    """
    file = await files.lock_file(tx, license_file_id)
    if file is None:
        raise NotFound("license file", license_file_id)
    if not desk.mails:
        raise MailIsOff(license_file_id)
    if file.returned_at is not None:
        raise AlreadyReturned(license_file_id, file.returned_at)
    if file.replaced_by is not None:
        raise ReplacedBeforeDelivery(license_file_id, file.replaced_by)
    delivery = await deliveries.add_delivery(tx, license_file_id, email or file.email, reason)
    await record.keep(tx, "delivery_requested", file.order_id, at=tx.now, license_file_id=license_file_id, reason=reason)
    return delivery
