"""Whom alarms are told."""

from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select, text, update
from sqlmodel import col

from services.alarms.domain.destination import Destination, Kind, Secret
from services.alarms.domain.schedule import Schedule
from services.alarms.tables import DestinationRow
from shared.kit.transaction import Transaction

_SCHEDULE = TypeAdapter(Schedule)
_SECRETS = TypeAdapter(tuple[Secret, ...])
_KEPT_AS_THEY_ARE = (
    "destination_id", "kind", "target", "minimum_severity", "after_minutes", "options", "enabled", "suspended", "comment",
    "created_by", "created_at", "changed_by", "changed_at",
)  # fmt: skip
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('alarms/destinations', 0))")


async def take_turn(tx: Transaction) -> None:
    """Let nobody else make a destination until this transaction ends: they are counted."""
    await tx.session.execute(_TAKE_TURN)


async def count(tx: Transaction) -> int:
    return await tx.session.scalar(select(func.count()).select_from(DestinationRow)) or 0


async def add(tx: Transaction, destination: Destination) -> None:
    await tx.session.execute(insert(DestinationRow).values(_values(destination)))


async def save(tx: Transaction, destination: Destination) -> None:
    ours = col(DestinationRow.destination_id) == destination.destination_id
    await tx.session.execute(update(DestinationRow).where(ours).values(_values(destination)))


async def remove(tx: Transaction, destination_id: UUID) -> None:
    await tx.session.execute(delete(DestinationRow).where(col(DestinationRow.destination_id) == destination_id))


async def suspend(tx: Transaction, destination_id: UUID, why: str) -> None:
    """Turn a destination off on our own account; one that is off already stays as it is."""
    ours = (col(DestinationRow.destination_id) == destination_id, col(DestinationRow.enabled))
    await tx.session.execute(update(DestinationRow).where(*ours).values(enabled=False, suspended=why))


async def find(tx: Transaction, destination_id: UUID, *, lock: bool = False) -> Destination | None:
    chosen = select(DestinationRow).where(col(DestinationRow.destination_id) == destination_id)
    chosen = chosen.execution_options(populate_existing=True)
    row = (await tx.session.scalars(chosen.with_for_update() if lock else chosen)).one_or_none()
    return _destination(row) if row else None


async def enabled(tx: Transaction, *, kept: bool = False) -> list[Destination]:
    """All that are told anything; there are never many. ``kept``: none is turned off or deleted before this transaction ends.

    Whoever is about to owe them something needs that: who turns one off ends what it is owed, and would not see what is written meanwhile.
    """
    chosen = select(DestinationRow).where(col(DestinationRow.enabled)).order_by(col(DestinationRow.sequence))
    if kept:
        chosen = chosen.with_for_update(read=True)
    return [_destination(row) for row in await tx.session.scalars(chosen.execution_options(populate_existing=True))]


async def page(tx: Transaction, after: int, limit: int) -> list[Destination]:
    """``limit`` destinations behind a sequence, the oldest first."""
    chosen = select(DestinationRow).where(col(DestinationRow.sequence) > after).order_by(col(DestinationRow.sequence)).limit(limit)
    return [_destination(row) for row in await tx.session.scalars(chosen)]


def _values(destination: Destination) -> dict[str, Any]:
    return {name: getattr(destination, name) for name in _KEPT_AS_THEY_ARE} | {
        "alarms": list(destination.alarms) if destination.alarms is not None else None,
        "clusters": list(destination.clusters) if destination.clusters is not None else None,
        "schedule": _SCHEDULE.dump_python(destination.schedule, mode="json"),
        "secrets": _SECRETS.dump_python(destination.secrets, mode="json"),
    }


def _destination(row: DestinationRow) -> Destination:
    return Destination(
        **{name: getattr(row, name) for name in _KEPT_AS_THEY_ARE if name != "kind"},
        kind=cast(Kind, row.kind),  # CHECK destination_kind_known
        alarms=tuple(row.alarms) if row.alarms is not None else None,
        clusters=tuple(row.clusters) if row.clusters is not None else None,
        schedule=_SCHEDULE.validate_python(row.schedule),
        secrets=_SECRETS.validate_python(row.secrets),
        sequence=row.sequence,
    )
