"""The desk's record: acts are added, and read; nothing else."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.registration.domain.desk_act import Act, DeskAct
from services.registration.tables import DeskActRow, OrderRow
from shared.kit.transaction import Transaction


async def keep(
    tx: Transaction, act: Act, order_id: int, *, at: datetime, license_file_id: str | None = None, reason: str | None = None
) -> None:
    """Write down what this transaction does, in the name of its caller. ``at``: the moment that stands in what it changed, too."""
    values = {"act": act, "order_id": order_id, "license_file_id": license_file_id, "reason": reason, "caller": tx.caller, "at": at}
    await tx.session.execute(insert(DeskActRow).values(values))


async def page_of_acts(
    tx: Transaction, *, order_id: int | None, pak: str | None, newest_first: bool, after: int | None, limit: int
) -> list[tuple[DeskAct, str | None]]:
    """``limit`` acts behind ``after`` in the order that is wanted, each with the PAK of its order; of one order, of one PAK, or all."""
    number = col(DeskActRow.act_id)
    chosen = select(DeskActRow, col(OrderRow.pak)).join(OrderRow, col(OrderRow.order_id) == col(DeskActRow.order_id))
    chosen = chosen.order_by(number.desc() if newest_first else number).limit(limit)
    if order_id is not None:
        chosen = chosen.where(col(DeskActRow.order_id) == order_id)
    if pak is not None:
        chosen = chosen.where(col(OrderRow.pak) == pak)
    if after is not None:
        chosen = chosen.where(number < after if newest_first else number > after)
    return [(DeskAct(**row.model_dump()), of_pak) for row, of_pak in await tx.session.execute(chosen)]
