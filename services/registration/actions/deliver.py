"""Hand license files to the mail server: take what is due, and write down what became of it. The handing over lies between the two.

Must not be broken: no transaction is open while the mail server is talked to. What was taken and never settled, because the process
ended, is due again when its lease is over; so a mail is sent at least once, and the same mail when it is sent twice. A file that was
replaced or whose share went back does not leave.
"""

from datetime import timedelta

from services.registration.domain.delivery import Delivery, Outcome, Verdict, after, replaced_before, returned_before
from services.registration.domain.license_file import LicenseFile
from services.registration.domain.mail import Letter
from services.registration.store import deliveries, files, orders
from shared.kit.transaction import Transaction


async def take_due(tx: Transaction, count: int, lease: timedelta) -> list[Letter]:
    """Up to ``count`` letters, which nobody else gets before the lease is over. What became void while it was sent ends here."""
    letters = []
    for delivery in await deliveries.claim_due(tx, count, lease):
        file = await files.find_file(tx, delivery.license_file_id)
        assert file is not None
        if why := _why_void(file):
            await deliveries.withdraw(tx, delivery, why)
        else:
            letters.append(await _letter(tx, delivery, file))
    return letters


def _why_void(file: LicenseFile) -> str:
    """Why a file must not leave any more; "" where it may."""
    if file.replaced_by is not None:
        return replaced_before(file.replaced_by)
    return returned_before() if file.returned_at is not None else ""


async def _letter(tx: Transaction, delivery: Delivery, file: LicenseFile) -> Letter:
    content = await files.content_of(tx, file.license_file_id)
    order = await orders.find_order(tx, file.order_id)
    assert content is not None
    assert order is not None
    return Letter(delivery, order, file, content)


async def settle(tx: Transaction, letter: Letter, verdict: Verdict) -> Outcome | None:
    """How the delivery goes on; None when the lease was over before, and somebody else's word counts."""
    outcome = after(letter.delivery.attempts, verdict, tx.now)
    return outcome if await deliveries.settle(tx, letter.delivery, outcome) else None
