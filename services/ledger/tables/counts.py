"""Devices by type and price, counted."""

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.ledger.tables.base import LedgerTable


class TypeCountRow(LedgerTable, table=True):
    """How many of a cluster's devices are of a type and hold so many units each; zero where there once were some."""

    __tablename__ = "type_count"

    cluster: str = Field(primary_key=True, foreign_key="ledger.cluster.cluster")
    device_type: str = Field(primary_key=True)
    units: int = Field(sa_type=BigInteger, primary_key=True)
    devices: int = Field(sa_type=BigInteger)
