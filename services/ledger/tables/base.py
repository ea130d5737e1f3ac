"""What all tables of the ledger stand on."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

LEDGER = registry(metadata=MetaData(schema="ledger"))


class LedgerTable(SQLModel, registry=LEDGER):
    """Base of this service's tables: its own registry, its own schema."""
