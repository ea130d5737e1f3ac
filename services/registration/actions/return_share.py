"""Take a share back into its order: its last file and all before it are void, and what remains grows by it."""

from services.registration.domain.delivery import returned_before
from services.registration.domain.order import Order
from services.registration.domain.returns import ReturnedShare, check_return, voided_by_returns
from services.registration.store import deliveries, files, orders, record, returns
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def return_share(tx: Transaction, license_file_id: str, reason: str) -> tuple[ReturnedShare, Order, tuple[str, ...]]:
    """What went back, the order after it, and every file that is void by it.

    Raises NotFound, AlreadyRehosted, AlreadyReturned, MigrationNotReturnable, OrderExpired, ReturnLimitReached.
    """
    file = await files.lock_file(tx, license_file_id)
    if file is None:
        raise NotFound("license file", license_file_id)
    order = await orders.find_order(tx, file.order_id, lock=True)
    assert order is not None
    voided = voided_by_returns(await returns.returned_files(tx, order.order_id))
    check_return(file, order, voided, tx.now.date())
    back = ReturnedShare(
        license_file_id=license_file_id,
        order_id=order.order_id,
        share=file.share,
        nodes=file.nodes,
        units=file.units,
        reason=reason,
        returned_by=tx.caller,
        returned_at=tx.now,
    )
    await returns.add_returned_share(tx, back)
    await record.keep(tx, "share_returned", order.order_id, at=back.returned_at, license_file_id=license_file_id, reason=reason)
    await deliveries.give_up_waiting(tx, license_file_id, returned_before())
    return back, await orders.give_back(tx, order.order_id, back.nodes, back.units), (license_file_id, *file.voids)
