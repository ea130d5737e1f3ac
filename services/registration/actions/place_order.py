"""Take an order down. It is worth nothing until it is approved."""

from services.registration.domain.order import Order, check_order
from services.registration.store import orders, record
from shared.contracts.bodies.registration import NewOrder
from shared.kit.transaction import Transaction


async def place_order(tx: Transaction, wanted: NewOrder) -> Order:
    """Raises EmptyOrder, UnsupportedVersion, ExpiryPassed."""
    check_order(wanted.product_version, wanted.nodes, wanted.units, wanted.expires, tx.now.date())
    order = await orders.add_order(
        tx,
        **wanted.model_dump(exclude={"reason"}),
        status="requested",
        split_allowed=False,
        requested_by=tx.caller,
        requested_at=tx.now,
    )
    await record.keep(tx, "order_requested", order.order_id, at=order.requested_at, reason=wanted.reason)
    return order
