"""Hand license files to the mail server: take what is due, and write down what became of it. The handing over lies between the two.

Must not be broken: no transaction is open while the mail server is talked to. What was taken and never settled, because the process
ended, is due again when its lease is over; so a mail is sent at least once, and the same mail when it is sent twice.
"""

from datetime import timedelta

from services.registration.domain.delivery import Outcome, Verdict, after
from services.registration.domain.mail import Letter
from services.registration.store import deliveries, files, orders
from shared.kit.transaction import Transaction


async def take_due(tx: Transaction, count: int, lease: timedelta) -> list[Letter]:
    """Up to ``count`` letters, which nobody else gets before the lease is over."""
    letters = []
    for delivery in await deliveries.claim_due(tx, count, lease):
        file = await files.find_file(tx, delivery.license_file_id)
        content = await files.content_of(tx, delivery.license_file_id)
        assert file is not None
        assert content is not None
        order = await orders.find_order(tx, file.order_id)
        assert order is not None
        letters.append(Letter(delivery, order, file, content))
    return letters


async def settle(tx: Transaction, letter: Letter, verdict: Verdict) -> Outcome | None:
    """How the delivery goes on; None when the lease was over before, and somebody else's word counts."""
    outcome = after(letter.delivery.attempts, verdict, tx.now)
    return outcome if await deliveries.settle(tx, letter.delivery, outcome) else None
