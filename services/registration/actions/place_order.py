"""Take an order down. It is worth nothing until it is approved."""

from services.registration.domain.order import Order, check_order
from services.registration.store import orders
from shared.contracts.bodies.registration import NewOrder
from shared.kit.transaction import Transaction


async def place_order(tx: Transaction, wanted: NewOrder) -> Order:
    """Raises EmptyOrder, UnsupportedVersion, ExpiryPassed."""
    check_order(wanted.product_version, wanted.nodes, wanted.units, wanted.expires, tx.now.date())
    return await orders.add_order(
        tx,
        **wanted.model_dump(),
        status="requested",
        split_allowed=False,
        requested_by=tx.caller,
        requested_at=tx.now,
    )
