"""The tables of plumbing that stand in every service's schema: outbox, what left it lately, inbox, dead letters, idempotency keys."""

from typing import Protocol

from sqlalchemy import BigInteger, Column, Connection, DateTime, Identity, Index, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB, insert


class KitTables:
    """The plumbing's tables in one schema."""

    def __init__(self, schema: str) -> None:
        self.metadata = MetaData(schema=schema)
        now = func.now()
        self.outbox = Table(
            "outbox",
            self.metadata,
            Column("sequence", BigInteger, Identity(always=True), primary_key=True),
            Column("event_id", Uuid, nullable=False, unique=True),
            Column("envelope", JSONB, nullable=False),
            Column("created_at", DateTime(timezone=True), nullable=False, server_default=now),
        )
        self.handed_over = _handed_over(self.metadata)
        self.inbox = Table(
            "inbox",
            self.metadata,
            Column("event_id", Uuid, primary_key=True),
            Column("handled_at", DateTime(timezone=True), nullable=False, server_default=now),
            Index("inbox_handled_at", "handled_at"),
        )
        # Once for every event in every service: put together once only.
        self.remember = insert(self.inbox).on_conflict_do_nothing().returning(self.inbox.c.event_id)
        self.dead_letter = Table(
            "dead_letter",
            self.metadata,
            Column("event_id", Uuid, primary_key=True),
            Column("envelope", JSONB, nullable=False),
            Column("error", Text, nullable=False),
            Column("died_at", DateTime(timezone=True), nullable=False, server_default=now),
        )
        self.idempotency = Table(
            "idempotency",
            self.metadata,
            Column("caller", Text, primary_key=True),
            Column("operation", Text, primary_key=True),
            Column("idempotency_key", Text, primary_key=True),
            Column("request_digest", Text, nullable=False),
            Column("answer", JSONB, nullable=True),
            Column("created_at", DateTime(timezone=True), nullable=False, server_default=now),
            Index("idempotency_created_at", "created_at"),
        )


def _handed_over(metadata: MetaData) -> Table:
    """A restored database hands these over again: their readers may not have had them yet when the back-up was made."""
    return Table(
        "handed_over",
        metadata,
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("event_id", Uuid, nullable=False),
        Column("envelope", JSONB, nullable=False),
        Column("handed_over_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Index("handed_over_at", "handed_over_at"),
    )


class Operations(Protocol):
    """What is used of ``alembic.op``."""

    def get_bind(self) -> Connection: ...


def create_kit_tables(op: Operations, schema: str) -> None:
    """Create the plumbing's tables as of their first version; called from a service's first migration."""
    tables = KitTables(schema)
    tables.metadata.create_all(op.get_bind(), [tables.outbox, tables.inbox, tables.dead_letter, tables.idempotency])


def create_handed_over(op: Operations, schema: str) -> None:
    """Create the table of what left the outbox lately; called from a service's second migration."""
    KitTables(schema).handed_over.create(op.get_bind())
