"""Columns and constraints of reconciliations: the inventory as it was sent, and how the ledger differs from it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.ledger.tables.base import LedgerTable


class ReconciliationRow(LedgerTable, table=True):
    """A cluster's inventory against the ledger. ``caller`` and ``trace_id``: of whoever asked for its last step; ``used_before``: units
    in use when it was applied. Of a cluster one at most is at work."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        CheckConstraint(
            "state IN ('receiving', 'received', 'compared', 'applying', 'applied', 'reverting', 'reverted', 'failed')",
            name="reconciliation_state_known",
        ),
        Index(
            "reconciliation_one_at_work",
            "cluster",
            unique=True,
            postgresql_where=text("state IN ('receiving', 'received', 'applying', 'reverting')"),
        ),
        Index("reconciliation_of_cluster", "cluster", "reconciliation_id"),
    )

    reconciliation_id: str = Field(primary_key=True)
    cluster: str
    dry_run: bool
    state: str
    lines: int = Field(sa_type=BigInteger)
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    summary: dict[str, Any] = Field(sa_type=JSONB)
    used_before: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int
    failure: str | None = None
    caller: str
    trace_id: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))


class InventoryLineRow(LedgerTable, table=True):
    """A line of an inventory, until it is compared. ``device`` is None where the line names none, ``problem`` what is wrong with it."""

    __tablename__ = "inventory_line"
    __table_args__ = (
        ForeignKeyConstraint(["reconciliation_id"], ["ledger.reconciliation.reconciliation_id"], ondelete="CASCADE"),
        CheckConstraint("problem IS NOT NULL OR (device IS NOT NULL AND device_type IS NOT NULL)", name="inventory_line_whole"),
    )

    reconciliation_id: str = Field(primary_key=True)
    line: int = Field(primary_key=True, sa_type=BigInteger)
    device: str | None = None
    device_type: str | None = None
    problem: str | None = None


class DifferenceRow(LedgerTable, table=True):
    """How a device of the ledger differs from the inventory. ``held_…``: what the ledger holds, as last seen; the others: what it should,
    or since it was applied does. ``step``: when in the batch it was applied; ``device_row``: the row of a device that was removed."""

    __tablename__ = "difference"
    __table_args__ = (
        ForeignKeyConstraint(["reconciliation_id"], ["ledger.reconciliation.reconciliation_id"], ondelete="CASCADE"),
        CheckConstraint(
            "kind IN ('missing', 'ghost', 'wrong_type', 're_price', 'elsewhere', 'problem')",
            name="difference_kind_known",
        ),
    )

    reconciliation_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    line: int | None = Field(default=None, sa_type=BigInteger)
    device: str | None = None
    held_type: str | None = None
    held_units: int | None = Field(default=None, sa_type=BigInteger)
    held_adjunct_of: str | None = None
    held_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    device_type: str | None = None
    units: int | None = Field(default=None, sa_type=BigInteger)
    adjunct_of: str | None = None
    other_cluster: str | None = None
    outcome: str | None = None
    rule: str | None = None
    detail: str | None = None
    step: int | None = Field(default=None, sa_type=BigInteger)
    device_row: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
