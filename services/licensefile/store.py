"""All SQL of the license files."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.history import Known, Record
from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.keys import KeyUse, RevokedKey
from services.licensefile.domain.lines import FileLine
from services.licensefile.domain.standing import GRANTING, FileState, Revocation, Standing
from services.licensefile.tables import (
    ClusterRow,
    LicenseFileContentRow,
    LicenseFileRow,
    LicenseLineRow,
    RevokedKeyRow,
    SupersededRow,
)
from shared.kit.transaction import Transaction

_OF_STANDING = ("state", "reason", "mismatch_since", "grace_ends_at")
_OF_FILE = tuple(name for name in InstalledFile.__dataclass_fields__ if name not in ("standing", "lines", "superseded_by"))
_GRANTS = col(LicenseFileRow.state).in_(GRANTING)
_MISMATCHED = col(LicenseFileRow.state).in_(("host_mismatch", "version_mismatch"))


async def take_turn(tx: Transaction) -> None:
    """Wait until no other transaction changes license files. Whoever installs a file or moves its state takes its turn first:
    a re-host touches files of other clusters, so only one order of locks is free of deadlocks, and uploads are rare."""
    await tx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('licensefile/files', 0))"))


async def find_cluster(tx: Transaction, name: str) -> Cluster | None:
    """The newest that is known of the cluster."""
    row = (await tx.session.scalars(select(ClusterRow).where(col(ClusterRow.cluster) == name))).one_or_none()
    return Cluster(row.cluster, row.version, row.product_version, tuple(row.macs)) if row else None


async def save_cluster(tx: Transaction, cluster: Cluster) -> None:
    values = {"version": cluster.version, "product_version": cluster.product_version, "macs": list(cluster.macs)}
    statement = insert(ClusterRow).values(cluster=cluster.name, **values)
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["cluster"], set_=values))


async def known(tx: Transaction, file_ids: Sequence[str]) -> dict[str, Known]:
    """What is known of these LicFileIDs, in whatever cluster."""
    file_id, superseded_id = col(LicenseFileRow.license_file_id), col(SupersededRow.license_file_id)
    rows = await tx.session.scalars(select(LicenseFileRow).where(file_id.in_(file_ids)))
    records = {row.license_file_id: Record(row.cluster, _standing(row).shown_state, row.digest) for row in rows}
    chosen = select(superseded_id, col(SupersededRow.superseded_by)).where(superseded_id.in_(file_ids))
    by = {row[0]: row[1] for row in await tx.session.execute(chosen)}
    return {one: Known(records.get(one), by.get(one)) for one in records.keys() | by.keys()}


async def add(tx: Transaction, file: InstalledFile, content: bytes) -> None:
    """Keep a new file, its bytes and its lines."""
    values: dict[str, Any] = {name: getattr(file, name) for name in _OF_FILE}
    values |= _values_of(file.standing)
    values |= {"replaces": list(file.replaces), "changed_at": tx.now, "granted_version": 0}
    await tx.session.execute(insert(LicenseFileRow).values(values))
    await tx.session.execute(insert(LicenseFileContentRow).values(license_file_id=file.license_file_id, content=content))
    lines = [{**asdict(line), "license_file_id": file.license_file_id, "host_ids": list(line.host_ids)} for line in file.lines]
    await tx.session.execute(insert(LicenseLineRow), lines)


async def save_standing(tx: Transaction, file: InstalledFile) -> None:
    values = {**_values_of(file.standing), "version": file.version, "changed_at": tx.now}
    await tx.session.execute(update(LicenseFileRow).where(col(LicenseFileRow.license_file_id) == file.license_file_id).values(values))


async def save_granted(tx: Transaction, file_id: str, version: int, granted: bool, at: datetime) -> None:
    """Keep what the ledger said, unless it said something later already."""
    row = LicenseFileRow
    later = or_(
        col(row.granted_version) < version,
        and_(col(row.granted_version) == version, func.coalesce(col(row.granted_at) <= at, True)),
    )
    values = {"granted": granted, "granted_version": version, "granted_at": at}
    await tx.session.execute(update(row).where(col(row.license_file_id) == file_id, later).values(values))


async def remember_superseded(tx: Transaction, file_ids: Iterable[str], by: str) -> None:
    """Never to be installed again; an id that another file superseded before keeps that one's name."""
    rows = [{"license_file_id": file_id, "superseded_by": by, "superseded_at": tx.now} for file_id in file_ids]
    if rows:
        await tx.session.execute(insert(SupersededRow).on_conflict_do_nothing(), rows)


async def find(tx: Transaction, cluster: str, file_id: str) -> InstalledFile | None:
    found = await _files(tx, col(LicenseFileRow.cluster) == cluster, col(LicenseFileRow.license_file_id) == file_id)
    return found[0] if found else None


async def page_of_files(tx: Transaction, cluster: str, after: str | None, limit: int) -> list[InstalledFile]:
    """``limit`` files of the cluster by LicFileID, behind ``after``."""
    return await _files(tx, col(LicenseFileRow.cluster) == cluster, col(LicenseFileRow.license_file_id) > (after or ""), limit=limit)


async def files_of(tx: Transaction, file_ids: Sequence[str]) -> list[InstalledFile]:
    """Those of these LicFileIDs that were installed, in whatever cluster."""
    return await _files(tx, col(LicenseFileRow.license_file_id).in_(file_ids))


async def granting_files(tx: Transaction, cluster: str) -> list[InstalledFile]:
    return await _files(tx, col(LicenseFileRow.cluster) == cluster, _GRANTS)


async def files_past(tx: Transaction, day: date) -> list[InstalledFile]:
    """Granting files whose last day lies before ``day``."""
    return await _files(tx, _GRANTS, col(LicenseFileRow.expires_on) < day)


async def files_whose_grace_ended(tx: Transaction, at: datetime) -> list[InstalledFile]:
    return await _files(tx, _MISMATCHED, col(LicenseFileRow.grace_ends_at) <= at)


async def files_under_revocation(tx: Transaction, key_ids: Collection[str]) -> list[InstalledFile]:
    """Files that are flagged, or hold a line of one of these keys; without those whose state is final."""
    line = LicenseLineRow
    signed = select(col(line.license_file_id)).where(col(line.key_id).in_(key_ids))
    return await _files(tx, _GRANTS, or_(col(LicenseFileRow.revoked_reason).is_not(None), col(LicenseFileRow.license_file_id).in_(signed)))


async def revoked_keys(tx: Transaction) -> dict[str, RevokedKey]:
    """Those that are remembered, by id."""
    rows = await tx.session.scalars(select(RevokedKeyRow).execution_options(populate_existing=True))
    return {row.key_id: RevokedKey(**row.model_dump()) for row in rows}


async def replace_revoked_keys(tx: Transaction, keys: Collection[RevokedKey]) -> None:
    await tx.session.execute(delete(RevokedKeyRow))
    if keys:
        await tx.session.execute(insert(RevokedKeyRow), [asdict(key) for key in keys])


async def uses_of_keys(tx: Transaction) -> dict[str, KeyUse]:
    """How many files hold lines of each key, by its id."""
    file, line = LicenseFileRow, LicenseLineRow
    files = func.count(col(file.license_file_id).distinct())
    grants = and_(_GRANTS, func.coalesce(col(file.revoked_keeps_granting), True))
    joined = select(col(line.key_id), files, files.filter(grants)).join(file, col(file.license_file_id) == col(line.license_file_id))
    rows = await tx.session.execute(joined.group_by(col(line.key_id)))
    return {key_id: KeyUse(license_files, granting) for key_id, license_files, granting in rows if key_id}


async def content_of(tx: Transaction, cluster: str, file_id: str) -> bytes | None:
    """The bytes as they were uploaded."""
    file, kept = LicenseFileRow, LicenseFileContentRow
    chosen = select(col(kept.content)).join(file, col(file.license_file_id) == col(kept.license_file_id))
    return await tx.session.scalar(chosen.where(col(file.cluster) == cluster, col(file.license_file_id) == file_id))


async def _files(tx: Transaction, *where: ColumnElement[bool], limit: int | None = None) -> list[InstalledFile]:
    by_id = col(LicenseFileRow.license_file_id)
    chosen = select(LicenseFileRow, col(SupersededRow.superseded_by)).where(*where).order_by(by_id).limit(limit)
    joined = chosen.outerjoin(SupersededRow, col(SupersededRow.license_file_id) == by_id)
    rows = (await tx.session.execute(joined.execution_options(populate_existing=True))).all()
    lines = await _lines_of(tx, [row.license_file_id for row, _ in rows])
    return [_file(row, lines.get(row.license_file_id, []), superseded_by) for row, superseded_by in rows]


async def _lines_of(tx: Transaction, file_ids: Sequence[str]) -> dict[str, list[FileLine]]:
    row = LicenseLineRow
    chosen = select(row).where(col(row.license_file_id).in_(file_ids)).order_by(col(row.license_file_id), col(row.position))
    lines: dict[str, list[FileLine]] = {}
    for found in await tx.session.scalars(chosen):
        values = {**found.model_dump(exclude={"license_file_id"}), "host_ids": tuple(found.host_ids)}
        lines.setdefault(found.license_file_id, []).append(FileLine(**values))
    return lines


def _state(row: LicenseFileRow) -> FileState:
    return cast(FileState, row.state)  # CHECK license_file_state_known


def _standing(row: LicenseFileRow) -> Standing:
    revoked = None
    if row.revoked_reason is not None and row.revoked_keeps_granting is not None:
        revoked = Revocation(row.revoked_reason, row.revoked_keeps_granting)
    return Standing(_state(row), row.reason, row.mismatch_since, row.grace_ends_at, revoked)


def _values_of(how: Standing) -> dict[str, Any]:
    over = how.revocation
    values = {"revoked_reason": over.reason if over else None, "revoked_keeps_granting": over.keeps_granting if over else None}
    return {**values, **{name: getattr(how, name) for name in _OF_STANDING}}


def _file(row: LicenseFileRow, lines: list[FileLine], superseded_by: str | None) -> InstalledFile:
    values = {**row.model_dump(include=set(_OF_FILE)), "replaces": tuple(row.replaces)}
    return InstalledFile(**values, standing=_standing(row), lines=tuple(lines), superseded_by=superseded_by)
