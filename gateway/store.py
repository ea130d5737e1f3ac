"""All SQL of the gateway."""

import hmac
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from gateway.domain.caller import Caller
from gateway.tables import CallerRow
from shared.kit.transaction import Transaction


async def caller_with(tx: Transaction, key_digest: bytes) -> Caller | None:
    """The caller whose key has this digest."""
    row = (await tx.session.scalars(select(CallerRow).where(col(CallerRow.key_digest) == key_digest))).one_or_none()
    if row is None or not hmac.compare_digest(row.key_digest, key_digest):
        return None
    return Caller(row.caller, row.scope)


async def find(tx: Transaction, name: str) -> Caller | None:
    row = (await tx.session.scalars(select(CallerRow).where(col(CallerRow.caller) == name))).one_or_none()
    return Caller(row.caller, row.scope) if row else None


async def add(tx: Transaction, row: CallerRow) -> bool:
    """Insert; False where the name is taken."""
    added = await tx.session.execute(
        insert(CallerRow).values(row.model_dump()).on_conflict_do_nothing(index_elements=["caller"]).returning(col(CallerRow.caller))
    )
    return added.first() is not None


async def replace_key(tx: Transaction, name: str, key_digest: bytes) -> None:
    row = (await tx.session.scalars(select(CallerRow).where(col(CallerRow.caller) == name).with_for_update())).one()
    row.key_digest = key_digest
    tx.session.add(row)


async def lock_scope(tx: Transaction, scope: str) -> list[str]:
    """The names of all callers of a scope, locked in one order: of two who delete each other the second sees the first's work."""
    chosen = select(col(CallerRow.caller)).where(col(CallerRow.scope) == scope).order_by(col(CallerRow.caller)).with_for_update()
    return list(await tx.session.scalars(chosen))


async def remove(tx: Transaction, name: str) -> None:
    await tx.session.execute(delete(CallerRow).where(col(CallerRow.caller) == name))


async def page_of_callers(tx: Transaction, scopes: Sequence[str], after: str | None, limit: int) -> list[CallerRow]:
    """``limit`` callers of ``scopes`` by name, behind ``after``."""
    chosen = select(CallerRow).where(col(CallerRow.scope).in_(scopes)).order_by(col(CallerRow.caller)).limit(limit)
    if after is not None:
        chosen = chosen.where(col(CallerRow.caller) > after)
    return list(await tx.session.scalars(chosen))
