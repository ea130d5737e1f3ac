"""Orders, and how much of each went into license files; a migration has an order of its own."""

from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.registration.domain.order import Order
from services.registration.store.locks import take_turn
from services.registration.tables import OrderRow
from shared.kit.transaction import Transaction


async def lock_migrations(tx: Transaction) -> None:
    """Let no other migration be registered until this transaction ends; they are rare."""
    await take_turn(tx, "migrations")


async def add_order(tx: Transaction, **values: Any) -> Order:
    """A new order; the store gives it its id."""
    statement = insert(OrderRow).values(registered_nodes=0, registered_units=0, shares=0, **values).returning(OrderRow)
    return Order(**(await tx.session.execute(statement)).scalar_one().model_dump())


async def _order(tx: Transaction, condition: ColumnElement[bool], lock: bool) -> Order | None:
    chosen = select(OrderRow).where(condition).execution_options(populate_existing=True)
    row = (await tx.session.scalars(chosen.with_for_update(key_share=True) if lock else chosen)).one_or_none()
    return Order(**row.model_dump()) if row else None


async def find_order(tx: Transaction, order_id: int, *, lock: bool = False) -> Order | None:
    return await _order(tx, col(OrderRow.order_id) == order_id, lock)


async def order_of_pak(tx: Transaction, pak: str, *, lock: bool = False) -> Order | None:
    return await _order(tx, col(OrderRow.pak) == pak, lock)


async def order_of_migration(tx: Transaction, migration_id: str) -> Order | None:
    return await _order(tx, col(OrderRow.migration_id) == migration_id, lock=True)


async def page_of_orders(tx: Transaction, after: int | None, limit: int) -> list[Order]:
    """``limit`` orders by id, behind ``after``."""
    chosen = select(OrderRow).order_by(col(OrderRow.order_id)).limit(limit)
    if after is not None:
        chosen = chosen.where(col(OrderRow.order_id) > after)
    return [Order(**row.model_dump()) for row in await tx.session.scalars(chosen)]


async def approve(tx: Transaction, order: Order, pak: str | None, split_allowed: bool) -> Order:
    """Approve ``order``, which is locked; None of a PAK for a migration."""
    values = {"status": "approved", "pak": pak, "split_allowed": split_allowed, "approved_by": tx.caller, "approved_at": tx.now}
    changed = update(OrderRow).where(col(OrderRow.order_id) == order.order_id).values(values).returning(OrderRow)
    row = await tx.session.execute(changed.execution_options(populate_existing=True))
    return Order(**row.scalar_one().model_dump())


async def take_share(tx: Transaction, order_id: int, nodes: int, units: int) -> None:
    """Count a share of the locked order as registered; the CHECKs hold the sum within the order."""
    taken = {
        "registered_nodes": col(OrderRow.registered_nodes) + nodes,
        "registered_units": col(OrderRow.registered_units) + units,
        "shares": col(OrderRow.shares) + 1,
    }
    await tx.session.execute(update(OrderRow).where(col(OrderRow.order_id) == order_id).values(taken))


async def give_back(tx: Transaction, order_id: int, nodes: int, units: int) -> Order:
    """Count a returned share of the locked order as remaining again; the order after it."""
    back = {"registered_nodes": col(OrderRow.registered_nodes) - nodes, "registered_units": col(OrderRow.registered_units) - units}
    changed = update(OrderRow).where(col(OrderRow.order_id) == order_id).values(back).returning(OrderRow)
    row = await tx.session.execute(changed.execution_options(populate_existing=True))
    return Order(**row.scalar_one().model_dump())


async def given_free(tx: Transaction, source_cluster: str) -> tuple[int, int]:
    """Nodes and units of all approved migrations of a source cluster."""
    sums = select(func.coalesce(func.sum(col(OrderRow.nodes)), 0), func.coalesce(func.sum(col(OrderRow.units)), 0))
    ours = sums.where(col(OrderRow.source_cluster) == source_cluster, col(OrderRow.status) == "approved")
    nodes, units = (await tx.session.execute(ours)).one()
    return int(nodes), int(units)
