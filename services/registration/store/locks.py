"""Locks that are no rows."""

from sqlalchemy import text

from shared.kit.transaction import Transaction


async def take_turn(tx: Transaction, what: str) -> None:
    """Let nobody else take ``what`` until this transaction ends."""
    await tx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"registration/{what}"})
