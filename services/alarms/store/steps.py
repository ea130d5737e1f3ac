"""What people and time did to alarms."""

from uuid import UUID

from sqlalchemy import insert, select
from sqlmodel import col

from services.alarms.domain.step import Step, StepWord
from services.alarms.tables import AlarmStepRow
from shared.kit.transaction import Transaction


async def add(tx: Transaction, alarm_id: UUID, step: StepWord, text: str | None) -> None:
    """Keep a step of the caller's, or of the timer's that runs."""
    await tx.session.execute(insert(AlarmStepRow).values(alarm_id=alarm_id, step=step, at=tx.now, by=tx.caller, text=text))


async def page_of(tx: Transaction, alarm_id: UUID, after: int, limit: int) -> list[tuple[int, Step]]:
    """``limit`` steps of an alarm behind a sequence, the oldest first, each with its sequence."""
    row = AlarmStepRow
    chosen = select(row).where(col(row.alarm_id) == alarm_id, col(row.sequence) > after).order_by(col(row.sequence)).limit(limit)
    return [(one.sequence, Step(one.step, one.at, one.by, one.text)) for one in await tx.session.scalars(chosen)]  # type: ignore[arg-type]
