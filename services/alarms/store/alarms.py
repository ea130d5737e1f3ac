"""Alarms, what is settled about them, and what was heard of pools and services."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.alarms.domain.alarm import ACTIVE, CLEARED, Alarm
from services.alarms.domain.heartbeat import Beat
from services.alarms.domain.refusals import Moment, RefusalWindow
from services.alarms.domain.signals import Raise
from services.alarms.domain.trouble import Trouble
from services.alarms.tables import AlarmRow, AlarmsTable, HeartbeatRow, SettledRow, TallyRow
from shared.kit.transaction import Transaction

_STANDS = col(AlarmRow.state) != CLEARED

# The way of every pool change, so put together once, and past the ORM. Updating a row to itself locks it and reads it in one round trip.
_WINDOW = AlarmsTable.metadata.tables["alarms.refusal_window"]
_FRESH = insert(_WINDOW)
_LOCKED = _FRESH.on_conflict_do_update(index_elements=["subject"], set_={"subject": _FRESH.excluded.subject})
_LOCK_WINDOW = _LOCKED.returning(_WINDOW.c.settled, _WINDOW.c.before, _WINDOW.c.moments)
_SAVE_WINDOW = update(_WINDOW).where(_WINDOW.c.subject == bindparam("of"))


def _as_alarm(row: AlarmRow) -> Alarm:
    return Alarm(**row.model_dump())


async def settled(tx: Transaction, name: str, subject: str, up_to: int = 0) -> int:
    """Settle facts of this alarm ``up_to`` a version; the version that they are settled to now. Locks the alarm's facts."""
    row = insert(SettledRow).values(name=name, subject=subject, version=up_to)
    newest = func.greatest(col(SettledRow.version), row.excluded.version)
    statement = row.on_conflict_do_update(index_elements=["name", "subject"], set_={"version": newest})
    return (await tx.session.execute(statement.returning(col(SettledRow.version)))).scalar_one()


async def standing(tx: Transaction, name: str, subject: str) -> Alarm | None:
    """The alarm of this name and subject that stands, locked."""
    chosen = select(AlarmRow).where(col(AlarmRow.name) == name, col(AlarmRow.subject) == subject, _STANDS).with_for_update()
    row = (await tx.session.scalars(chosen.execution_options(populate_existing=True))).one_or_none()
    return _as_alarm(row) if row else None


async def find(tx: Transaction, alarm_id: UUID, *, locked: bool = False) -> Alarm | None:
    chosen = select(AlarmRow).where(col(AlarmRow.alarm_id) == alarm_id).execution_options(populate_existing=True)
    row = (await tx.session.scalars(chosen.with_for_update() if locked else chosen)).one_or_none()
    return _as_alarm(row) if row else None


async def add(tx: Transaction, alarm: Alarm) -> None:
    """A new alarm, counted in the tally."""
    await tx.session.execute(insert(AlarmRow).values({k: v for k, v in asdict(alarm).items() if k != "sequence"}))
    tally = insert(TallyRow).values(name=alarm.name, raised=1)
    counted = {"raised": col(TallyRow.raised) + 1}
    await tx.session.execute(tally.on_conflict_do_update(index_elements=["name"], set_=counted))


async def save(tx: Transaction, alarm: Alarm) -> None:
    """What became of a known alarm."""
    values = {k: v for k, v in asdict(alarm).items() if k not in {"alarm_id", "sequence"}}
    await tx.session.execute(update(AlarmRow).where(col(AlarmRow.alarm_id) == alarm.alarm_id).values(values))


async def reword(tx: Transaction, signal: Raise, action: str, *, also_older: bool = False) -> None:
    """Say a standing alarm in the words of ``signal`` without counting; nothing where none stands, or where its words are newer."""
    wanted = [col(AlarmRow.name) == signal.name, col(AlarmRow.subject) == signal.subject, _STANDS]
    if not also_older:
        wanted.append(col(AlarmRow.fact_version) <= signal.version)
    newest = func.greatest(col(AlarmRow.fact_version), signal.version)
    words = {"reason": signal.reason, "recommended_action": action, "fact_version": newest, "stage": signal.stage}
    await tx.session.execute(update(AlarmRow).where(*wanted).values(words))


async def page(tx: Transaction, before: int | None, limit: int, *, state: str | None, cluster: str | None, name: str | None) -> list[Alarm]:
    """``limit`` alarms, newest first, behind the one whose sequence is ``before``."""
    wanted = {AlarmRow.state: state, AlarmRow.cluster: cluster, AlarmRow.name: name}
    chosen = select(AlarmRow).order_by(col(AlarmRow.sequence).desc()).limit(limit)
    chosen = chosen.where(*(col(column) == value for column, value in wanted.items() if value is not None))
    if before is not None:
        chosen = chosen.where(col(AlarmRow.sequence) < before)
    return [_as_alarm(row) for row in await tx.session.scalars(chosen)]


async def quiet_subjects(tx: Transaction, name: str, last_seen_before: datetime) -> Sequence[str]:
    """Subjects of standing alarms of this name that were not seen since."""
    quiet = (col(AlarmRow.name) == name, _STANDS, col(AlarmRow.last_seen_at) < last_seen_before)
    return (await tx.session.scalars(select(col(AlarmRow.subject)).where(*quiet).order_by(col(AlarmRow.subject)))).all()


async def standing_subjects(tx: Transaction, name: str) -> Sequence[str]:
    """What the standing alarms of this name are about."""
    chosen = select(col(AlarmRow.subject)).where(col(AlarmRow.name) == name, _STANDS).order_by(col(AlarmRow.subject))
    return (await tx.session.scalars(chosen)).all()


async def raisings_since(tx: Transaction, name: str, subject: str, since: datetime) -> int:
    """How often this alarm began of late."""
    ours = (col(AlarmRow.name) == name, col(AlarmRow.subject) == subject, col(AlarmRow.raised_at) >= since)
    return await tx.session.scalar(select(func.count()).select_from(AlarmRow).where(*ours)) or 0


async def told_before(tx: Transaction, before: datetime, limit: int) -> list[Alarm]:
    """Standing alarms that destinations were last told of before then, locked."""
    chosen = select(AlarmRow).where(_STANDS, col(AlarmRow.told_at) <= before).order_by(col(AlarmRow.sequence)).limit(limit)
    chosen = chosen.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return [_as_alarm(row) for row in await tx.session.scalars(chosen)]


async def unacknowledged(tx: Transaction, raised_before: datetime) -> list[Alarm]:
    """Standing alarms that nobody looks after and that began before then, locked."""
    chosen = select(AlarmRow).where(col(AlarmRow.state) == ACTIVE, col(AlarmRow.raised_at) <= raised_before)
    chosen = chosen.order_by(col(AlarmRow.sequence)).with_for_update(skip_locked=True)
    return [_as_alarm(row) for row in await tx.session.scalars(chosen.execution_options(populate_existing=True))]


async def forget_cleared(tx: Transaction, before: datetime) -> None:
    await tx.session.execute(delete(AlarmRow).where(col(AlarmRow.state) == CLEARED, col(AlarmRow.cleared_at) < before))


async def window_of(tx: Transaction, subject: str) -> RefusalWindow:
    """The newest moments of a pool, locked; an empty window for a pool never heard of."""
    row = (await tx.session.execute(_LOCK_WINDOW, {"subject": subject, "settled": -1, "before": None, "moments": []})).one()
    # Those of an earlier release have no numbers.
    moments = tuple(
        Moment(version, free, tuple(asked), tuple(numbers[0]) if numbers and numbers[0] else None)
        for version, free, asked, *numbers in row.moments
    )
    return RefusalWindow(row.settled, row.before, moments)


async def save_window(tx: Transaction, subject: str, window: RefusalWindow) -> None:
    moments = [[moment.version, moment.free, list(moment.asked), moment.numbers] for moment in window.moments]
    values = {"settled": window.settled, "before": window.before, "moments": moments}
    await tx.session.execute(_SAVE_WINDOW, {"of": subject, **values})


async def beat_of(tx: Transaction, service: str) -> Beat | None:
    """The newest sign of life, locked."""
    chosen = select(HeartbeatRow).where(col(HeartbeatRow.service) == service).with_for_update()
    row = (await tx.session.scalars(chosen)).one_or_none()
    return Beat(row.at, row.received_at, row.interval_seconds) if row else None


async def save_beat(tx: Transaction, service: str, beat: Beat) -> bool:
    """Keep a sign of life; False for one that is not newer than the known one. One known from the future orders nothing any more."""
    row = insert(HeartbeatRow).values(service=service, **asdict(beat))
    newer_or_set_back = or_(col(HeartbeatRow.at) < beat.at, col(HeartbeatRow.received_at) > beat.received_at)
    newer = row.on_conflict_do_update(index_elements=["service"], set_=asdict(beat), where=newer_or_set_back)
    return (await tx.session.execute(newer.returning(col(HeartbeatRow.service)))).first() is not None


async def standing_by_cluster(tx: Transaction) -> dict[tuple[str, str], int]:
    """How many alarms stand, by name and cluster (empty where the alarm has none)."""
    cluster = func.coalesce(col(AlarmRow.cluster), "")
    chosen = select(col(AlarmRow.name), cluster, func.count()).where(_STANDS).group_by(col(AlarmRow.name), cluster)
    return {(name, of): count for name, of, count in await tx.session.execute(chosen)}


async def raised_by_name(tx: Transaction) -> dict[str, int]:
    """How often each alarm was raised since the beginning."""
    return {row.name: row.raised for row in await tx.session.execute(select(col(TallyRow.name), col(TallyRow.raised)))}


async def troubles(tx: Transaction, name: str) -> dict[str, Trouble]:
    """The newest fact about each subject of an alarm of this name, and whether it stands after it."""
    same = (col(AlarmRow.name) == col(SettledRow.name)) & (col(AlarmRow.subject) == col(SettledRow.subject)) & _STANDS
    chosen = select(col(SettledRow.subject), col(SettledRow.version), col(AlarmRow.fact_version)).select_from(SettledRow)
    rows = await tx.session.execute(chosen.outerjoin(AlarmRow, same).where(col(SettledRow.name) == name))
    return {subject: Trouble(over if newest is None else newest, newest is not None) for subject, over, newest in rows}
