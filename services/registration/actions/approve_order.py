"""Approve an order, once: it gets its PAK, and whether that may be split is settled."""

import secrets

from services.registration.domain.order import Order, may_be_split
from services.registration.store import orders, record
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

# Without 0, 1, I and O, which people mistake when they type a PAK from paper.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAK_LENGTH = 10


async def approve_order(tx: Transaction, order_id: int, split_threshold_units: int, reason: str | None = None) -> Order:
    """The approved order; one that was approved before stays as it is. A migration gets no PAK. Raises NotFound."""
    order = await orders.find_order(tx, order_id, lock=True)
    if order is None:
        raise NotFound("order", str(order_id))
    if order.status == "approved":
        return order
    if order.migration_id is not None:
        return await approve_migration(tx, order, reason)
    split_allowed = may_be_split(order.split, order.units, split_threshold_units)
    return await _approved(tx, await orders.approve(tx, order, _new_pak(), split_allowed), reason)


async def approve_migration(tx: Transaction, order: Order, reason: str | None) -> Order:
    """The approved order of a migration, which is locked and was not approved before."""
    return await _approved(tx, await orders.approve(tx, order, None, False), reason)


async def _approved(tx: Transaction, order: Order, reason: str | None) -> Order:
    assert order.approved_at is not None  # paired with CHECK order_approval_recorded
    await record.keep(tx, "order_approved", order.order_id, at=order.approved_at, reason=reason)
    return order


def _new_pak() -> str:
    """50 random bits: nobody guesses one, and no two orders meet."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_PAK_LENGTH))
